//! The kinds of report, and the endings of file names that select them.

use crate::error::MergeError;
use crate::storage::directory::{NewDirectory, is_directory_name};
use crate::storage::output;
use std::path::Path;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Chrome trace in JSON
    #[value(name = "json")]
    Json,
    /// The same, compressed with gzip
    #[value(name = "json.gz")]
    JsonGzip,
    /// Perfetto trace in protobuf
    #[value(name = "pftrace")]
    Perfetto,
    /// The same, compressed with gzip
    #[value(name = "pftrace.gz")]
    PerfettoGzip,
    /// Profile for speedscope.app
    #[value(name = "speedscope")]
    Speedscope,
    /// The same, compressed with gzip
    #[value(name = "speedscope.gz")]
    SpeedscopeGzip,
    /// Page that shows the trace in any browser, offline
    #[value(name = "html")]
    Html,
    /// Table of the functions of every process
    #[value(name = "csv")]
    Csv,
    /// Table of all calls, for DuckDB, Polars, pandas and others
    #[value(name = "parquet")]
    Parquet,
    /// Collapsed stacks for flame graphs
    #[value(name = "folded")]
    Folded,
}

/// The endings of names, and the kinds of report that they select. Of two that fit a name the longer one counts.
/// VizTracer takes every name that ends with `.gz` for JSON.
const ENDINGS: [(&str, Format); 11] = [
    (".json", Format::Json),
    (".json.gz", Format::JsonGzip),
    (".gz", Format::JsonGzip),
    (".pftrace", Format::Perfetto),
    (".pftrace.gz", Format::PerfettoGzip),
    (".speedscope.json", Format::Speedscope),
    (".speedscope.json.gz", Format::SpeedscopeGzip),
    (".html", Format::Html),
    (".csv", Format::Csv),
    (".folded", Format::Folded),
    (".parquet", Format::Parquet),
];

/// Endings that would ask for one kind of report and get another one.
const NO_KINDS: [&str; 4] = [".html.gz", ".csv.gz", ".folded.gz", ".parquet.gz"];

/// The endings alone.
const KINDS: [&str; ENDINGS.len()] = {
    let mut kinds = [""; ENDINGS.len()];
    let mut index = 0;
    while index < kinds.len() {
        kinds[index] = ENDINGS[index].0;
        index += 1;
    }
    kinds
};

/// The file name endings that a report can have, each with its dots, such as `.json.gz`. No other list of them exists.
pub fn output_kinds() -> &'static [&'static str] {
    &KINDS
}

/// Whether a report may have this name.
pub fn is_output_name(name: &str) -> bool {
    KINDS.iter().any(|ending| name.ends_with(ending)) && !NO_KINDS.iter().any(|ending| name.ends_with(ending))
}

impl Format {
    /// The kind that the ending of a file's name selects, or else `otherwise`. A device or a pipe has no such ending
    /// and gets plain JSON.
    pub fn of(path: &Path, otherwise: Option<Format>) -> Result<Format, MergeError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fitting = ENDINGS.iter().filter(|(ending, _)| is_output_name(&name) && name.ends_with(ending));
        match fitting.max_by_key(|(ending, _)| ending.len()) {
            Some((_, format)) => Ok(*format),
            None if output::is_special(path) => Ok(otherwise.unwrap_or(Format::Json)),
            None => otherwise.ok_or_else(|| MergeError::Extension(path.into(), output_kinds().join(", "))),
        }
    }

    /// Whether it is written as a directory to this path.
    pub fn is_directory(self, path: &Path) -> bool {
        self == Format::Parquet && is_directory_name(path)
    }

    /// Fails if no report of this kind can be written at this path.
    pub fn check_writable(self, path: &Path) -> Result<(), MergeError> {
        if !self.is_directory(path) {
            return output::check_writable(path);
        }
        NewDirectory::beside(path).map(drop).map_err(|error| MergeError::Output(path.into(), error))
    }

    /// Whether people can read it.
    pub fn is_text(self) -> bool {
        match self {
            Format::Json | Format::Speedscope | Format::Html | Format::Csv | Format::Folded => true,
            Format::JsonGzip | Format::Perfetto | Format::PerfettoGzip | Format::SpeedscopeGzip | Format::Parquet => {
                false
            }
        }
    }

    /// Whether it is compressed.
    pub fn is_gzip(self) -> bool {
        matches!(self, Format::JsonGzip | Format::PerfettoGzip | Format::SpeedscopeGzip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_ending_counts() {
        let of = |name: &str| Format::of(Path::new(name), None).ok();
        for (ending, format) in ENDINGS {
            assert_eq!(of(&format!("/a.json/b{ending}")), Some(format), "{ending}");
        }
        assert_eq!(of("speedscope.json"), Some(Format::Json));
        assert_eq!(of("a.speedscope"), None);
        assert_eq!(of("a.json.txt"), None);
        assert_eq!(of("a.csv.gz"), None);
    }

    #[test]
    fn an_unknown_ending_is_refused_with_the_list_of_all() {
        let refused = Format::of(Path::new("a.txt"), None).unwrap_err().to_string();
        assert!(output_kinds().iter().all(|kind| refused.contains(kind)), "{refused}");
    }
}
