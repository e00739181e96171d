//! Reads the items of a document one by one: events go into the store, the rest is kept as it is.

mod failure;
mod finish;
mod functions;
mod other_items;

use super::clocks::ticks;
use super::document::{Document, DocumentItem};
use super::event::ChromeEvent;
use super::ids::is_null;
use super::images::{FIRST_TASK, Image};
use super::marks::Marks;
use super::members::MemberStore;
use super::microseconds::nanoseconds;
use super::pairs::Pairs;
use super::repair::repaired;
use super::scanner::Broken;
use super::sort::{NO_TIME, Sorter, StoredEvent};
use super::string::string_in;
use super::tracks::{NoTrack, Tracks};
use crate::error::{Problem, Problems};
use crate::plan::account::Account;
use crate::plan::imported::Imported;
use crate::storage::store::{Region, Store};
use failure::{Failure, refused};
use functions::Functions;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::record::Kind;

/// Times of overwritten events that are kept of a track. A track has several if threads had the same id in turn.
const LOSSES_MAX: usize = 1 << 12;
/// The category of events that say how much is missing.
const LOSS: &[u8] = b"\"LOSS\"";
/// The category of arrows to started processes in what a page of ours saves. They are drawn anew.
const STARTS: &[u8] = b"\"PROCESS_START\"";
/// The scope of asynchronous events that show lives of tasks and coroutines. A report finds these anew.
pub const LIVES: &str = "\"viztracer_ring\"";
const NOT_JSON: &str = "an event that is no JSON";

/// A document that was read.
#[derive(Debug, Default)]
pub struct Import {
    /// What the plans of the document share.
    pub imported: Imported,
    /// The processes, with their threads and calls.
    pub images: Vec<Image>,
    /// What could not be read.
    pub problems: Problems,
    /// When the first event began and the last one ended.
    pub times: Option<(i64, i64)>,
}

/// Reads a document. Only failures of the store are errors.
pub fn import<R: Read>(mut document: Document<R>, store: &Arc<Store>, stop: &AtomicBool) -> io::Result<Import> {
    let mut reading = Reading::new(store);
    let mut events = 0_u64;
    loop {
        match document.next() {
            Ok(None) => break,
            Err(problem) => {
                reading.import.problems.add(problem);
                break;
            }
            Ok(Some(DocumentItem::Event)) => {
                reading.event(&mut document)?;
                events += 1;
                if events.is_multiple_of(1 << 16) && stop.load(Ordering::Relaxed) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
            Ok(Some(DocumentItem::Source(path, source))) => reading.source(path, source)?,
            Ok(Some(DocumentItem::Member(key, value))) => reading.member(key, value),
        }
    }
    reading.finish()
}

/// A document while it is read.
struct Reading<'a> {
    import: Import,
    store: &'a Arc<Store>,
    sorter: Sorter<'a>,
    pairs: Pairs<'a>,
    members: MemberStore<'a>,
    tracks: Tracks,
    /// The tasks that have events, each with the index of its process, and when it began if that is known.
    tasks: HashMap<(u32, u32), Option<i64>>,
    /// What the document says of its processes.
    accounts: Vec<Account>,
    functions: Functions,
    /// How many events were taken.
    taken: u64,
    /// Bytes of members of the document.
    kept: usize,
    /// The members of the current event that are kept.
    text: Vec<u8>,
}

/// Whether an event shows the life of a task or a coroutine.
fn is_life(event: &ChromeEvent<'_>) -> bool {
    let is_scope = |(name, value): &(&[u8], &[u8])| *name == b"\"scope\"" && *value == LIVES.as_bytes();
    matches!(event.phase, b"\"b\"" | b"\"e\"") && event.others.iter().any(is_scope)
}

impl<'a> Reading<'a> {
    fn new(store: &'a Arc<Store>) -> Reading<'a> {
        Reading {
            import: Import::default(),
            store,
            sorter: Sorter::new(store, StoredEvent::by_end),
            pairs: Pairs::new(store),
            members: MemberStore::new(store),
            tracks: Tracks::default(),
            tasks: HashMap::new(),
            accounts: Vec::new(),
            functions: Functions::default(),
            taken: 0,
            kept: 0,
            text: Vec::new(),
        }
    }

    /// Reads the event that the document is at. What is wrong with it becomes a problem; only a failure of the store is
    /// an error.
    fn event<R: Read>(&mut self, document: &mut Document<R>) -> io::Result<()> {
        let problem = loop {
            match ChromeEvent::read(document.rest()) {
                Ok((event, length)) => {
                    let text = document.rest().get(..length).unwrap_or_default();
                    let taken = self.take_or_repair(event, text);
                    document.take(length);
                    let reason = match taken {
                        Ok(repaired) => repaired.map(str::to_owned),
                        Err(Failure::NotJson) => Some(NOT_JSON.to_owned()),
                        Err(Failure::Refused(reason)) => Some(reason),
                        Err(Failure::Store(error)) => return Err(error),
                    };
                    break reason.map(|reason| Problem::at(document.offset(), reason));
                }
                Err(Broken::Short) => match document.read_more() {
                    Ok(true) => {}
                    Ok(false) => break Some(not_an_event(document)),
                    Err(problem) => break Some(problem),
                },
                Err(Broken::Bad) => break Some(not_an_event(document)),
            }
        };
        problem.into_iter().for_each(|problem| self.import.problems.add(problem));
        Ok(())
    }

    /// Takes an event. One that is no JSON is repaired if it is clear what it should be: then it is said what was
    /// wrong.
    fn take_or_repair(&mut self, event: ChromeEvent<'_>, text: &[u8]) -> Result<Option<&'static str>, Failure> {
        match self.take(event, text) {
            Err(Failure::NotJson) => {
                let (text, reason) = repaired(text).ok_or(Failure::NotJson)?;
                let (event, _) = ChromeEvent::read(&text).map_err(|_| Failure::NotJson)?;
                self.take(event, &text).map(|()| Some(reason))
            }
            taken => taken.map(|()| None),
        }
    }

    /// Takes an event whose text this is.
    fn take(&mut self, mut event: ChromeEvent<'_>, text: &[u8]) -> Result<(), Failure> {
        let track = self.track(&event, text)?;
        if event.phase == b"\"M\"" {
            return if self.name(&event, track) { Ok(()) } else { self.other(&event, (track, 0), NO_TIME) };
        }
        let Some(time) = event.time.and_then(nanoseconds) else {
            return refused(format!("an event without a time: {}", shown(text)));
        };
        if event.category == Some(LOSS) {
            self.loss(&event, track, time);
            return Ok(());
        }
        if event.category == Some(STARTS) {
            return Ok(());
        }
        let (process, track) = (self.tracks.all[track as usize].process, self.of_task(&mut event, track));
        if is_life(&event) {
            self.life(&event, (process, track.1), time);
            return Ok(());
        }
        match event.phase {
            b"\"X\"" => {
                let end = end(&event, time, text)?;
                let call = self.call(&event, track, time)?;
                let marks = Marks::from_bits(call.marks).lasting().bits();
                Ok(self.push(StoredEvent { end, marks, ..call })?)
            }
            b"\"B\"" => {
                let end = end(&event, time, text)?;
                let call = self.call(&event, track, time)?;
                let marks = Marks::from_bits(call.marks);
                let marks = if event.duration.is_some() { marks.timed() } else { marks }.bits();
                Ok(self.pair(StoredEvent { end, marks, ..call })?)
            }
            b"\"E\"" => {
                self.text.clear();
                event.members_of_end(&mut self.text);
                let end = self.stored(track, 0, time, Marks::END)?;
                Ok(self.pair(end)?)
            }
            _ => self.other(&event, track, time),
        }
    }

    /// The serial of an event's track.
    fn track(&mut self, event: &ChromeEvent<'_>, text: &[u8]) -> Result<u32, Failure> {
        match self.tracks.serial(event.pid, event.tid) {
            Ok(serial) => Ok(serial),
            Err(NoTrack::Bad) => refused(format!("the pid or tid of an event is none: {}", shown(text))),
            Err(NoTrack::TooMany) => refused("too many threads"),
        }
    }

    /// The serials of the thread's track and of the task. Our reports show some events on the track of a task, and name
    /// the thread in a member; other events are of no task.
    fn of_task(&mut self, event: &mut ChromeEvent<'_>, track: u32) -> (u32, u32) {
        let Some(task) = self.tracks.number(track).and_then(|tid| tid.checked_sub(FIRST_TASK)) else {
            return (track, 0);
        };
        let Some(thread) = event.take_other(b"\"thread\"").and_then(|tid| self.tracks.beside(track, tid)) else {
            return (track, 0);
        };
        self.tasks.entry((self.tracks.all[track as usize].process, task)).or_default();
        (thread, task)
    }

    /// Takes from the life of a task that its begin is known. All else is found anew.
    fn life(&mut self, event: &ChromeEvent<'_>, task: (u32, u32), time: i64) {
        let is_known = event.arguments.is_some_and(|arguments| string_in(arguments, "begin").is_none());
        if event.phase == b"\"b\"" && event.category == Some(b"\"task\"") && is_known {
            self.tasks.entry(task).and_modify(|begun| *begun = Some(time));
        }
    }

    /// Takes the name of a thread or process; false if the event is none.
    fn name(&mut self, event: &ChromeEvent<'_>, track: u32) -> bool {
        let Some(name) = event.arguments.and_then(|arguments| string_in(arguments, "name")) else { return false };
        let track = &mut self.tracks.all[track as usize];
        match event.name {
            Some(b"\"thread_name\"") => track.name = Some(name),
            Some(b"\"process_name\"") => self.tracks.processes[track.process as usize].name = Some(name),
            _ => return false,
        }
        true
    }

    /// Takes what an earlier merge said of missing events.
    fn loss(&mut self, event: &ChromeEvent<'_>, track: u32, start: i64) {
        let arguments: Map<String, Value> =
            event.arguments.and_then(|arguments| serde_json::from_slice(arguments).ok()).unwrap_or_default();
        let count = |name| arguments.get(name).and_then(Value::as_u64).unwrap_or(0);
        let time = |name| arguments.get(name).and_then(|time| nanoseconds(time.to_string().as_bytes()));
        let end = start.saturating_add(event.duration.and_then(nanoseconds).unwrap_or(0));
        self.extend_times(time("since").unwrap_or(start), end);
        let track = &mut self.tracks.all[track as usize];
        if count("overwritten") > 0 && track.losses.len() < LOSSES_MAX {
            track.losses.push((time("since").unwrap_or(start), time("until").unwrap_or(end)));
        }
        track.overwritten = track.overwritten.saturating_add(count("overwritten"));
        track.overwritten_until = track.overwritten_until.max(ticks(time("until").unwrap_or(end)));
        track.lost = track.lost.saturating_add(count("lost"));
        track.begun = ticks(time("since").unwrap_or(start));
    }

    /// A call without its end.
    fn call(&mut self, event: &ChromeEvent<'_>, track: (u32, u32), start: i64) -> Result<StoredEvent, Failure> {
        let name = event.name.unwrap_or(b"\"\"");
        let function = self.functions.id(name, event.category, &mut self.import.imported)?;
        let marks = Marks::of(event);
        self.text.clear();
        let is_begin = event.phase == b"\"B\"";
        // The begin of a call keeps its members, as it is only known later whether the call has an end.
        if is_begin || marks.is_none_or(|marks| marks.kind() == Kind::Open) {
            event.members_of_call(&mut self.text);
        }
        if is_begin && marks.is_none_or(Marks::has_arguments) {
            event.put_duration(&mut self.text);
        }
        self.stored(track, function, start, marks.unwrap_or(Marks::NONE))
    }

    /// Takes an event that is no call.
    fn other(&mut self, event: &ChromeEvent<'_>, track: (u32, u32), time: i64) -> Result<(), Failure> {
        self.text.clear();
        event.members(&mut self.text);
        let event = self.stored(track, 0, time, Marks::INSTANT)?;
        Ok(self.push(event)?)
    }

    /// An event with the members in `text`, as it is stored.
    fn stored(
        &mut self,
        (thread, task): (u32, u32),
        function: u32,
        time: i64,
        marks: Marks,
    ) -> Result<StoredEvent, Failure> {
        let Some(Region { at: members, length }) = self.members.keep(&self.text)? else {
            return Err(Failure::NotJson);
        };
        self.tracks.all[thread as usize].is_used = true;
        let (start, end, number, length, marks, unused) = (time, time, 0, length as u32, marks.bits(), 0);
        Ok(StoredEvent { thread, function, start, end, number, members, length, marks, task, unused })
    }

    /// Takes an event that is complete.
    fn push(&mut self, event: StoredEvent) -> io::Result<()> {
        self.see(&event);
        self.taken += 1;
        self.sorter.push(StoredEvent { number: self.taken, ..event })
    }

    /// Takes the begin or the end of a call. The `end` of a begin is until when the call is known to have lasted.
    fn pair(&mut self, event: StoredEvent) -> io::Result<()> {
        self.see(&event);
        self.taken += 1;
        self.pairs.push(StoredEvent { number: self.taken, ..event })
    }

    fn see(&mut self, event: &StoredEvent) {
        if event.start != NO_TIME {
            self.extend_times(event.start, event.end);
        }
    }

    /// Extends the times of the document to this span.
    fn extend_times(&mut self, start: i64, end: i64) {
        let (first, last) = self.import.times.unwrap_or((start, end));
        self.import.times = Some((first.min(start), last.max(end)));
    }
}

/// The begin of a text, for a message.
fn shown(text: &[u8]) -> String {
    const LENGTH: usize = 60;
    let begin = String::from_utf8_lossy(text.get(..LENGTH).unwrap_or(text)).into_owned();
    if text.len() > LENGTH { format!("{begin}...") } else { begin }
}

/// When a call ends by its duration, which may be missing.
fn end(event: &ChromeEvent<'_>, start: i64, text: &[u8]) -> Result<i64, Failure> {
    let Some(duration) = event.duration.filter(|duration| !is_null(duration)) else { return Ok(start) };
    let duration = nanoseconds(duration).filter(|duration| *duration >= 0);
    let end = duration.and_then(|duration| start.checked_add(duration));
    end.ok_or_else(|| Failure::Refused(format!("an impossible duration: {}", shown(text))))
}

/// Passes over what is no event, and says so, or that it has no end.
fn not_an_event<R: Read>(document: &mut Document<R>) -> Problem {
    document.pass_over().err().unwrap_or_else(|| Problem::at(document.offset(), NOT_JSON))
}
