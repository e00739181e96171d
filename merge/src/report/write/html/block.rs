//! The events of a part, as columns of numbers for each stream. Similar numbers stand together, so they compress well.
//!
//! All numbers are varints: 7 bits in a byte, the lowest first, the top bit says that more follow.
//!
//! ```text
//! block    count of functions, their numbers; then streams, to the end
//! stream   thread, task, how many of its calls are open, time of its first event in ns;
//!          bytes in what, begins, ends, flags, extras; then these columns
//! what     0 the innermost call ends, 1 an instant, 2 + 2f the block's function f begins, 3 + 2f it begins and ends
//! begins   nanoseconds since the event before, for each begin and instant
//! ends     the same, for each end
//! flags    distance in `what` from the one before, flags: of calls that did not just return, where they end
//! extras   distance in `what` from the one before, length, JSON: of calls, where they end, and of instants
//! ```

use crate::events::decode::{Event, EventMembers, Payload};
use crate::events::timeline::{Call, StackEvent};
use crate::report::functions::InternedFunctions;
use crate::report::write::arguments::arguments_of_call;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use viztracer_format::record::Kind;

const END: u64 = 0;
const INSTANT: u64 = 1;
const FIRST_FUNCTION: u64 = 2;

/// A source of stack events: a thread, or a task on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    /// The index of the thread in the plan.
    pub thread: usize,
    /// The task's serial, 0 for what no task did.
    pub task: u32,
}

/// The events of a part.
#[derive(Debug)]
pub struct PageBlock<'a> {
    interned: &'a InternedFunctions,
    dictionary: Dictionary,
    indexes: BTreeMap<Stream, usize>,
    sections: Vec<StreamSection>,
    /// The index of the section that was used last.
    current: usize,
    /// The begin and end of overwritten time, with the stream of the innermost known call.
    overwritten: Vec<(Stream, u64, u64)>,
    /// How many more calls are merged into its calls.
    pub merged: u64,
}

/// Small numbers for the functions of the block.
#[derive(Debug, Default)]
struct Dictionary {
    /// The small number of each function, plus one; 0 if it has none.
    small: Vec<u32>,
    functions: Vec<u32>,
}

/// The events of one stream in a part.
#[derive(Debug)]
struct StreamSection {
    stream: Stream,
    open: usize,
    first: u64,
    now: u64,
    /// A call that has begun just now: its function, and the nanoseconds before.
    begun: Option<(u64, u64)>,
    calls: u64,
    count: u64,
    what: Vec<u8>,
    begins: Vec<u8>,
    ends: Vec<u8>,
    flags: RareColumn,
    extras: RareColumn,
}

/// A column of values that few events have.
#[derive(Debug, Default)]
struct RareColumn {
    last: u64,
    bytes: Vec<u8>,
}

impl<'a> PageBlock<'a> {
    /// Makes an empty block. `interned` has the names of instants.
    pub fn new(interned: &'a InternedFunctions) -> PageBlock<'a> {
        let (dictionary, indexes) = (Dictionary::default(), BTreeMap::new());
        PageBlock {
            interned,
            dictionary,
            indexes,
            sections: Vec::new(),
            current: 0,
            overwritten: Vec::new(),
            merged: 0,
        }
    }

    /// Adds the next stack event; `number` returns a function's number by its id.
    pub fn take(&mut self, event: &StackEvent<'_>, open: &[Call], number: impl Fn(u32) -> u32) {
        match event {
            StackEvent::Begin(call) if call.is_overwritten() => {}
            StackEvent::End(call, _) if call.is_overwritten() => {
                self.overwritten.push((Stream::of(call), call.start, call.end));
            }
            StackEvent::Begin(call) => {
                let function = self.dictionary.small(number(call.function));
                let (_, around) = open.split_last().unwrap_or((call, &[]));
                self.section(Stream::of(call), call.start, || depth(call.task, around)).begin(function, call.start);
            }
            StackEvent::End(call, payload) => {
                if let Some(Payload::Merged(calls)) = payload {
                    self.merged += u64::from(*calls) - 1;
                }
                let around = || depth(call.task, open) + 1;
                self.section(Stream::of(call), call.end, around).end(call, *payload);
            }
            StackEvent::Instant(event) => {
                let Some(extra) = extra(event, number(event.function), self.interned) else { return };
                let stream = Stream { thread: event.thread, task: event.task };
                self.section(stream, event.start, || depth(event.task, open)).event(event.start, &extra);
            }
        }
    }

    /// How many calls begin in each stream.
    pub fn calls(&self) -> impl Iterator<Item = (Stream, u64)> {
        self.sections.iter().map(|section| (section.stream, section.calls))
    }

    /// Takes the overwritten time: the stream of the innermost known call, begin, and end.
    pub fn overwritten(&mut self) -> Vec<(Stream, u64, u64)> {
        std::mem::take(&mut self.overwritten)
    }

    /// Whether it has no events.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The block as bytes.
    pub fn bytes(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_number(self.dictionary.functions.len() as u64, &mut bytes);
        self.dictionary.functions.iter().for_each(|function| put_number((*function).into(), &mut bytes));
        self.sections.iter_mut().for_each(|section| section.put(&mut bytes));
        bytes
    }

    #[inline]
    fn section(&mut self, stream: Stream, now: u64, open: impl Fn() -> usize) -> &mut StreamSection {
        if self.sections.get(self.current).is_none_or(|section| section.stream != stream) {
            let sections = &mut self.sections;
            self.current = *self.indexes.entry(stream).or_insert_with(|| {
                sections.push(StreamSection::new(stream, open(), now));
                sections.len() - 1
            });
        }
        &mut self.sections[self.current]
    }
}

/// How many of these calls are the task's.
fn depth(task: u32, open: &[Call]) -> usize {
    open.iter().filter(|call| call.task == task).count()
}

impl Stream {
    fn of(call: &Call) -> Stream {
        Stream { thread: call.thread, task: call.task }
    }
}

impl Dictionary {
    #[inline]
    fn small(&mut self, function: u32) -> u64 {
        let index = function as usize;
        if self.small.len() <= index {
            self.small.resize(index + 1, 0);
        }
        if self.small[index] == 0 {
            self.functions.push(function);
            self.small[index] = self.functions.len() as u32;
        }
        u64::from(self.small[index] - 1)
    }
}

impl StreamSection {
    fn new(stream: Stream, open: usize, first: u64) -> StreamSection {
        let (what, begins, ends) = (Vec::new(), Vec::new(), Vec::new());
        let (flags, extras) = (RareColumn::default(), RareColumn::default());
        StreamSection {
            stream,
            open,
            first,
            now: first,
            begun: None,
            calls: 0,
            count: 0,
            what,
            begins,
            ends,
            flags,
            extras,
        }
    }

    #[inline]
    fn begin(&mut self, function: u64, start: u64) {
        self.settle();
        self.begun = Some((function, self.pass(start)));
        self.calls += 1;
    }

    #[inline]
    fn end(&mut self, call: &Call, payload: Option<&Payload<'_>>) {
        let passed = self.pass(call.end);
        match self.begun.take() {
            Some((function, before)) => {
                put_number(before, &mut self.begins);
                self.put_what(FIRST_FUNCTION + function * 2 + 1);
            }
            None => self.put_what(END),
        }
        put_number(passed, &mut self.ends);
        if payload.is_some() || call.kind != Kind::Return || call.is_clipped {
            self.rarities(call, payload);
        }
    }

    #[cold]
    fn rarities(&mut self, call: &Call, payload: Option<&Payload<'_>>) {
        let (flags_of_arguments, arguments) = payload.map(arguments_of_call).unwrap_or_default();
        let own = match call.kind {
            Kind::Open => 1,
            Kind::Raise => 2,
            Kind::Abandoned => 4,
            Kind::Yield => 32,
            _ => u8::from(call.is_unfinished),
        };
        let merged = if let Some(Payload::Merged(_)) = payload { 64 } else { 0 };
        let flags = own
            | merged
            | flags_of_arguments
            | if call.is_clipped { 8 } else { 0 }
            | if call.is_inherited { 16 } else { 0 };
        let position = self.count - 1;
        if flags != 0 {
            self.flags.at(position).push(flags);
        }
        if !arguments.is_empty() {
            self.extras.text(position, &Value::Object(arguments).to_string());
        }
    }

    #[cold]
    fn event(&mut self, now: u64, extra: &str) {
        self.settle();
        let passed = self.pass(now);
        put_number(passed, &mut self.begins);
        self.put_what(INSTANT);
        self.extras.text(self.count - 1, extra);
    }

    #[inline(always)]
    fn put_what(&mut self, what: u64) {
        put_number(what, &mut self.what);
        self.count += 1;
    }

    /// Writes the begin of a call that did not end at once.
    #[inline(always)]
    fn settle(&mut self) {
        if let Some((function, before)) = self.begun.take() {
            put_number(before, &mut self.begins);
            self.put_what(FIRST_FUNCTION + function * 2);
        }
    }

    fn pass(&mut self, now: u64) -> u64 {
        let passed = now.saturating_sub(self.now);
        self.now += passed;
        passed
    }

    fn put(&mut self, bytes: &mut Vec<u8>) {
        self.settle();
        let columns = [&self.what, &self.begins, &self.ends, &self.flags.bytes, &self.extras.bytes];
        let Stream { thread, task } = self.stream;
        let head = [thread as u64, task.into(), self.open as u64, self.first];
        head.into_iter().for_each(|number| put_number(number, bytes));
        columns.iter().for_each(|column| put_number(column.len() as u64, bytes));
        columns.iter().for_each(|column| bytes.extend_from_slice(column));
    }
}

impl RareColumn {
    fn at(&mut self, position: u64) -> &mut Vec<u8> {
        put_number(position - self.last, &mut self.bytes);
        self.last = position;
        &mut self.bytes
    }

    fn text(&mut self, position: u64, text: &str) {
        let bytes = self.at(position);
        put_number(text.len() as u64, bytes);
        bytes.extend_from_slice(text.as_bytes());
    }
}

/// The kind, name and arguments of an instant as JSON; `None` if it is not shown.
fn extra(event: &Event<'_>, function: u32, interned: &InternedFunctions) -> Option<String> {
    let extra = match &event.payload {
        Some(Payload::Members(members)) => {
            let mut members = EventMembers::of(members);
            let arguments = match members.arguments() {
                none if none.is_empty() => Value::Null,
                some => Value::Object(some),
            };
            let name = members.text("name");
            let is_order = members.phase() == "M" && matches!(name, "thread_sort_index" | "process_sort_index");
            let kind = if is_order { "order" } else { kind(members.phase())? };
            let mut extra = json!({"kind": kind, "name": name, "args": arguments});
            if kind == "instant" && matches!(members.text("s"), "g" | "p") {
                extra["scope"] = members.text("s").into();
            }
            if matches!(kind, "s" | "t" | "f" | "b" | "n" | "e" | "S" | "T" | "p" | "F") {
                extra["id"] = members.id().to_string().into();
                extra["cat"] = members.text("cat").into();
                if let Some(shown) = members.id_text() {
                    extra["shown"] = shown.into();
                }
                if kind == "f" && members.text("bp") != "e" {
                    extra["next"] = true.into();
                }
            }
            extra
        }
        payload => {
            let kind = if event.kind == Kind::Counter { "counter" } else { "instant" };
            let name = interned.get(function).map(|function| &*function.name);
            json!({"kind": kind, "name": name, "args": payload.as_ref().map(Payload::arguments)})
        }
    };
    Some(extra.to_string())
}

/// The kind of instant that an event of this phase is; `None` if it is not shown.
fn kind(phase: &str) -> Option<&str> {
    match phase {
        "M" | "" => None,
        // Spans, begins and ends that nest with no calls have nothing to be drawn as.
        "i" | "I" | "R" | "X" | "B" | "E" => Some("instant"),
        "C" => Some("counter"),
        "N" | "O" | "D" => Some("object"),
        other => Some(other),
    }
}

/// Appends a number as a varint.
#[inline]
pub fn put_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
