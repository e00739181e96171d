//! The oracle remembers every call, and compares files and reports with them.

use std::cmp::Reverse;
use std::collections::HashMap;
use viztracer_format::header::Forgotten;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
use viztracer_merge::ThreadSummary;
use viztracer_tests::contents::{Contents, NamedFunction, Thread};
use viztracer_tests::report::{Ending, Report, Shown};

/// Strings that a function's names are made of.
#[derive(Clone, Debug)]
pub struct Names {
    pub name: String,
    pub file: String,
    pub is_c: bool,
}

/// A function for the recorder. Each thread has its own, so that a report can be split by thread.
pub fn meaning(names: &Names, index: usize, serial: u32) -> NamedFunction {
    let Names { name, file, is_c } = names.clone();
    match is_c {
        true => NamedFunction { name: format!("{name}#{index}#{serial}"), is_c, ..NamedFunction::default() },
        false => NamedFunction { name: format!("{name}{index}"), file, line: serial, is_c },
    }
}

/// One thread from its first call to its last.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub serial: u32,
    pub name: Option<String>,
    pub functions: Vec<NamedFunction>,
    /// Calls in the order of their ends.
    pub ended: Vec<Ended>,
    pub unmatched: u64,
    /// Open calls, outermost first; those from `max_depth` on are not recorded.
    stack: Vec<usize>,
    max_depth: usize,
    is_over: bool,
}

/// A call that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    pub function: usize,
    pub kind: Kind,
    /// Calls around it.
    pub depth: usize,
    /// When it ended, as a number that counts up over all threads.
    pub order: u64,
}

impl Life {
    pub fn new(serial: u32, max_depth: usize) -> Life {
        Life { serial, max_depth, ..Life::default() }
    }

    pub fn enter(&mut self, function: usize) {
        self.stack.push(function);
    }

    /// The function that is open this many levels above the innermost one.
    pub fn function_at(&self, levels: usize) -> Option<usize> {
        self.stack.iter().rev().nth(levels).copied()
    }

    /// Ends the innermost call of this function, and the calls inside it.
    pub fn leave(&mut self, function: usize, kind: Kind, order: u64) {
        while let Some(ended) = self.stack.last().copied() {
            let found = ended == function;
            self.pop(if found { kind } else { Kind::Abandoned }, order);
            if found {
                return;
            }
        }
    }

    pub fn close_frames(&mut self, order: u64) {
        while !self.stack.is_empty() {
            self.pop(Kind::Open, order);
        }
    }

    pub fn retire(&mut self, order: u64) {
        while !self.stack.is_empty() {
            self.pop(Kind::Abandoned, order);
        }
        self.is_over = true;
    }

    fn pop(&mut self, kind: Kind, order: u64) {
        let Some(function) = self.stack.pop() else { return };
        let depth = self.stack.len();
        if depth < self.max_depth {
            self.ended.push(Ended { function, kind, depth, order });
        }
    }

    /// Recorded calls that are open.
    fn open(&self) -> &[usize] {
        &self.stack[..self.stack.len().min(self.max_depth)]
    }
}

/// Checks that calls nest: of two calls one is inside the other, or ends before the other begins. `spans` are begin
/// and end, in the order of their ends.
fn assert_nested(spans: impl Iterator<Item = (u64, u64)>) {
    let mut before: Vec<(u64, u64)> = Vec::new();
    for (start, end) in spans {
        assert!(start <= end);
        while let Some(inside) = before.pop_if(|last| last.0 >= start) {
            assert!(inside.1 <= end, "{inside:?} ends after {:?}", (start, end));
        }
        assert!(before.last().is_none_or(|last| last.1 <= start), "{before:?} {:?}", (start, end));
        before.push((start, end));
    }
}

/// Checks that the file holds the newest events, their total number, and the open calls.
pub fn check_file(contents: &Contents, lives: &[Life], in_order: bool) {
    let total: u64 = lives.iter().map(|life| life.ended.len() as u64).sum();
    let entries = contents.header.identity.entries;
    assert!(contents.kept() >= total.min(entries), "{} of {total} are there", contents.kept());
    check_forgotten(contents, lives);
    let lost = contents.threads.values().map(|thread| thread.lost).sum::<u64>();
    assert_eq!((contents.header.lost, lost, contents.header.failure), (0, 0, 0));
    for life in lives.iter().filter(|life| !is_forgotten(contents, life)) {
        check_thread(contents, life, &contents.threads[&life.serial]);
    }
    if in_order {
        let unmatched: u64 = lives.iter().map(|life| life.unmatched).sum();
        assert_eq!(contents.header.unmatched, unmatched);
        check_order(contents, lives);
    }
}

/// Whether the file holds no data of a thread.
fn is_forgotten(contents: &Contents, life: &Life) -> bool {
    !contents.threads.contains_key(&life.serial)
}

/// Checks that threads that are not in the file have ended and are counted.
fn check_forgotten(contents: &Contents, lives: &[Life]) {
    let forgotten: Vec<&Life> = lives.iter().filter(|life| is_forgotten(contents, life)).collect();
    assert!(forgotten.iter().all(|life| life.is_over));
    let events = forgotten.iter().map(|life| life.ended.len() as u64).sum();
    let threads = forgotten.iter().filter(|life| !life.ended.is_empty()).count() as u64;
    let expected = Forgotten { threads, events, tasks: 0 };
    assert_eq!(contents.header.forgotten, expected);
}

fn check_thread(contents: &Contents, life: &Life, thread: &Thread) {
    assert_eq!(thread.name, life.name);
    assert_eq!(thread.ended, life.is_over);
    assert_eq!(thread.total, life.ended.len() as u64, "events of thread {}", life.serial);
    let meaning = |id: u32| {
        assert_ne!(id, FUNCTION_UNKNOWN);
        &contents.functions[&id]
    };
    let found = thread.events.iter().map(|event| (meaning(event.function), event.kind));
    let (_, kept) = life.ended.split_at(life.ended.len() - thread.events.len());
    let told = kept.iter().map(|ended| (&life.functions[ended.function], ended.kind));
    assert!(found.eq(told), "thread {} holds other calls than its last ones", life.serial);
    assert_nested(thread.events.iter().map(|event| (event.start, event.start + event.duration)));

    let frames = thread.frames.iter().map(|frame| meaning(frame.function()));
    let told = life.open().iter().map(|function| &life.functions[*function]);
    assert!(frames.eq(told), "thread {} has other frames open than these: {:?}", life.serial, life.open());
    assert!(thread.frames.is_sorted_by_key(|frame| frame.start()));
}

/// Checks, if the order of all ends is known, that times follow it, and that each missing event is older than
/// `entries` others.
fn check_order(contents: &Contents, lives: &[Life]) {
    let mut kept = Vec::new();
    let mut newest_dropped = None;
    for life in lives {
        let events = contents.threads.get(&life.serial).map_or(&[][..], |thread| &thread.events);
        let (dropped, here) = life.ended.split_at(life.ended.len() - events.len());
        newest_dropped = newest_dropped.max(dropped.last().map(|ended| ended.order));
        kept.extend(here.iter().zip(events).map(|(ended, e)| (ended.order, e.start + e.duration)));
    }
    kept.sort_unstable();
    assert!(kept.is_sorted_by_key(|(_, end)| *end));
    if let Some(dropped) = newest_dropped {
        let newer = kept.iter().filter(|(order, _)| *order >= dropped).count() as u64;
        assert!(newer >= contents.header.identity.entries, "only {newer} are newer");
    }
}

/// Checks that the report shows exactly the requested newest events, and counts the others.
pub fn check_report(report: &Report, contents: &Contents, lives: &[Life]) {
    assert!(report.summary.is_complete(), "{:?}", report.summary);
    let total: u64 = lives.iter().map(|life| life.ended.len() as u64).sum();
    let mut lives: Vec<&Life> = lives.iter().filter(|life| !is_forgotten(contents, life)).collect();
    lives.sort_by_key(|life| life.serial);
    let mut shown = by_life(report, &lives);
    let (mut complete, mut newest_hidden, mut oldest_shown) = (0, 0, Reverse(u64::MAX));
    for (life, summary) in lives.iter().zip(&report.summary.files[0].threads) {
        let frames = life.open();
        let mut unfinished = shown.remove(&life.serial).unwrap_or_default();
        let calls = unfinished.split_off(frames.len());
        assert!(unfinished.iter().all(|(_, shown)| shown.ending == Ending::Unfinished));
        assert_eq!(unfinished.iter().map(|(function, _)| *function).collect::<Vec<_>>(), frames);
        check_calls(life, &calls);
        check_summary(life, summary, &calls, frames.len() as u64);
        let events = &contents.threads[&life.serial].events;
        let mut ends = events.iter().map(|event| event.start + event.duration);
        let hidden = events.len() - calls.len();
        newest_hidden = ends.by_ref().take(hidden).max().unwrap_or(0).max(newest_hidden);
        oldest_shown = oldest_shown.max(Reverse(ends.min().unwrap_or(u64::MAX)));
        complete += calls.len() as u64;
    }
    assert_eq!(complete, total.min(contents.header.identity.entries));
    assert!(newest_hidden <= oldest_shown.0, "something hidden is newer than something shown");
    let overflow = report.json["viztracer_metadata"]["overflow"].as_bool();
    assert_eq!(overflow, Some(complete < total));
}

/// Returns the shown functions of every thread.
fn by_life<'r>(report: &'r Report, lives: &[&Life]) -> HashMap<u32, Vec<(usize, &'r Shown)>> {
    let mut meanings = HashMap::new();
    for life in lives {
        for (index, NamedFunction { name, file, line, is_c }) in life.functions.iter().enumerate() {
            let text = if *is_c { name.clone() } else { format!("{name} ({file}:{line})") };
            meanings.insert(text, (life.serial, index));
        }
    }
    let mut shown: HashMap<u32, Vec<_>> = HashMap::new();
    for event in &report.events {
        let (serial, function) = meanings[&event.name];
        shown.entry(serial).or_default().push((function, event));
    }
    shown
}

fn check_calls(life: &Life, calls: &[(usize, &Shown)]) {
    let newest = &life.ended[life.ended.len() - calls.len()..];
    let told = newest.iter().map(|ended| {
        let ending = match ended.kind {
            Kind::Raise => Ending::Raised,
            Kind::Abandoned => Ending::Abandoned,
            Kind::Open => Ending::Unfinished,
            _ => Ending::Returned,
        };
        (ended.function, ending)
    });
    assert!(calls.iter().map(|(function, shown)| (*function, shown.ending)).eq(told));
    let closed = calls.iter().filter(|(_, shown)| shown.ending != Ending::Unfinished);
    assert_nested(closed.map(|(_, shown)| (shown.start, shown.start + shown.duration)));
}

fn check_summary(life: &Life, summary: &ThreadSummary, calls: &[(usize, &Shown)], frames: u64) {
    let opened = calls.iter().filter(|(_, shown)| shown.ending == Ending::Unfinished).count();
    let name = life.name.clone().unwrap_or_else(|| format!("Thread-{}", summary.tid));
    let expected = ThreadSummary {
        tid: summary.tid,
        name,
        events: calls.len() as u64 + frames,
        overwritten: (life.ended.len() - calls.len()) as u64,
        overwritten_time: summary.overwritten_time.clone(),
        lost: 0,
        unfinished: opened as u64 + frames,
        left_out: 0,
        too_deep: 0,
    };
    assert_eq!(*summary, expected);
    // The time of what is overwritten ends before the first call that is left.
    assert_eq!(summary.overwritten_time.is_some(), summary.overwritten > 0);
    let first_end = calls.iter().map(|(_, shown)| shown.start + shown.duration).min();
    assert!(summary.overwritten_time.iter().all(|time| first_end.is_none_or(|end| time.end <= end)));
    assert!(calls.iter().all(|(_, shown)| shown.tid == summary.tid));
}
