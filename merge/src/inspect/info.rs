//! A row about each file: a table for people, a document for programs. Nothing is merged.

use crate::align::{Align, Clock, align};
use crate::error::BadInput;
use crate::input::ring::State;
use crate::plan::account;
use crate::plan::bursts::Bursts;
use crate::plan::elided::ElidedSince;
use crate::plan::file::FilePlan;
use crate::report::{bursts, elided};
use crate::text::columns::aligned;
use crate::text::display::{self, grouped, printable};
use crate::text::{json, when};
use serde_json::{Value, json};

/// What a row shows of a file.
struct FileRow<'a> {
    plan: &'a FilePlan,
    /// Nanoseconds from its opening to its close, or to the last event that it knows of.
    duration: u64,
    /// Bytes.
    size: u64,
    /// Its clock.
    clock: Option<Clock>,
}

impl FileRow<'_> {
    fn of(plan: &FilePlan) -> FileRow<'_> {
        // Alone, a file's time begins when it was opened.
        let alone = align(std::slice::from_ref(plan), Align::Clock, &[]);
        let end = match plan.state {
            State::Sealed => plan.recording.closed.map_or(0, |closed| closed.ticks),
            State::Crashed | State::Living | State::Unknown => plan.last_moment,
        };
        let begin = plan.recording.opened.ticks;
        let clock = alone.clocks.into_iter().next();
        let duration =
            clock.as_ref().map_or(0, |clock| clock.signed(end).saturating_sub(clock.signed(begin)).max(0) as u64);
        FileRow { plan, duration, size: plan.length, clock }
    }

    fn events(&self) -> u64 {
        self.plan.calls.iter().map(|calls| u64::from(calls.events)).sum()
    }

    fn overwritten(&self) -> u64 {
        self.plan
            .threads
            .iter()
            .map(|thread| thread.overwritten)
            .fold(self.plan.recording.forgotten.events, u64::saturating_add)
    }

    fn lost(&self) -> u64 {
        self.plan.threads.iter().map(|thread| thread.lost).fold(self.plan.recording.lost, u64::saturating_add)
    }

    // Traces in JSON do not hold all of the following.

    fn python(&self) -> Option<String> {
        let version = self.plan.recording.python_version;
        (version != 0).then(|| account::version(version))
    }

    fn started(&self) -> Option<u64> {
        Some(self.plan.recording.opened.realtime).filter(|realtime| *realtime != 0)
    }

    fn session(&self) -> Option<String> {
        let id = self.plan.recording.session_id;
        (id != [0; 16] || self.plan.is_dated).then(|| id.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Nanoseconds from the opening to a time.
    fn since_opening(&self, ticks: u64) -> i64 {
        let opened = self.plan.recording.opened.ticks;
        self.clock.as_ref().map_or(0, |clock| clock.signed(ticks).saturating_sub(clock.signed(opened)))
    }

    /// Functions of which not all calls are recorded, and since when, in ns since the opening.
    fn elided(&self) -> ElidedSince<i64> {
        self.plan.elided.iter().map(|(function, ticks)| (function.clone(), self.since_opening(*ticks))).collect()
    }

    /// Whether calls are recorded in bursts only.
    fn bursts(&self) -> Bursts {
        let Bursts { count, rested } = self.plan.bursts;
        let rested = self.since_opening(self.plan.recording.opened.ticks.saturating_add(rested));
        Bursts { count, rested: u64::try_from(rested).unwrap_or(0) }
    }

    /// Lines about that, and about functions of which not all calls are recorded.
    fn lines(&self) -> String {
        let (process, pid) = (printable(&self.plan.process_name()), self.plan.recording.pid);
        let words = elided::words(&self.plan.elided, &self.plan.estimates)
            .into_iter()
            .chain(bursts::words(self.bursts(), Some(self.duration)));
        words.map(|words| format!("{process} (pid {pid}): {words}\n")).collect()
    }

    fn cells(&self) -> [String; COLUMNS] {
        let recording = &self.plan.recording;
        [
            recording.pid.to_string(),
            printable(&self.plan.process_name()),
            printable(&self.plan.ending_word()),
            or_dash(self.python()),
            or_dash(self.started().map(|started| when::utc(started).trim_end_matches(" UTC").to_owned())),
            when::duration(self.duration),
            self.plan.threads.len().to_string(),
            grouped(self.events()),
            grouped(self.overwritten()),
            grouped(self.lost()),
            grouped(self.size),
            or_dash(self.session().map(|session| session.chars().take(8).collect())),
            display::path(&self.plan.path),
        ]
    }

    fn json(&self) -> Value {
        let recording = &self.plan.recording;
        let thread = |thread: &crate::plan::file::Thread| {
            json!({
                "tid": thread.tid,
                "name": thread.display_name(),
                "ended": thread.ended != 0,
                "overwritten": thread.overwritten,
                "lost": thread.lost,
            })
        };
        json!({
            "file": self.plan.path.to_string_lossy(),
            "pid": recording.pid,
            "parent_pid": recording.parent_pid,
            "process": self.plan.process_name(),
            "command": self.plan.recording.arguments,
            "host": recording.host,
            "state": self.plan.state_word(),
            "ending": self.plan.ending_word(),
            "python": self.python(),
            "started_ns": self.started(),
            "started": self.started().map(when::utc),
            "duration_ns": self.duration,
            "events": self.events(),
            "open_calls": self.plan.frames.len(),
            "overwritten": self.overwritten(),
            "lost": self.lost(),
            "unnamed": self.plan.recording.unnamed,
            "unmatched": self.plan.recording.unmatched,
            "gaps": self.plan.recording.gaps,
            "failure": self.plan.recording.failure,
            "damaged": self.plan.problems.count + self.plan.account().map_or(0, |earlier| earlier.damaged),
            "forgotten_threads": self.plan.recording.forgotten.threads,
            "forgotten_events": self.plan.recording.forgotten.events,
            "forgotten_tasks": self.plan.recording.forgotten.tasks,
            "switched": self.plan.recording.switched,
            "bursts": self.bursts().count,
            "rested_ns": self.bursts().rested,
            "elided": account::elided_list(&self.elided(), &self.plan.estimates),
            "entries": recording.entries,
            "size": self.size,
            "session": self.session(),
            "threads": self.plan.threads.iter().map(thread).collect::<Vec<_>>(),
        })
    }
}

fn or_dash(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| "-".to_owned())
}

const COLUMNS: usize = 13;
const HEADINGS: [&str; COLUMNS] = [
    "pid",
    "process",
    "ending",
    "python",
    "started (UTC)",
    "duration",
    "threads",
    "events",
    "overwritten",
    "lost",
    "size",
    "session",
    "file",
];
/// Columns of words; the others are numbers.
const WORDS: [usize; 6] = [1, 2, 3, 4, 11, 12];

/// Makes the table.
pub fn table(plans: &[FilePlan]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    let of_files: Vec<FileRow<'_>> = plans.iter().map(FileRow::of).collect();
    rows.extend(of_files.iter().map(FileRow::cells));
    let lines: String = of_files.iter().map(FileRow::lines).collect();
    aligned(&rows, &WORDS) + &lines
}

/// Makes the document. merge/README.md says what its keys mean; they never change.
pub fn document(plans: &[FilePlan], bad: &[BadInput]) -> String {
    let refused = |bad: &BadInput| {
        let (file, problem) = (bad.path.to_string_lossy(), &bad.problem);
        json!({ "file": file, "reason": problem.reason, "offset": problem.offset })
    };
    let members = json!({
        "files": plans.iter().map(|plan| FileRow::of(plan).json()).collect::<Vec<_>>(),
        "bad": bad.iter().map(refused).collect::<Vec<_>>(),
    });
    json::document("info/1", members)
}
