//! A document's items, taken one by one: events become entries of the store, the rest is kept as it is.

use super::clocks::ticks;
use super::document::{Document, Item};
use super::event::{Broken, Event, nanoseconds, string, string_in};
use super::members::Members;
use super::sort::{Entry, NO_TIME, Sorter};
use super::{Imported, Name};
use crate::error::{Problem, Problems};
use crate::plan::{Calls, Thread};
use crate::store::{Region, Store};
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
/// Threads of a document.
const THREADS_MAX: usize = 1 << 18;
/// Bytes of the names of its calls.
const NAMES_MAX: usize = 32 << 20;
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
    /// Where processes are in their list, by pid.
    places: HashMap<u32, usize>,
    /// Function ids by the name as it is written.
    functions: HashMap<Box<[u8]>, u32>,
    /// Bytes of these names.
    names: usize,
    /// Calls that have begun, by thread.
    open: HashMap<u32, Vec<Entry>>,
    open_count: usize,
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
            sorter: Sorter::new(store),
            members: Members::new(store),
            serials: HashMap::new(),
            last_thread: None,
            places: HashMap::new(),
            functions: HashMap::new(),
            names: 0,
            open: HashMap::new(),
            open_count: 0,
            entries: 0,
            kept: 0,
            text: Vec::new(),
        }
    }

    /// Reads an event and takes it.
    fn event<R: Read>(&mut self, document: &mut Document<R>) -> io::Result<Result<(), Problem>> {
        loop {
            match Event::read(document.rest()) {
                Ok((event, length)) => {
                    let taken = self.take(&event, document.rest().get(..length).unwrap_or_default());
                    document.take(length);
                    return match taken {
                        Ok(()) => Ok(Ok(())),
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

    fn take(&mut self, event: &Event<'_>, text: &[u8]) -> Result<(), Failure> {
        let thread = self.thread(event, text)?;
        if event.phase == b"\"M\"" {
            return if self.name(event, thread) { Ok(()) } else { self.other(event, thread, NO_TIME) };
        }
        let Some(time) = event.time.and_then(nanoseconds) else {
            return refused(format!("an event without a time: {}", shown(text)));
        };
        match event.phase {
            _ if event.category == Some(LOSS) => {
                self.loss(event, thread, time);
                Ok(())
            }
            b"\"X\"" => {
                let duration = event.duration.map_or(Some(0), nanoseconds).filter(|duration| *duration >= 0);
                let Some(end) = duration.and_then(|duration| time.checked_add(duration)) else {
                    return refused(format!("an impossible duration: {}", shown(text)));
                };
                let entry = self.call(event, thread, time)?;
                Ok(self.push(Entry { end, ..entry })?)
            }
            b"\"B\"" if self.open_count == OPEN_MAX => refused("too many calls that do not end"),
            b"\"B\"" => {
                let entry = self.call(event, thread, time)?;
                self.open.entry(thread).or_default().push(entry);
                self.open_count += 1;
                Ok(())
            }
            b"\"E\"" => {
                let Some(entry) = self.open.get_mut(&thread).and_then(Vec::pop) else {
                    return refused("the end of a call that did not begin");
                };
                self.open_count -= 1;
                Ok(self.push(Entry { end: time.max(entry.start), ..entry })?)
            }
            _ => self.other(event, thread, time),
        }
    }

    /// The serial of an event's thread.
    fn thread(&mut self, event: &Event<'_>, text: &[u8]) -> Result<u32, Failure> {
        let pid = event.pid.map_or(Some(0), number);
        let tid = event.tid.map_or(pid, number);
        let Some(key) = pid.zip(tid) else {
            return refused(format!("the pid or tid of an event is no number below 2^32: {}", shown(text)));
        };
        if let Some((_, serial)) = self.last_thread.filter(|(last, _)| *last == key) {
            return Ok(serial);
        }
        let serial = match self.serials.get(&key) {
            Some(serial) => *serial,
            None if self.serials.len() == THREADS_MAX => return refused("too many threads"),
            None => self.new_thread(key),
        };
        self.last_thread = Some((key, serial));
        Ok(serial)
    }

    fn new_thread(&mut self, (pid, tid): (u32, u32)) -> u32 {
        let serial = self.serials.len() as u32;
        self.serials.insert((pid, tid), serial);
        let processes = &mut self.import.processes;
        self.places.entry(pid).or_insert_with(|| {
            processes.push((pid, None));
            processes.len() - 1
        });
        self.import.threads.push((pid, Thread { serial, tid: tid.into(), ..Thread::default() }));
        serial
    }

    /// Takes the name of a thread or process; tells whether it was one.
    fn name(&mut self, event: &Event<'_>, thread: u32) -> bool {
        let Some(name) = event.arguments.and_then(|arguments| string_in(arguments, "name")) else { return false };
        let (pid, of) = &mut self.import.threads[thread as usize];
        match event.name {
            Some(b"\"thread_name\"") => of.name = Some(name),
            Some(b"\"process_name\"") => {
                let place = self.places.get(pid).copied().unwrap_or_default();
                self.import.processes[place].1 = Some(name);
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
        let time = |name| arguments.get(name).and_then(|time| nanoseconds(time.to_string().as_bytes()));
        let end = start.saturating_add(event.duration.and_then(nanoseconds).unwrap_or(0));
        self.pass(time("since").unwrap_or(start), end);
        let (_, thread) = &mut self.import.threads[thread as usize];
        thread.overwritten = thread.overwritten.saturating_add(count("overwritten"));
        thread.overwritten_until = thread.overwritten_until.max(ticks(time("until").unwrap_or(end)));
        thread.lost = thread.lost.saturating_add(count("lost"));
        thread.begun = ticks(time("since").unwrap_or(start));
    }

    /// A call that begins, without its end.
    fn call(&mut self, event: &Event<'_>, thread: u32, start: i64) -> Result<Entry, Failure> {
        let function = self.function(event.name.unwrap_or(b"\"\""))?;
        self.text.clear();
        event.members_of_call(&mut self.text);
        self.entry(thread, function, start, Kind::Return)
    }

    /// Anything else, at a moment.
    fn other(&mut self, event: &Event<'_>, thread: u32, time: i64) -> Result<(), Failure> {
        self.text.clear();
        event.members(&mut self.text);
        let entry = self.entry(thread, 0, time, Kind::Instant)?;
        Ok(self.push(entry)?)
    }

    /// An entry with the members in `text`.
    fn entry(&mut self, thread: u32, function: u32, time: i64, kind: Kind) -> Result<Entry, Failure> {
        let Some(Region { at: members, length }) = self.members.keep(&self.text)? else {
            return refused(NO_JSON);
        };
        let (number, length, kind) = (0, length as u32, kind as u32);
        Ok(Entry { thread, function, start: time, end: time, number, members, length, kind })
    }

    fn push(&mut self, entry: Entry) -> io::Result<()> {
        if entry.start != NO_TIME {
            self.pass(entry.start, entry.end);
        }
        self.entries += 1;
        self.sorter.push(Entry { number: self.entries, ..entry })
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

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
