//! A document's items, taken one by one: events become entries of the store, the rest is kept as it is.

use super::clocks::ticks;
use super::document::{Document, Item};
use super::event::{Broken, Event, are_members, nanoseconds, string, string_in};
use super::sort::{Entry, IN_MEMORY, NO_TIME, Sorter};
use super::store::{Region, Store};
use super::{Imported, Name};
use crate::error::{Problem, Problems};
use crate::plan::{Calls, Thread};
use crate::write::text::Text;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::record::{Kind, RECORD_SIZE};

/// Entries that are read at once when their turn comes.
const CHUNK: usize = 4096;
/// Calls that may be open at the same time without an end, in all threads.
const OPEN_MAX: usize = 1 << 20;
/// Bytes of what a document holds beside events and source files.
const MEMBERS_MAX: usize = 16 << 20;
/// What comes behind the name of a usual call.
const USUAL: &[u8] = br#","cat":"FEE""#;
/// The category of what tells how much is missing.
const LOSS: &[u8] = b"\"LOSS\"";
const NO_JSON: &str = "an event that is no JSON";

/// A document as it was read.
#[derive(Debug, Default)]
pub struct Import {
    /// What its plans share.
    pub imported: Imported,
    /// By serial.
    pub threads: Vec<(u32, Thread)>,
    /// The processes, in the order of appearance, and their names.
    pub processes: Vec<(u32, Option<String>)>,
    /// All that there is to merge, by thread.
    pub calls: Vec<Calls>,
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
    members: Members<'a>,
    /// Serials by pid and tid, and the last one asked for.
    serials: HashMap<(u32, u32), u32>,
    last_thread: Option<((u32, u32), u32)>,
    /// Function ids by the name as it is written.
    functions: HashMap<Box<[u8]>, u32>,
    /// Calls that have begun, by thread.
    open: HashMap<u32, Vec<Entry>>,
    open_count: usize,
    entries: u64,
    /// Bytes of members of the document.
    kept: usize,
    text: Text,
}

/// What is wrong with an event.
type Refused = String;

impl<'a> Reading<'a> {
    fn new(store: &'a Arc<Store>) -> Reading<'a> {
        Reading {
            import: Import::default(),
            store,
            sorter: Sorter::new(store),
            members: Members::new(store),
            serials: HashMap::new(),
            last_thread: None,
            functions: HashMap::new(),
            open: HashMap::new(),
            open_count: 0,
            entries: 0,
            kept: 0,
            text: Text::default(),
        }
    }

    /// Reads an event and takes it.
    fn event<R: Read>(&mut self, document: &mut Document<R>) -> io::Result<Result<(), Problem>> {
        loop {
            match Event::read(document.rest()) {
                Ok((event, length)) => {
                    let text = document.rest().get(..length).unwrap_or_default();
                    let taken = self.take(&event, text)?;
                    document.take(length);
                    return Ok(taken.map_err(|reason| Problem::at(document.offset(), reason)));
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

    fn take(&mut self, event: &Event<'_>, text: &[u8]) -> io::Result<Result<(), Refused>> {
        let Some(thread) = self.thread(event) else {
            return Ok(Err(format!("the pid or tid of an event is no number below 2^32: {}", shown(text))));
        };
        let time = event.time.and_then(nanoseconds);
        match (event.phase, time) {
            (b"\"M\"", _) if self.name(event, thread) => Ok(Ok(())),
            (b"\"M\"", _) => self.other(event, thread, NO_TIME),
            (_, None) => Ok(Err(format!("an event without a time: {}", shown(text)))),
            (_, Some(start)) if event.category == Some(LOSS) => {
                self.loss(event, thread, start);
                Ok(Ok(()))
            }
            (b"\"X\"", Some(start)) => {
                let duration = event.duration.map_or(Some(0), nanoseconds).filter(|duration| *duration >= 0);
                let Some(end) = duration.and_then(|duration| start.checked_add(duration)) else {
                    return Ok(Err(format!("an impossible duration: {}", shown(text))));
                };
                match self.call(event, thread, start)? {
                    Some(entry) => self.push(Entry { end, ..entry }).map(Ok),
                    None => Ok(Err(NO_JSON.into())),
                }
            }
            (b"\"B\"", Some(start)) => {
                if self.open_count == OPEN_MAX {
                    return Ok(Err("too many calls that do not end".into()));
                }
                let Some(entry) = self.call(event, thread, start)? else { return Ok(Err(NO_JSON.into())) };
                self.open.entry(thread).or_default().push(entry);
                self.open_count += 1;
                Ok(Ok(()))
            }
            (b"\"E\"", Some(end)) => match self.open.get_mut(&thread).and_then(Vec::pop) {
                Some(entry) => {
                    self.open_count -= 1;
                    self.push(Entry { end: end.max(entry.start), ..entry }).map(Ok)
                }
                None => Ok(Err("the end of a call that did not begin".into())),
            },
            (_, Some(start)) => self.other(event, thread, start),
        }
    }

    /// The serial of an event's thread.
    fn thread(&mut self, event: &Event<'_>) -> Option<u32> {
        let pid = event.pid.map_or(Some(0), number)?;
        let tid = event.tid.map_or(Some(pid), number)?;
        if let Some((_, serial)) = self.last_thread.filter(|(last, _)| *last == (pid, tid)) {
            return Some(serial);
        }
        let next = self.serials.len() as u32;
        let serial = *self.serials.entry((pid, tid)).or_insert(next);
        if serial == next {
            self.process(pid);
            let thread = Thread { serial, tid: tid.into(), ..Thread::default() };
            self.import.threads.push((pid, thread));
        }
        self.last_thread = Some(((pid, tid), serial));
        Some(serial)
    }

    fn process(&mut self, pid: u32) -> &mut Option<String> {
        let processes = &mut self.import.processes;
        let place = processes.iter().position(|(known, _)| *known == pid).unwrap_or_else(|| {
            processes.push((pid, None));
            processes.len() - 1
        });
        &mut processes[place].1
    }

    /// Takes the name of a thread or process; tells whether it was one.
    fn name(&mut self, event: &Event<'_>, thread: u32) -> bool {
        let Some(name) = event.arguments.and_then(|arguments| string_in(arguments, "name")) else { return false };
        let (pid, of) = &mut self.import.threads[thread as usize];
        match event.name {
            Some(b"\"thread_name\"") => of.name = Some(name),
            Some(b"\"process_name\"") => {
                let pid = *pid;
                *self.process(pid) = Some(name);
            }
            _ => return false,
        }
        true
    }

    /// What an earlier merge told of what is missing.
    fn loss(&mut self, event: &Event<'_>, thread: u32, start: i64) {
        let arguments: Map<String, Value> =
            event.arguments.and_then(|arguments| serde_json::from_slice(arguments).ok()).unwrap_or_default();
        let count = |name| arguments.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (_, thread) = &mut self.import.threads[thread as usize];
        thread.overwritten = thread.overwritten.saturating_add(count("overwritten"));
        thread.lost = thread.lost.saturating_add(count("lost"));
        thread.begun = ticks(start);
    }

    /// A call that begins, without its end; `None` if what it holds is no JSON.
    fn call(&mut self, event: &Event<'_>, thread: u32, start: i64) -> io::Result<Option<Entry>> {
        let Some(function) = self.function(event.name.unwrap_or(b"\"\"")) else { return Ok(None) };
        self.text.clear();
        event.members_of_call(&mut self.text);
        let entry = |Region { at, length }| Entry {
            thread,
            function,
            start,
            end: start,
            number: 0,
            members: at,
            length: length as u32,
            kind: Kind::Return as u32,
        };
        Ok(self.members.keep(self.text.as_bytes())?.map(entry))
    }

    /// Anything else, at a moment.
    fn other(&mut self, event: &Event<'_>, thread: u32, time: i64) -> io::Result<Result<(), Refused>> {
        self.text.clear();
        event.members(&mut self.text);
        let Some(Region { at, length }) = self.members.keep(self.text.as_bytes())? else {
            return Ok(Err(NO_JSON.into()));
        };
        let (number, kind, length) = (0, Kind::Instant as u32, length as u32);
        self.push(Entry { thread, function: 0, start: time, end: time, number, members: at, length, kind }).map(Ok)
    }

    fn push(&mut self, entry: Entry) -> io::Result<()> {
        if entry.start != NO_TIME {
            let (first, last) = self.import.times.unwrap_or((entry.start, entry.end));
            self.import.times = Some((first.min(entry.start), last.max(entry.end)));
        }
        self.entries += 1;
        self.sorter.push(Entry { number: self.entries, ..entry })
    }

    fn function(&mut self, written: &[u8]) -> Option<u32> {
        if let Some(id) = self.functions.get(written) {
            return Some(*id);
        }
        let name = string(written)?;
        let id = self.functions.len() as u32;
        self.functions.insert(written.into(), id);
        self.import.imported.functions.push(Name::of(&name));
        Some(id)
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
        self.kept += value.len();
        if self.kept > MEMBERS_MAX {
            return self.import.problems.add(Problem::new(format!("left out, too long: {}", shown(key))));
        }
        let (Some(key), Ok(value)) = (string(key), serde_json::from_slice(value)) else {
            return self.import.problems.add(Problem::new(format!("no JSON: {}", shown(value))));
        };
        match (&*key, value) {
            ("viztracer_metadata", Value::Object(metadata)) => self.import.imported.metadata = metadata,
            // It is made anew, of the functions.
            ("functions", _) => {}
            (_, value) => drop(self.import.imported.members.insert(key, value)),
        }
    }

    fn finish(mut self) -> io::Result<Import> {
        let (_, last) = self.import.times.unwrap_or_default();
        for (_, open) in std::mem::take(&mut self.open) {
            for mut entry in open {
                if entry.length == 0 {
                    let Region { at, length } = self.members.keep(USUAL)?.unwrap_or_default();
                    (entry.members, entry.length) = (at, length as u32);
                }
                self.push(Entry { end: last.max(entry.start).saturating_add(1), kind: Kind::Open as u32, ..entry })?;
            }
        }
        self.members.finish()?;
        self.import.imported.short = self.members.short();
        let mut chunk: Vec<Entry> = Vec::with_capacity(CHUNK);
        let Reading { mut import, sorter, store, .. } = self;
        sorter.finish(|entry| {
            if chunk.len() == CHUNK || chunk.last().is_some_and(|last| last.thread != entry.thread) {
                import.calls.push(put(store, &chunk)?);
                chunk.clear();
            }
            chunk.push(*entry);
            Ok(())
        })?;
        if !chunk.is_empty() {
            import.calls.push(put(store, &chunk)?);
        }
        import.imported.store = Some(Arc::clone(store));
        Ok(import)
    }
}

/// Puts entries of one thread into the store.
fn put(store: &Store, entries: &[Entry]) -> io::Result<Calls> {
    let Region { at, .. } = store.append(bytemuck::cast_slice(entries))?;
    let (events, thread) = (entries.len() as u32, entries.first().map_or(0, |entry| entry.thread));
    Ok(Calls { generation: at, index: 0, committed: events * RECORD_SIZE as u32, thread, events })
}

/// The begin of a text, for a message.
fn shown(text: &[u8]) -> String {
    const LENGTH: usize = 60;
    let begin = String::from_utf8_lossy(text.get(..LENGTH).unwrap_or(text)).into_owned();
    if text.len() > LENGTH { format!("{begin}...") } else { begin }
}

/// What events have beside the usual, on its way to the store.
struct Members<'a> {
    store: &'a Store,
    /// The room for `block`.
    room: Region,
    block: Vec<u8>,
    /// Texts that come again and again, such as a category, stay in memory.
    short: HashMap<Box<[u8]>, u64>,
}

/// Bytes that are written at once.
const BLOCK: usize = 1 << 20;
/// Texts as short as this stay in memory, if they are among the first so many.
const SHORT: usize = 64;
const SHORT_MAX: usize = 256;

impl<'a> Members<'a> {
    fn new(store: &'a Store) -> Members<'a> {
        Members { store, room: Region::default(), block: Vec::new(), short: HashMap::new() }
    }

    /// Keeps a text, if it is JSON.
    fn keep(&mut self, text: &[u8]) -> io::Result<Option<Region>> {
        let length = text.len() as u64;
        if text.is_empty() {
            return Ok(Some(Region::default()));
        }
        if let Some(place) = self.short.get(text).filter(|_| text.len() <= SHORT) {
            return Ok(Some(Region { at: IN_MEMORY | place, length }));
        }
        if !are_members(text) {
            return Ok(None);
        }
        if text.len() > SHORT || self.short.len() == SHORT_MAX {
            return self.put(text).map(Some);
        }
        let place = self.short.len() as u64;
        self.short.insert(text.into(), place);
        Ok(Some(Region { at: IN_MEMORY | place, length }))
    }

    fn put(&mut self, text: &[u8]) -> io::Result<Region> {
        if text.len() > BLOCK {
            return self.store.append(text);
        }
        if self.block.len() + text.len() > self.room.length as usize {
            self.finish()?;
            self.room = self.store.reserve(BLOCK as u64);
        }
        let region = Region { at: self.room.at + self.block.len() as u64, length: text.len() as u64 };
        self.block.extend_from_slice(text);
        Ok(region)
    }

    /// The texts in memory, by place.
    fn short(&mut self) -> Vec<Box<[u8]>> {
        let mut short: Vec<_> = std::mem::take(&mut self.short).into_iter().collect();
        short.sort_unstable_by_key(|(_, place)| *place);
        short.into_iter().map(|(text, _)| text).collect()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.store.write(self.room.at, &self.block)?;
        self.block.clear();
        self.room = Region::default();
        Ok(())
    }
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
