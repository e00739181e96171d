//! Counts the source files that are left out of a report, by reason.

use crate::text::display::grouped;
use std::fmt;

/// Why the text of a source file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No trusted ring file says which file its path led to.
    NotVouched,
    /// It is gone, or not what it was when it was recorded.
    Changed,
    /// It belongs to another user.
    Foreign,
    /// It is not Python source, or no UTF-8.
    NotPython,
    /// It is too large, or the report holds too much text already.
    TooLarge,
    /// It is in the report under another path.
    Repeated,
}

/// The reasons, their names in reports, and what is said of the files.
const REASONS: [(Reason, &str, &str); 6] = [
    (Reason::NotVouched, "not_vouched", "that no ring file of yours vouches for"),
    (Reason::Changed, "changed", "changed or gone since they were recorded"),
    (Reason::Foreign, "foreign", "of another user"),
    (Reason::NotPython, "not_python", "not Python source in UTF-8"),
    (Reason::TooLarge, "too_large", "over 4 MiB, or 64 MiB in all"),
    (Reason::Repeated, "repeated", "there under another path"),
];

/// How many source files' text is not in a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut([u64; REASONS.len()]);

impl LeftOut {
    /// Counts one.
    pub fn count(&mut self, reason: Reason) {
        self.0[reason as usize] += 1;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == LeftOut::default()
    }

    /// How many for each reason, by its name in reports, if there are any.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.rows().map(|(name, _, files)| (name, files))
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let rows = REASONS.iter().map(|(reason, name, words)| (*name, *words, self.0[*reason as usize]));
        rows.filter(|(_, _, files)| *files > 0)
    }

    /// Whether `--source_root` may help.
    fn may_be_elsewhere(&self) -> bool {
        [Reason::NotVouched, Reason::Changed, Reason::Foreign].iter().any(|reason| self.0[*reason as usize] > 0)
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.rows().map(|(_, words, files)| format!("{} {words}", grouped(files))).collect();
        write!(f, "the text of these source files is left out: {}", counts.join(", "))?;
        if self.may_be_elsewhere() { f.write_str(" (--source_root DIR reads what is beneath DIR)") } else { Ok(()) }
    }
}
