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
    #[error("{}: given twice as output: give each report a name of its own", display::output(.0))]
    Twice(PathBuf),
    /// A report would replace an input.
    #[error("{}: is one of the inputs, which are never written to: give the report another name", display::output(.0))]
    IsInput(PathBuf),
    /// The list of inputs cannot be read.
    #[error("standard input: cannot read the list of inputs: {}", sentence(.0))]
    List(io::Error),
    /// The list of inputs is empty.
    #[error("standard input names no file, so there is no report")]
    EmptyList,
    /// No input is meant by an offset.
    #[error("{}: --offset fits no input: give an input, or a directory that holds inputs", display::path(.0))]
    Offset(PathBuf),
    /// The calls of a barrier do not place the machines.
    #[error("--barrier cannot place the machines: {0}")]
    Barrier(String),
    /// The directory of source files cannot be opened.
    #[error("{}: cannot look for source files in it: {}", display::path(.0), sentence(.1))]
    SourceRoot(PathBuf, io::Error),
    /// The bounds of what is asked for leave nothing.
    #[error("no time is left to show: {0}")]
    NoTime(&'static str),
    /// None of so many events is selected. The inputs that could not be read wholly may be why.
    #[error("the options that select a part select none of the {} events, so there is no report", grouped(*.0))]
    NothingSelected(u64, Vec<BadInput>),
    /// Not one of the inputs can be read.
    #[error("no input could be read, so there is no report")]
    NothingReadable(Vec<BadInput>),
    /// Of a side of a comparison, none of the inputs could be read.
    #[error("no input of the {0} could be read, so nothing is compared")]
    NoSide(&'static str, Vec<BadInput>),
    /// The report cannot be written.
    #[error("{}: cannot write the report: {}", display::output(.0), sentence(.1))]
    Output(PathBuf, io::Error),
    /// The temporary file of the report cannot be written or read.
    #[error("{}: cannot write the report: its temporary file: {}", display::output(.0), sentence(.1))]
    Spool(PathBuf, io::Error),
    /// The last words cannot be written.
    #[error("cannot write the last words: {}", sentence(.0))]
    LastWords(io::Error),
    /// Standard output cannot be written.
    #[error("standard output: {}", sentence(.0))]
    Print(io::Error),
    /// A page of so many events would be too slow.
    #[error(
        "a page for a browser holds up to {} events, and these are {}: ask for a part of them, as with --last 5s, \
         --min_duration 10us or --func REGEX, or for a .pftrace, which may be of any size; vizviewer shows ring files of \
         any size in pieces",
        grouped(*.1), grouped(*.0)
    )]
    TooManyEvents(u64, u64),
    /// A tile of so many calls would be too large.
    #[error("this time has too many calls to be shown one by one: zoom in")]
    LargeTile,
    /// No threads to work with.
    #[error("cannot start the worker threads: {0}: try --threads 1")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The watcher asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// What is wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a sentence without a full stop.
    pub reason: String,
    /// Where it is, in bytes from the beginning of the file, if it is a part.
    pub offset: Option<u64>,
}

impl Problem {
    /// A problem of the file as a whole.
    pub fn new(reason: impl Into<String>) -> Problem {
        Problem { reason: reason.into(), offset: None }
    }

    /// A problem at an offset of the file.
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
    /// The path of the input.
    pub path: PathBuf,
    /// Why it could not be read.
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

/// The operating system's message without Rust's `(os error 2)`.
pub(crate) fn sentence(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// The first problems of a file are kept; further ones are only counted.
const PROBLEMS_MAX: usize = 16;

/// What is wrong with a file: its first problems, and how many it has.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// The first problems.
    pub first: Vec<Problem>,
    /// How many there are.
    pub count: u64,
}

impl Problems {
    /// Adds the problems of a part.
    pub(crate) fn append(&mut self, other: &Problems) {
        let left = PROBLEMS_MAX.saturating_sub(self.first.len());
        self.first.extend(other.first.iter().take(left).cloned());
        self.count += other.count;
    }

    /// Adds a problem.
    pub(crate) fn add(&mut self, problem: Problem) {
        if self.first.len() < PROBLEMS_MAX {
            self.first.push(problem);
        }
        self.count += 1;
    }
}
