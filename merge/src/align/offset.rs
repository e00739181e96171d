//! Files whose clocks are known to be wrong, and by how much.

use crate::plan::file::FilePlan;
use crate::text::when;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How far a file, or all files in a directory, are moved on the time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The file or directory.
    pub path: PathBuf,
    /// Nanoseconds by which it happened later than its clock says.
    pub nanoseconds: i64,
}

impl Offset {
    /// Whether it is meant for this file.
    pub fn is_of(&self, plan: &FilePlan) -> bool {
        plan.path.starts_with(&self.path) || real(&plan.path).starts_with(real(&self.path))
    }
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.into())
}

impl FromStr for Offset {
    type Err = String;

    /// `run/result_7.bin=-1500` are nanoseconds, `run=+2ms` has a unit.
    fn from_str(text: &str) -> Result<Offset, String> {
        let (path, time) = text.rsplit_once('=').ok_or("FILE=TIME is needed, such as run_2=-1500 or run_2=+20ms")?;
        let (sign, digits) = match time.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, time.strip_prefix('+').unwrap_or(time)),
        };
        let number = match digits.parse::<u64>() {
            Ok(number) => Some(number.into()),
            Err(_) => when::parse_duration(digits).ok().map(|time| time.as_nanos()),
        };
        let number = number.and_then(|number| i64::try_from(number).ok()).filter(|_| !path.is_empty());
        let nanoseconds = number.map(|number| number * sign);
        let nanoseconds =
            nanoseconds.ok_or_else(|| format!("{time:?} is no number of nanoseconds, nor +20ms or -1s"))?;
        Ok(Offset { path: path.into(), nanoseconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_units() {
        for (text, expected) in [
            ("a=5", Some(("a", 5))),
            ("a=b=-7", Some(("a=b", -7))),
            ("d/=+2ms", Some(("d/", 2_000_000))),
            ("d=-1s 5ns", Some(("d", -1_000_000_005))),
            ("d", None),
            ("d=", None),
            ("=5", None),
            ("d=--5", None),
            ("d=x", None),
        ] {
            let offset = expected.map(|(path, nanoseconds)| Offset { path: path.into(), nanoseconds });
            assert_eq!(text.parse().ok(), offset, "{text}");
        }
    }
}
