//! A document's items, taken one by one: events become entries of the store, the rest is kept as it is.

use super::clocks::ticks;
use super::document::{Document, Item};
use super::event::{Broken, ChromeEvent, nanoseconds, repaired, string, string_in, with_arguments};
use super::ids::is_null;
use super::images::{FIRST_TASK, Image, Images};
use super::marks::Marks;
use super::members::Members;
use super::pairs::{Found, Pairs};
use super::sort::{Entry, NO_TIME, Sorter};
use super::tracks::{NoTrack, Tracks};
use crate::error::{Problem, Problems};
use crate::plan::account::{self, Account};
use crate::plan::file::{Calls, Records};
use crate::plan::frames::OpenFrame;
use crate::plan::imported::{Imported, Name};
use crate::storage::store::{Region, Store};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::record::Kind;

/// Entries that are read at once when their turn comes.
const CHUNK: usize = 4096;
/// Bytes of the names of its calls.
const NAMES_MAX: usize = 32 << 20;
/// Bytes of what a document holds beside events, source files and what it tells of processes.
const MEMBERS_MAX: usize = 16 << 20;
/// Times of overwritten events that are kept of a track: its threads had one id after the other.
const LOSSES_MAX: usize = 1 << 12;
/// The category of what tells how much is missing.
const LOSS: &[u8] = b"\"LOSS\"";
/// The category of arrows to processes that were started, in what a page of ours saves; they are drawn anew.
const STARTS: &[u8] = b"\"PROCESS_START\"";
const NO_JSON: &str = "an event that is no JSON";

/// A document as it was read.
#[derive(Debug, Default)]
pub struct Import {
    /// What its plans share.
    pub imported: Imported,
    /// The processes, with all that there is to merge.
    pub images: Vec<Image>,
    /// What could not be read.
    pub problems: Problems,
    /// The first moment and the last one.
    pub times: Option<(i64, i64)>,
}

/// Reads a document. Only what befalls the store is an error.
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
            Ok(Some(Item::Event)) => {
                if let Err(problem) = reading.event(&mut document)? {
                    reading.import.problems.add(problem);
                }
                events += 1;
                if events.is_multiple_of(1 << 16) && stop.load(Ordering::Relaxed) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
            Ok(Some(Item::Source(path, source))) => reading.source(path, source)?,
            Ok(Some(Item::Member(key, value))) => reading.member(key, value),
        }
    }
    reading.finish()
}

struct Reading<'a> {
    import: Import,
    store: &'a Arc<Store>,
    sorter: Sorter<'a>,
    pairs: Pairs<'a>,
    members: Members<'a>,
    tracks: Tracks,
    /// The tasks of which there are events, by the place of the process.
    tasks: HashSet<(u32, u32)>,
    /// What the document tells of its processes.
    accounts: Vec<Account>,
    /// Function ids by the name as it is written.
    functions: HashMap<Box<[u8]>, u32>,
    /// Bytes of these names.
    names: usize,
    entries: u64,
    /// Bytes of members of the document.
    kept: usize,
    text: Vec<u8>,
}

/// Why an event is not taken.
enum Failure {
    /// It is none, or not one of ours.
    Refused(String),
    /// The store fails, and with it all that follows.
    Store(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Store(error)
    }
}

fn refused<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(reason.into()))
}

impl<'a> Reading<'a> {
    fn new(store: &'a Arc<Store>) -> Reading<'a> {
        Reading {
            import: Import::default(),
            store,
            sorter: Sorter::new(store, Entry::by_end),
            pairs: Pairs::new(store),
            members: Members::new(store),
            tracks: Tracks::default(),
            tasks: HashSet::new(),
            accounts: Vec::new(),
            functions: HashMap::new(),
            names: 0,
            entries: 0,
            kept: 0,
            text: Vec::new(),
        }
    }

    /// Reads an event and takes it.
    fn event<R: Read>(&mut self, document: &mut Document<R>) -> io::Result<Result<(), Problem>> {
        loop {
            match ChromeEvent::read(document.rest()) {
                Ok((event, length)) => {
                    let text = document.rest().get(..length).unwrap_or_default();
                    let taken = match self.take(event, text) {
                        Err(Failure::Refused(reason)) if reason == NO_JSON => self.take_repaired(text),
                        taken => taken.map(|()| None),
                    };
                    document.take(length);
                    return match taken {
                        Ok(None) => Ok(Ok(())),
                        Ok(Some(reason)) => Ok(Err(Problem::at(document.offset(), reason))),
                        Err(Failure::Refused(reason)) => Ok(Err(Problem::at(document.offset(), reason))),
                        Err(Failure::Store(error)) => Err(error),
                    };
                }
                Err(Broken::Short) => match document.read_more() {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(problem) => return Ok(Err(problem)),
                },
                Err(Broken::Bad) => {}
            }
            let end = document.pass_over();
            return Ok(end.and_then(|()| Err(Problem::at(document.offset(), NO_JSON))));
        }
    }

    /// Takes an event that is no JSON, if it is clear what it should be; tells what is wrong with it.
    #[cold]
    fn take_repaired(&mut self, text: &[u8]) -> Result<Option<String>, Failure> {
        let Some((text, reason)) = repaired(text) else { return refused(NO_JSON) };
        let Ok((event, _)) = ChromeEvent::read(&text) else { return refused(NO_JSON) };
        self.take(event, &text).map(|()| Some(reason.to_owned()))
    }

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
        let track = self.of_task(&mut event, track);
        match event.phase {
            b"\"X\"" => {
                let Some(end) = end(&event, time) else {
                    return refused(format!("an impossible duration: {}", shown(text)));
                };
                let entry = self.call(&event, track, time)?;
                Ok(self.push(Entry { end, marks: Marks::from_bits(entry.marks).lasting().bits(), ..entry })?)
            }
            b"\"B\"" => {
                let Some(end) = end(&event, time) else {
                    return refused(format!("an impossible duration: {}", shown(text)));
                };
                let entry = self.call(&event, track, time)?;
                let marks = Marks::from_bits(entry.marks);
                let marks = if event.duration.is_some() { marks.timed() } else { marks }.bits();
                Ok(self.pair(Entry { end, marks, ..entry })?)
            }
            b"\"E\"" => {
                self.text.clear();
                event.members_of_end(&mut self.text);
                let entry = self.entry(track, 0, time, Marks::END)?;
                Ok(self.pair(entry)?)
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

    /// Whose an event is that our reports show on the track of a task: the serials of the track of its thread, and of
    /// the task. Others are of their own track, and of no task.
    fn of_task(&mut self, event: &mut ChromeEvent<'_>, track: u32) -> (u32, u32) {
        let Some(task) = self.tracks.number(track).and_then(|tid| tid.checked_sub(FIRST_TASK)) else {
            return (track, 0);
        };
        let Some(thread) = event.take_other(b"\"thread\"").and_then(|tid| self.tracks.beside(track, tid)) else {
            return (track, 0);
        };
        self.tasks.insert((self.tracks.all[track as usize].process, task));
        (thread, task)
    }

    /// Takes the name of a thread or process; tells whether it was one.
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

    /// What an earlier merge told of what is missing.
    fn loss(&mut self, event: &ChromeEvent<'_>, track: u32, start: i64) {
        let arguments: Map<String, Value> =
            event.arguments.and_then(|arguments| serde_json::from_slice(arguments).ok()).unwrap_or_default();
        let count = |name| arguments.get(name).and_then(Value::as_u64).unwrap_or(0);
        let time = |name| arguments.get(name).and_then(|time| nanoseconds(time.to_string().as_bytes()));
        let end = start.saturating_add(event.duration.and_then(nanoseconds).unwrap_or(0));
        self.pass(time("since").unwrap_or(start), end);
        let track = &mut self.tracks.all[track as usize];
        if count("overwritten") > 0 && track.losses.len() < LOSSES_MAX {
            track.losses.push((time("since").unwrap_or(start), time("until").unwrap_or(end)));
        }
        track.overwritten = track.overwritten.saturating_add(count("overwritten"));
        track.overwritten_until = track.overwritten_until.max(ticks(time("until").unwrap_or(end)));
        track.lost = track.lost.saturating_add(count("lost"));
        track.begun = ticks(time("since").unwrap_or(start));
    }

    /// A call that begins, without its end.
    fn call(&mut self, event: &ChromeEvent<'_>, track: (u32, u32), start: i64) -> Result<Entry, Failure> {
        let function = self.function(event.name.unwrap_or(b"\"\""))?;
        let marks = Marks::of(event);
        self.text.clear();
        let is_begin = event.phase == b"\"B\"";
        // Of a call that may have no end, it is only known later what becomes of it.
        if is_begin || marks.is_none_or(|marks| marks.kind() == Kind::Open) {
            event.members_of_call(&mut self.text);
        }
        if marks.is_none() && is_begin {
            event.put_duration(&mut self.text);
        }
        self.entry(track, function, start, marks.unwrap_or(Marks::NONE))
    }

    /// Anything else, at a moment.
    fn other(&mut self, event: &ChromeEvent<'_>, track: (u32, u32), time: i64) -> Result<(), Failure> {
        self.text.clear();
        event.members(&mut self.text);
        let entry = self.entry(track, 0, time, Marks::MOMENT)?;
        Ok(self.push(entry)?)
    }

    /// An entry with the members in `text`.
    fn entry(&mut self, (thread, task): (u32, u32), function: u32, time: i64, marks: Marks) -> Result<Entry, Failure> {
        let Some(Region { at: members, length }) = self.members.keep(&self.text)? else {
            return refused(NO_JSON);
        };
        self.tracks.all[thread as usize].is_used = true;
        let (start, end, number, length, marks, unused) = (time, time, 0, length as u32, marks.bits(), 0);
        Ok(Entry { thread, function, start, end, number, members, length, marks, task, unused })
    }

    fn push(&mut self, entry: Entry) -> io::Result<()> {
        self.see(&entry);
        self.entries += 1;
        self.sorter.push(Entry { number: self.entries, ..entry })
    }

    /// Takes the begin or the end of a call. The end of a begin is where it is known to have lasted to.
    fn pair(&mut self, entry: Entry) -> io::Result<()> {
        self.see(&entry);
        self.entries += 1;
        self.pairs.push(Entry { number: self.entries, ..entry })
    }

    fn see(&mut self, entry: &Entry) {
        if entry.start != NO_TIME {
            self.pass(entry.start, entry.end);
        }
    }

    /// Something lasted from one moment to another.
    fn pass(&mut self, start: i64, end: i64) {
        let (first, last) = self.import.times.unwrap_or((start, end));
        self.import.times = Some((first.min(start), last.max(end)));
    }

    fn function(&mut self, written: &[u8]) -> Result<u32, Failure> {
        if let Some(id) = self.functions.get(written) {
            return Ok(*id);
        }
        let Some(name) = string(written) else { return refused(NO_JSON) };
        self.names += written.len();
        if self.names > NAMES_MAX {
            return refused("too many different names of calls");
        }
        let id = self.functions.len() as u32;
        self.functions.insert(written.into(), id);
        self.import.imported.functions.push(Name::of(&name));
        Ok(id)
    }

    fn source(&mut self, path: &[u8], source: &[u8]) -> io::Result<()> {
        let is_source = serde_json::from_slice::<(String, u64)>(source).is_ok();
        if let Some(path) = string(path).filter(|_| is_source) {
            let region = self.store.append(source)?;
            self.import.imported.sources.insert(path, region);
        }
        Ok(())
    }

    fn member(&mut self, key: &[u8], value: &[u8]) {
        if key == br#""viztracer_metadata""# && self.metadata(value).is_some() {
            return;
        }
        self.kept += value.len();
        if self.kept > MEMBERS_MAX {
            return self.import.problems.add(Problem::new(format!("left out, too long: {}", shown(key))));
        }
        let (Some(key), Ok(value)) = (string(key), serde_json::from_slice(value)) else {
            return self.import.problems.add(Problem::new(format!("no JSON: {}", shown(value))));
        };
        match (&*key, value) {
            // It is made anew, of the functions.
            ("functions", _) => {}
            (_, value) => drop(self.import.imported.members.insert(key, value)),
        }
    }

    /// Takes the document's metadata, if it is an object. What it tells of processes and threads, which may be many, is
    /// read one by one.
    fn metadata(&mut self, value: &[u8]) -> Option<()> {
        let mut members: HashMap<String, &RawValue> = serde_json::from_slice(value).ok()?;
        self.accounts = members.remove("processes").map(Account::all).unwrap_or_default();
        self.import.imported.metadata = account::in_order(members);
        Some(())
    }

    /// Puts begins and ends of calls together.
    fn finish_pairs(&mut self) -> io::Result<()> {
        self.members.finish()?;
        let (_, last) = self.import.times.unwrap_or_default();
        let pairs = std::mem::replace(&mut self.pairs, Pairs::new(self.store));
        pairs.finish(|found| match found {
            Found::Call(call, end) if end.length > 0 => {
                let entry = self.with_arguments(call, end)?;
                self.push(entry)
            }
            Found::Call(call, _) => self.push(call),
            Found::Open(begin) => self.open(begin, last),
            Found::End => self.refuse("the end of a call that did not begin"),
            Found::TooDeep => self.refuse("too many calls that do not end"),
        })?;
        self.members.finish()
    }

    fn refuse(&mut self, reason: &str) -> io::Result<()> {
        self.import.problems.add(Problem::new(reason));
        Ok(())
    }

    /// A call whose end has arguments of its own.
    fn with_arguments(&mut self, call: Entry, end: Entry) -> io::Result<Entry> {
        let region = |entry: &Entry| Region { at: entry.members, length: entry.length.into() };
        let members = with_arguments(&self.members.get(region(&call))?, &self.members.get(region(&end))?);
        let Region { at, length } = self.members.keep(&members)?.unwrap_or(region(&call));
        Ok(Entry { members: at, length: length as u32, ..call })
    }

    /// A call without an end. It lasts as long as it is told to, else as long as the document.
    fn open(&mut self, begin: Entry, last: i64) -> io::Result<()> {
        let marks = Marks::from_bits(begin.marks);
        // Of one of ours, all is said by its kind.
        let length = if marks.kind() == Kind::Open { 0 } else { begin.length };
        let end = if marks.is_timed() { begin.end } else { last.max(begin.start).saturating_add(1) };
        self.push(Entry { end, marks: marks.with_kind(Kind::Open).bits(), length, ..begin })
    }

    fn finish(mut self) -> io::Result<Import> {
        self.finish_pairs()?;
        let Reading { mut import, sorter, store, mut members, tracks, accounts, tasks, .. } = self;
        import.imported.short = members.short();
        let mut images = Images::of(tracks, accounts, &tasks);
        let mut chunk: Vec<Entry> = Vec::with_capacity(CHUNK);
        let mut of_chunk = None;
        let put_chunk = |chunk: &mut Vec<Entry>, of: Option<(usize, u32)>, images: &mut Images| {
            if let Some((image, thread)) = of.filter(|_| !chunk.is_empty()) {
                let calls = put(store, chunk, thread)?;
                images.all[image].calls.push(calls);
            }
            chunk.clear();
            io::Result::Ok(())
        };
        sorter.finish(|entry| {
            let Some(owner) = images.owner(entry) else { return Ok(()) };
            if frame(entry, owner.thread).is_some_and(|frame| images.take_frame(owner, frame, entry)) {
                return Ok(());
            }
            let of = Some((owner.image, owner.thread));
            if chunk.len() == CHUNK || of_chunk != of {
                put_chunk(&mut chunk, of_chunk, &mut images)?;
                of_chunk = of;
            }
            chunk.push(as_it_came(entry));
            Ok(())
        })?;
        put_chunk(&mut chunk, of_chunk, &mut images)?;
        import.images = images.finish();
        import.imported.store = Some(Arc::clone(store));
        Ok(import)
    }
}

/// A call that had not ended when it was last seen, or when the recording was closed, if the entry says so.
fn frame(entry: &Entry, thread: u32) -> Option<OpenFrame> {
    let marks = Marks::from_bits(entry.marks);
    let Entry { task, function, start, .. } = *entry;
    let (inherited, clipped) = (marks.is_inherited(), marks.is_clipped());
    let frame = OpenFrame { thread, task, function, start: ticks(start), inherited, clipped };
    (marks.is_lasting() || marks.is_timed() && entry.length == 0).then_some(frame)
}

/// An entry of a call that is shown as it came: with its arguments, whatever they say.
fn as_it_came(entry: &Entry) -> Entry {
    let marks = Marks::from_bits(entry.marks);
    let marks = if marks.is_lasting() { Marks::NONE } else { marks };
    Entry { marks: marks.bits(), ..*entry }
}

/// Puts entries of one thread into the store.
fn put(store: &Store, entries: &[Entry], thread: u32) -> io::Result<Calls> {
    let Region { at, .. } = store.append(bytemuck::cast_slice(entries))?;
    let events = entries.len() as u32;
    Ok(Calls { records: Records::Stored(at), thread, events })
}

/// The begin of a text, for a message.
fn shown(text: &[u8]) -> String {
    const LENGTH: usize = 60;
    let begin = String::from_utf8_lossy(text.get(..LENGTH).unwrap_or(text)).into_owned();
    if text.len() > LENGTH { format!("{begin}...") } else { begin }
}

/// When a call ends by its duration, which may be missing.
fn end(event: &ChromeEvent<'_>, start: i64) -> Option<i64> {
    match event.duration {
        Some(duration) if !is_null(duration) => start.checked_add(nanoseconds(duration).filter(|length| *length >= 0)?),
        _ => Some(start),
    }
}
