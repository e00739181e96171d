//! What can go wrong: with an input (the rest is still merged) or with the report (there is none).

use crate::text::display::{self, grouped, printable};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use viztracer_format::FormatError;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum MergeError {
    /// The output's name asks for no kind of report; the text lists the endings that do.
    #[error("{}: unknown kind of report: give it a name that ends with one of {}", display::path(.0), .1)]
    Extension(PathBuf, String),
    /// A report that is no text would go to a terminal.
    #[error("a terminal cannot show this kind of report: redirect standard output, or ask for --format json")]
    Terminal,
    /// Two reports under one name.
    #[error("{}: given twice as output", display::output(.0))]
    Twice(PathBuf),
    /// A report would take the place of what it is made from.
    #[error("{}: is one of the inputs, which are never written to: give the report another name", display::output(.0))]
    IsInput(PathBuf),
    /// The list of inputs cannot be read.
    #[error("standard input: cannot read the list of inputs: {}", sentence(.0))]
    List(io::Error),
    /// The list of inputs is empty.
    #[error("standard input names no file, so there is no report")]
    EmptyList,
    /// No input is meant by an offset.
    #[error("{}: no input has this name, so --offset means nothing", display::path(.0))]
    Offset(PathBuf),
    /// Where source files are to be looked for cannot be opened.
    #[error("{}: cannot look for source files in it: {}", display::path(.0), sentence(.1))]
    SourceRoot(PathBuf, io::Error),
    /// The bounds of what is asked for leave nothing.
    #[error("no time is left to show: {0}")]
    NoTime(&'static str),
    /// Not one of the inputs can be read.
    #[error("no input could be read, so there is no report")]
    NothingReadable(Vec<BadInput>),
    /// The report cannot be written.
    #[error("{}: cannot write the report: {}", display::output(.0), sentence(.1))]
    Output(PathBuf, io::Error),
    /// What the report is sorted in cannot be written or read.
    #[error("{}: cannot write the report: its temporary file: {}", display::output(.0), sentence(.1))]
    Spool(PathBuf, io::Error),
    /// The last words cannot be written.
    #[error("cannot write the last words: {}", sentence(.0))]
    LastWords(io::Error),
    /// What was to be printed cannot be written.
    #[error("standard output: {}", sentence(.0))]
    Print(io::Error),
    /// A page of so many events would be of no use.
    #[error(
        "a page for a browser holds up to {} events, and these are {}: ask for a part of them, as with --last 5s, \
         --min_duration 10us or --func REGEX, or for a .pftrace, which may be of any size",
        grouped(*.1), grouped(*.0)
    )]
    TooManyEvents(u64, u64),
    /// No threads to work with.
    #[error("cannot start the worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The watcher asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Something in a file that cannot be used, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a sentence without a full stop.
    pub reason: String,
    /// Bytes from the beginning of the file, where there is such a place.
    pub offset: Option<u64>,
}

impl Problem {
    /// A problem of the file as a whole.
    pub fn new(reason: impl Into<String>) -> Problem {
        Problem { reason: reason.into(), offset: None }
    }

    /// A problem at a place.
    pub fn at(offset: u64, reason: impl Into<String>) -> Problem {
        Problem { reason: reason.into(), offset: Some(offset) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} (offset {offset})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::new(sentence(&error))
    }
}

impl From<FormatError> for Problem {
    fn from(error: FormatError) -> Problem {
        match error {
            FormatError::TooShort { offset, need, found } => {
                Problem::at(offset, format!("cut off: {need} bytes needed, {found} found"))
            }
            FormatError::Magic => Problem::at(0, "not a ring file"),
            FormatError::Version(version) => {
                let reason =
                    format!("format version {version} is not supported, only {}", viztracer_format::header::VERSION);
                Problem::at(8, reason)
            }
            FormatError::Features(bits) => {
                let reason = format!("written by a newer viztracer-ring (unknown features {bits:#x})");
                Problem::at(24, reason)
            }
            FormatError::HeaderChecksum { offset, stored, computed } => {
                let reason = format!("damaged header: checksum is {computed:#010x} and should be {stored:#010x}");
                Problem::at(offset, reason)
            }
            FormatError::Field { field, offset, value } => Problem::at(offset, format!("impossible {field}: {value}")),
            FormatError::SegmentChecksum(offset) => Problem::at(offset, "damaged segment: wrong checksum"),
        }
    }
}

/// An input that could not be read at all, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInput {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub problem: Problem,
}

impl BadInput {
    pub(crate) fn new(path: &Path, problem: impl Into<Problem>) -> BadInput {
        BadInput { path: path.to_path_buf(), problem: problem.into() }
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", display::path(&self.path), printable(&self.problem.to_string()))
    }
}

/// The operating system's words without Rust's `(os error 2)`.
pub(crate) fn sentence(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Problems of one file that are kept word by word; of the others only the number.
const PROBLEMS_MAX: usize = 16;

/// What is wrong with a file: the first problems, and how many there are.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// The first ones.
    pub first: Vec<Problem>,
    /// All of them.
    pub count: u64,
}

impl Problems {
    /// Adds those of a part.
    pub(crate) fn append(&mut self, other: &Problems) {
        let room = PROBLEMS_MAX.saturating_sub(self.first.len());
        self.first.extend(other.first.iter().take(room).cloned());
        self.count += other.count;
    }

    /// Adds one.
    pub(crate) fn add(&mut self, problem: Problem) {
        if self.first.len() < PROBLEMS_MAX {
            self.first.push(problem);
        }
        self.count += 1;
    }
}
