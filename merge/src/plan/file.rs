//! What there is to merge from one file: which segments hold which events, and how many of them count.
//!
//! What a plan keeps per segment is 24 bytes.

use crate::error::Problems;
use crate::input::ring::{Input, State};
use crate::plan::account::Account;
use crate::plan::ending::Ending;
use crate::plan::frames::OpenFrame;
use crate::plan::imported::Imported;
use crate::plan::names::ChildEnd;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use viztracer_format::clock::Anchor;
use viztracer_format::header::Header;
use viztracer_format::record::RECORD_SIZE;

/// What a segment counts for that holds fewer records.
const RECORDS_LEAST: usize = 32;

/// What there is to merge from one file.
#[derive(Debug)]
pub struct FilePlan {
    /// Where it is.
    pub path: PathBuf,
    /// Device and inode of what was planned.
    pub place: (u64, u64),
    /// Bytes in it when it was opened.
    pub length: u64,
    /// Its header.
    pub header: Header,
    /// The number that its tracks bear: the process's id, unless an earlier file is of another process with that id.
    pub pid: u32,
    /// How its recording ended.
    pub state: State,
    /// How the process ended.
    pub ending: Ending,
    /// The process's name.
    pub process: Option<String>,
    /// How children of the process ended, as it has learned by waiting for them, in no order.
    pub children: Vec<ChildEnd>,
    /// Where only the parent knows how the process ended: how long after the last moment known of it the parent had
    /// waited for it, in ns.
    pub waited_after: Option<u64>,
    /// Its threads by serial.
    pub threads: Vec<Thread>,
    /// CALLS segments with something to show, oldest first.
    pub calls: Vec<Calls>,
    /// Events to leave out from the beginning of some of `calls`, by place in it and thread.
    pub skips: HashMap<u32, Vec<(u32, u64)>>,
    /// Indexes of NAMES and LABELS segments.
    pub names: Vec<u32>,
    /// Generations and indexes of PAYLOAD segments.
    pub payloads: Vec<(u64, u32)>,
    /// Calls still open in a file that was not closed, outermost first.
    pub frames: Vec<OpenFrame>,
    /// The newest moment in the file, in ticks.
    pub last_moment: u64,
    /// The file's anchors, each once.
    pub anchors: Vec<Anchor>,
    /// What could not be read.
    pub problems: Problems,
    /// The moment that was marked to align files by, in nanoseconds of the monotonic clock.
    pub sync_marker: Option<i64>,
    /// What kind of file it is, and what was kept of it.
    pub source: Source,
    /// Names of tasks that came with it, by serial.
    pub tasks: BTreeMap<u32, String>,
    /// Whether it is known when the recording began and ended.
    pub is_dated: bool,
}

/// What kind of file a plan is of.
#[derive(Clone, Debug)]
pub enum Source {
    /// A ring file. If it is still written, a copy of it is read in its place.
    Ring { snapshot: Option<Arc<Input>> },
    /// A trace in JSON, or a process in it: what it became when it was read, and what it told of the process.
    Json { imported: Arc<Imported>, account: Option<Arc<Account>> },
}

/// A thread's part in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// The file's number for it.
    pub serial: u32,
    /// The operating system's id.
    pub tid: u64,
    /// Its name, if it had one.
    pub name: Option<String>,
    /// Events that are no longer there, or are not among the newest that were asked for.
    pub overwritten: u64,
    /// Ticks at or after the end of the newest of them, 0 if there are none: all that ended later is there.
    pub overwritten_until: u64,
    /// Events that found no room.
    pub lost: u64,
    /// Ticks at its first event, 0 if that is not known.
    pub begun: u64,
    /// Ticks at its end, 0 if it was alive when the file was last written.
    pub ended: u64,
}

impl Thread {
    /// Its name, or what stands for it.
    pub fn display_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("Thread-{}", self.tid))
    }

    /// Whether it recorded events that the file does not hold.
    pub fn is_incomplete(&self) -> bool {
        self.overwritten > 0 || self.lost > 0
    }
}

/// A CALLS segment as planned: this many bytes of this generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// What the segment must still be when it is read.
    pub generation: u64,
    /// Its place in the file.
    pub index: u32,
    /// Committed bytes then.
    pub committed: u32,
    /// The thread whose records come first.
    pub thread: u32,
    /// Events of all its threads.
    pub events: u32,
}

/// Events by thread in one segment: nearly always one thread's.
pub(crate) type Counts = Vec<(u32, u64)>;

impl FilePlan {
    /// A plan of nothing, from a file with this header.
    pub fn empty(path: &Path, header: Header, state: State) -> FilePlan {
        FilePlan {
            path: path.to_path_buf(),
            place: (0, 0),
            length: 0,
            pid: header.identity.pid,
            ending: Ending::of(&header, state),
            header,
            state,
            process: None,
            children: Vec::new(),
            waited_after: None,
            threads: Vec::new(),
            calls: Vec::new(),
            skips: HashMap::new(),
            names: Vec::new(),
            payloads: Vec::new(),
            frames: Vec::new(),
            last_moment: 0,
            anchors: Vec::new(),
            problems: Problems::default(),
            sync_marker: None,
            source: Source::Ring { snapshot: None },
            tasks: BTreeMap::new(),
            is_dated: false,
        }
    }

    /// What a trace in JSON became when it was read; `None` if this is a ring file.
    pub fn imported(&self) -> Option<&Imported> {
        match &self.source {
            Source::Ring { .. } => None,
            Source::Json { imported, .. } => Some(imported),
        }
    }

    /// What a report told of the process; `None` if this is no report.
    pub fn account(&self) -> Option<&Account> {
        match &self.source {
            Source::Ring { .. } => None,
            Source::Json { account, .. } => account.as_deref(),
        }
    }

    /// The process's name, or what stands for it.
    pub fn process_name(&self) -> String {
        self.process.clone().unwrap_or_else(|| format!("pid {}", self.pid))
    }

    /// Ticks when the recording of a thread began.
    pub fn begun(&self, thread: &Thread) -> u64 {
        if thread.begun == 0 { self.header.identity.opened.ticks } else { thread.begun }
    }

    /// How its recording ended, in a word; one that only the report knows it came with.
    pub fn state_word(&self) -> &str {
        match self.account() {
            Some(account) if self.state == State::Unknown && !account.state.is_empty() => &account.state,
            _ => self.state.word(),
        }
    }

    /// How the process ended, in a word; one that only the report knows it came with.
    pub fn ending_word(&self) -> Cow<'_, str> {
        match self.account() {
            Some(account) if self.ending == Ending::Untold && !account.ending.is_empty() => (&*account.ending).into(),
            _ => self.ending.word(),
        }
    }

    /// The same in a sentence that says no more than this.
    pub fn ending_words(&self) -> String {
        match self.ending {
            Ending::Running if !self.is_running() => "was still running when the report was made".to_owned(),
            Ending::Untold => format!("ended in a way that is not known here ({})", self.ending_word()),
            ending => ending.words(),
        }
    }

    /// Whether the process still runs; one that a report tells of ran when that was made.
    pub fn is_running(&self) -> bool {
        self.ending == Ending::Running && self.imported().is_none()
    }

    /// The place of a thread in `threads`.
    pub fn thread(&self, serial: u32) -> Option<usize> {
        self.threads.binary_search_by_key(&serial, |thread| thread.serial).ok()
    }

    /// What is to be read of `calls` from place `first` on until there are `records` of them; at least one.
    pub fn run_of(&self, first: usize, records: usize) -> usize {
        let mut total = 0;
        let rest = self.calls.get(first..).unwrap_or_default();
        let fits = rest.iter().take_while(|calls| {
            let before = total;
            // So a run is of few threads, even if each of them has few events.
            total += (calls.committed as usize / RECORD_SIZE).max(RECORDS_LEAST);
            before < records
        });
        first + fits.count()
    }
}
