//! What there is to merge from one process: which events are where, and how many of them count.
//!
//! What a plan keeps per segment is 32 bytes.

use crate::error::Problems;
use crate::input::ring::{Input, SegmentPart, State};
use crate::plan::account::Account;
use crate::plan::bursts::Bursts;
use crate::plan::elided::ElidedSince;
use crate::plan::ending::Ending;
use crate::plan::estimate::Estimates;
use crate::plan::frames::OpenFrame;
use crate::plan::imported::Imported;
use crate::plan::names::ChildEnd;
use crate::plan::recording::Recording;
use crate::storage::inode::Inode;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use viztracer_format::arguments::StackedArguments;
use viztracer_format::clock::Anchor;
use viztracer_format::reader::{self, PayloadRef, Segment, SegmentOrder};
use viztracer_format::record::RECORD_SIZE;

/// The number of records that a segment with fewer ones counts for.
const RECORDS_LEAST: usize = 32;

/// What there is to merge from one process: a ring file, or a process in a trace in JSON.
#[derive(Debug)]
pub struct FilePlan {
    /// The file's path.
    pub path: PathBuf,
    /// The file that was planned.
    pub inode: Inode,
    /// Bytes in the file when it was opened.
    pub length: u64,
    /// What is known of the recording as a whole.
    pub recording: Recording,
    /// The number of the process's tracks: its id, unless an earlier file is of another process with that id.
    pub pid: u32,
    /// How the recording ended.
    pub state: State,
    /// Why a file that is being written was read without a copy of it.
    pub uncopied: Option<String>,
    /// How the process ended.
    pub ending: Ending,
    /// Whether another process of its run was there first.
    pub is_worker: bool,
    /// The process's name.
    pub process: Option<String>,
    /// How children of the process ended, as it has learned by waiting for them, in no order.
    pub children: Vec<ChildEnd>,
    /// Whether there were ends of children that `children` lacks.
    pub has_forgotten_children: bool,
    /// Where only the parent knows how the process ended: how many ns after the last event known of it the parent had
    /// waited for it.
    pub waited_after: Option<u64>,
    /// The threads, by serial.
    pub threads: Vec<Thread>,
    /// Where there are calls to show, oldest first.
    pub calls: Vec<Calls>,
    /// How many events of a thread to leave out at the beginning of some of `calls`, by index in `calls`.
    pub skips: HashMap<u32, Vec<(u32, u64)>>,
    /// Indexes of NAMES and LABELS segments.
    pub names: Vec<u32>,
    /// Generations and indexes of PAYLOAD segments, by generation, each once.
    pub payloads: Vec<(u64, u32)>,
    /// PAYLOAD segments of which CALLS segments show more than there is.
    pub overdrawn: Overdrawn,
    /// Calls still open in a file that was not closed, outermost first.
    pub frames: Vec<OpenFrame>,
    /// The arguments of those that have some.
    pub arguments: HashMap<OpenFrame, StackedArguments>,
    /// The newest time in the file, in ticks.
    pub last_moment: u64,
    /// When the process was known to run, in nanoseconds of the report; 0 if the report is not of one instant.
    pub running_until: u64,
    /// The file's anchors, each once.
    pub anchors: Vec<Anchor>,
    /// What could not be read.
    pub problems: Problems,
    /// The time that was marked to align files by, in nanoseconds of the monotonic clock.
    pub sync_marker: Option<i64>,
    /// What kind of file it is, and what only such a file has.
    pub source: Source,
    /// Names of tasks that a trace in JSON contains, by serial.
    pub tasks: BTreeMap<u32, String>,
    /// When those of them began of which a trace in JSON tells it, in ticks.
    pub task_begins: BTreeMap<u32, u64>,
    /// Whether a ring file has names of tasks.
    pub has_tasks: bool,
    /// Functions of which not all calls are recorded, and since when, in ticks.
    pub elided: ElidedSince<u64>,
    /// About how many of their calls are not recorded.
    pub estimates: Estimates,
    /// Whether calls are recorded in bursts only.
    pub bursts: Bursts,
    /// Whether it is known when the recording began and ended.
    pub is_dated: bool,
}

/// PAYLOAD segments of which CALLS segments show more than there is, by generation. Each comes with the first CALLS
/// segment with which that is so: its references are damaged, and all later ones.
pub type Overdrawn = BTreeMap<u64, SegmentOrder>;

/// What kind of file a plan is of, and what only such a file has.
#[derive(Clone, Debug)]
pub enum Source {
    /// A ring file.
    Ring {
        /// A copy of a file that is still being written, which is read instead of it.
        snapshot: Option<Arc<Input>>,
        /// The random id in the file's header, which copies of the file share.
        file_id: [u8; 16],
        /// When the process started, in clock ticks since boot, 0 if unknown.
        process_start: u64,
        /// Shorter calls are left out, in ns.
        min_duration: u64,
    },
    /// A process in a trace in JSON.
    Json {
        /// What the whole trace became when it was read.
        imported: Arc<Imported>,
        /// What the trace says of the process beside its events, if it is a report.
        account: Option<Arc<Account>>,
    },
}

/// What a file shares with its copies, and with no other file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentId {
    /// The random id in the header of a ring file.
    Ring([u8; 16]),
    /// A trace in JSON has none, so each file is one of its own.
    Json(Inode),
}

/// What a file has of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// The thread's number in the file.
    pub serial: u32,
    /// The operating system's id.
    pub tid: u64,
    /// The thread's name, if it has one.
    pub name: Option<String>,
    /// Events that were overwritten, or are not among the newest that were asked for.
    pub overwritten: u64,
    /// Ticks at or after the end of the newest overwritten event, 0 if there is none. The file has all events that
    /// ended later.
    pub overwritten_until: u64,
    /// Events that the file had no space for.
    pub lost: u64,
    /// Ticks at the thread's first event, 0 if unknown.
    pub begun: u64,
    /// Ticks at the thread's end, 0 if it was alive when the file was last written.
    pub ended: u64,
}

impl Thread {
    /// The thread's name, or what stands for it.
    pub fn display_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("Thread-{}", self.tid))
    }

    /// Whether the thread had events that the file does not hold.
    pub fn is_incomplete(&self) -> bool {
        self.overwritten > 0 || self.lost > 0
    }
}

/// Calls that are read at once: those of a CALLS segment, or a chunk of a trace in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Where their records are.
    pub records: Records,
    /// The thread whose records come first.
    pub thread: u32,
    /// Events of all its threads.
    pub events: u32,
}

/// Where the records of calls are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// In a segment of a ring file.
    Segment(SegmentPart),
    /// In the store of a trace in JSON, from this offset on: one record for each event.
    Stored(u64),
}

impl Calls {
    /// The segment that holds the records, if they are in a ring file.
    pub fn segment(&self) -> Option<SegmentPart> {
        match self.records {
            Records::Segment(segment) => Some(segment),
            Records::Stored(_) => None,
        }
    }

    /// How many records are read for these calls.
    pub fn records(&self) -> usize {
        match self.records {
            Records::Segment(segment) => segment.committed as usize / RECORD_SIZE,
            Records::Stored(_) => self.events as usize,
        }
    }
}

impl FilePlan {
    /// A plan without events, of which it is not known how the process ended.
    pub fn empty(path: &Path, inode: Inode, recording: Recording, source: Source) -> FilePlan {
        FilePlan {
            path: path.to_path_buf(),
            inode,
            length: 0,
            pid: recording.pid,
            recording,
            state: State::Unknown,
            uncopied: None,
            ending: Ending::Untold,
            is_worker: false,
            process: None,
            children: Vec::new(),
            has_forgotten_children: false,
            waited_after: None,
            threads: Vec::new(),
            calls: Vec::new(),
            skips: HashMap::new(),
            names: Vec::new(),
            payloads: Vec::new(),
            overdrawn: Overdrawn::new(),
            frames: Vec::new(),
            arguments: HashMap::new(),
            last_moment: 0,
            running_until: 0,
            anchors: Vec::new(),
            problems: Problems::default(),
            sync_marker: None,
            source,
            tasks: BTreeMap::new(),
            task_begins: BTreeMap::new(),
            has_tasks: false,
            elided: ElidedSince::new(),
            estimates: Estimates::new(),
            bursts: Bursts::default(),
            is_dated: false,
        }
    }

    /// Whether calls may stand on the tracks of tasks.
    pub fn may_have_tasks(&self) -> bool {
        self.has_tasks || !self.tasks.is_empty()
    }

    /// Whether the recording tells an await from a return. CPython 3.10 and 3.11 do not.
    pub fn tells_awaits(&self) -> bool {
        self.recording.python_version == 0 || self.recording.python_version >= 0x030c_0000
    }

    /// What a trace in JSON became when it was read; `None` if this is a ring file.
    pub fn imported(&self) -> Option<&Imported> {
        match &self.source {
            Source::Ring { .. } => None,
            Source::Json { imported, .. } => Some(imported),
        }
    }

    /// What the monotonic clock showed at tick 0, if ticks are nanoseconds.
    pub fn monotonic_at_tick_0(&self) -> i64 {
        self.imported().map_or(0, Imported::clock_at_tick_0)
    }

    /// What a report says of the process; `None` if this is no report.
    pub fn account(&self) -> Option<&Account> {
        match &self.source {
            Source::Ring { .. } => None,
            Source::Json { account, .. } => account.as_deref(),
        }
    }

    /// What all plans of the file have in common.
    pub fn content_id(&self) -> ContentId {
        match self.source {
            Source::Ring { file_id, .. } => ContentId::Ring(file_id),
            Source::Json { .. } => ContentId::Json(self.inode),
        }
    }

    /// The process's name, or what stands for it.
    pub fn process_name(&self) -> String {
        self.process.clone().unwrap_or_else(|| format!("pid {}", self.pid))
    }

    /// Whether a trace in JSON names the process, or a thread, that has this name or none. One that was read from JSON
    /// names those that it named.
    pub fn names(&self, name: &Option<String>) -> bool {
        name.is_some() || self.imported().is_none()
    }

    /// How many names of itself and its threads a trace in JSON has.
    pub fn names_count(&self) -> u64 {
        let threads = self.threads.iter().map(|thread| &thread.name);
        threads.chain([&self.process]).filter(|name| self.names(name)).count() as u64
    }

    /// Ticks when the recording of a thread began.
    pub fn begun(&self, thread: &Thread) -> u64 {
        if thread.begun == 0 { self.recording.opened.ticks } else { thread.begun }
    }

    /// Whether an event of the CALLS segment `calls` refers to a payload of another one, so that its record is damaged.
    pub fn is_damaged(&self, calls: &Segment, event: &reader::Event) -> bool {
        let Some(PayloadRef { generation, .. }) = event.payload else { return false };
        let is_overdrawn = || self.overdrawn.get(&generation).is_some_and(|first| calls.order() >= *first);
        if event.is_damaged { self.payload_segment(generation).is_some() } else { is_overdrawn() }
    }

    /// The index of the PAYLOAD segment of this generation, if the file has one.
    pub fn payload_segment(&self, generation: u64) -> Option<u32> {
        let found = self.payloads.binary_search_by_key(&generation, |(of, _)| *of).ok()?;
        self.payloads.get(found).map(|(_, index)| *index)
    }

    /// The duration in ns below which the recording leaves out calls, as far as it is known.
    pub fn min_duration(&self) -> u64 {
        match self.source {
            Source::Ring { min_duration, .. } => min_duration,
            Source::Json { .. } => 0,
        }
    }

    /// How the recording ended, in a word: that of the report if it is not a word of ours.
    pub fn state_word(&self) -> &str {
        match self.account() {
            Some(account) if self.state == State::Unknown && !account.state.is_empty() => &account.state,
            _ => self.state.word(),
        }
    }

    /// How the process ended, in a word: that of the report if it is not a word of ours.
    pub fn ending_word(&self) -> Cow<'_, str> {
        match self.account() {
            Some(account) if self.ending == Ending::Untold && !account.ending.is_empty() => (&*account.ending).into(),
            _ => self.ending.word(),
        }
    }

    /// How the process ended, in a sentence that says no more than this.
    pub fn ending_words(&self) -> String {
        match self.ending {
            Ending::Running if !self.is_running() => "was still running when the report was made".to_owned(),
            Ending::Untold => format!("ended in a way that is not known here ({})", self.ending_word()),
            ending => ending.words(),
        }
    }

    /// Whether the process did not end normally.
    pub fn is_abnormal(&self) -> bool {
        self.ending.is_abnormal(self.is_worker)
    }

    /// Whether the file tells when the process ended. Then its open calls lasted until that moment, and not longer.
    pub fn tells_its_end(&self) -> bool {
        let tells = matches!(self.ending, Ending::Exited | Ending::Left | Ending::Replaced | Ending::Signal(_));
        tells && !self.ending.is_sudden() && self.waited_after.is_none()
    }

    /// Whether the process still runs. A process in a report is not known to: it ran when the report was made.
    pub fn is_running(&self) -> bool {
        self.ending == Ending::Running && self.imported().is_none()
    }

    /// The index of a thread in `threads`.
    pub fn thread(&self, serial: u32) -> Option<usize> {
        self.threads.binary_search_by_key(&serial, |thread| thread.serial).ok()
    }

    /// The end of a run of `calls` that begins at index `first` and has about this many records; the run has at least
    /// one entry.
    pub fn run_of(&self, first: usize, records: usize) -> usize {
        let mut total = 0;
        let rest = self.calls.get(first..).unwrap_or_default();
        let fits = rest.iter().take_while(|calls| {
            let before = total;
            // Otherwise a run could be of very many threads, if each of them has few events.
            total += calls.records().max(RECORDS_LEAST);
            before < records
        });
        first + fits.count()
    }
}
