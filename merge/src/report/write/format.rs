//! The kinds of report, and the names that ask for them.

use crate::error::MergeError;
use crate::storage::output;
use std::path::Path;

/// The kinds of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Chrome trace, as text
    #[value(name = "json")]
    Json,
    /// The same, compressed by gzip
    #[value(name = "json.gz")]
    JsonGzip,
    /// Perfetto's own kind of trace
    #[value(name = "pftrace")]
    Perfetto,
    /// The same, compressed by gzip
    #[value(name = "pftrace.gz")]
    PerfettoGzip,
    /// What speedscope.app opens
    #[value(name = "speedscope")]
    Speedscope,
    /// The same, compressed by gzip
    #[value(name = "speedscope.gz")]
    SpeedscopeGzip,
    /// A page that shows the trace in any browser, without a network
    #[value(name = "html")]
    Html,
    /// The functions of every process as a table
    #[value(name = "csv")]
    Csv,
    /// Collapsed stacks
    #[value(name = "folded")]
    Folded,
}

/// What a name ends with; the longer of two that fit comes first.
const EXTENSIONS: [(&str, Format); 9] = [
    (".speedscope.json", Format::Speedscope),
    (".speedscope.json.gz", Format::SpeedscopeGzip),
    (".json", Format::Json),
    (".json.gz", Format::JsonGzip),
    (".pftrace", Format::Perfetto),
    (".pftrace.gz", Format::PerfettoGzip),
    (".html", Format::Html),
    (".csv", Format::Csv),
    (".folded", Format::Folded),
];

impl Format {
    /// The kind that a file's name asks for; if it does not tell, what was asked for `otherwise`. A device or a pipe
    /// has no such name and gets plain JSON.
    pub fn of(path: &Path, otherwise: Option<Format>) -> Result<Format, MergeError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let told = EXTENSIONS.iter().find(|(extension, _)| name.ends_with(extension)).map(|(_, format)| *format);
        match told {
            Some(format) => Ok(format),
            None if output::is_special(path) => Ok(otherwise.unwrap_or(Format::Json)),
            None => otherwise.ok_or_else(|| MergeError::Extension(path.into())),
        }
    }

    /// Whether people can read it.
    pub fn is_text(self) -> bool {
        match self {
            Format::Json | Format::Speedscope | Format::Html | Format::Csv | Format::Folded => true,
            Format::JsonGzip | Format::Perfetto | Format::PerfettoGzip | Format::SpeedscopeGzip => false,
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
    fn the_longest_extension_tells() {
        let of = |name: &str| Format::of(Path::new(name), None).ok();
        for (place, (extension, format)) in EXTENSIONS.iter().enumerate() {
            assert_eq!(of(&format!("/a.json/b{extension}")), Some(*format), "{extension}");
            let later = &EXTENSIONS[place + 1..];
            assert!(later.iter().all(|(later, _)| !later.ends_with(extension)), "{extension}");
        }
        assert_eq!(of("speedscope.json"), Some(Format::Json));
        assert_eq!(of("a.speedscope"), None);
        assert_eq!(of("a.json.txt"), None);
    }
}
