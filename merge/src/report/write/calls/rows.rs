//! The calls of a part, in the order of their ends.

use super::names::FileNames;
use crate::events::decode::{EventMembers, Payload};
use crate::events::timeline::{Call, OpenCalls, StackEvent};
use crate::report::write::arguments::{arguments_of_call, text_of_bytes};
use std::ops::Range;
use viztracer_format::record::Kind;

/// The parent of a call that no call is around.
pub const NO_CALL: i64 = i64::MIN;

/// An exception has ended the call.
pub const RAISED: u8 = 1;
/// The call is not known to have ended.
pub const UNFINISHED: u8 = 2;
/// A part of the call lies outside of the selected time.
pub const CLIPPED: u8 = 4;

/// The calls of a part, as columns.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows of each thread, and what it has left open.
    pub threads: Vec<ThreadRows>,
    /// How many calls have begun in the part.
    pub begun: i64,
    /// What each call is called in the part: see [`OpenCall::number`].
    pub numbers: Vec<i64>,
    /// What the call around each is called, or [`NO_CALL`].
    pub parents: Vec<i64>,
    /// When each call began, in ns of the report.
    pub starts: Vec<i64>,
    /// How many ns it took.
    pub durations: Vec<i64>,
    /// The same without the calls that it made in this part.
    pub own: Vec<i64>,
    /// How many calls are around it on its thread.
    pub depths: Vec<u32>,
    /// Its function.
    pub functions: Keys,
    /// [`RAISED`], [`UNFINISHED`] and [`CLIPPED`].
    pub flags: Vec<u8>,
    /// The serial of the task of rows, from each of these rows on.
    pub tasks: Vec<(usize, u32)>,
    /// The arguments of rows that have some, as JSON.
    pub arguments: Vec<(usize, String)>,
    open: OpenCalls<OpenCall>,
}

/// Small numbers in place of those of a file's functions, of which a part has few.
#[derive(Debug, Default)]
pub struct Keys {
    /// The small number in each row.
    pub rows: Vec<u32>,
    /// What each small number stands for.
    pub meanings: Vec<u32>,
    /// The small number of each function, plus one; 0 if it has none.
    small: Vec<u32>,
}

/// The rows of a thread in a part.
#[derive(Debug)]
pub struct ThreadRows {
    /// The index of the thread in the plan.
    pub thread: usize,
    /// Its rows.
    pub rows: Range<usize>,
    /// How many calls were open when the part began, as far as they are in it.
    pub earlier: usize,
    /// The calls that are open when the part ends, outermost first.
    pub left: Vec<OpenCall>,
}

/// A call while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// How many calls have begun in the part before it; or if it was open when the part began, -1 for the outermost one
    /// of its thread, -2 for the one inside of that, and so on.
    pub number: i64,
    /// How many ns the calls took that it made in this part.
    pub callees: i64,
}

impl OpenCall {
    /// A call that was open when the part began.
    fn earlier(around: &[OpenCall]) -> OpenCall {
        OpenCall { number: -1 - around.len() as i64, callees: 0 }
    }
}

impl Keys {
    #[inline(always)]
    fn push(&mut self, meaning: u32) {
        let key = match self.small.get(meaning as usize) {
            Some(key @ 1..) => *key,
            _ => self.new_key(meaning),
        };
        self.rows.push(key - 1);
    }

    #[cold]
    fn new_key(&mut self, meaning: u32) -> u32 {
        let index = meaning as usize;
        self.small.resize(self.small.len().max(index + 1), 0);
        self.meanings.push(meaning);
        self.small[index] = self.meanings.len() as u32;
        self.small[index]
    }
}

impl Rows {
    /// Makes room for so many calls.
    pub fn with_capacity(calls: usize) -> Rows {
        Rows {
            numbers: Vec::with_capacity(calls),
            parents: Vec::with_capacity(calls),
            starts: Vec::with_capacity(calls),
            durations: Vec::with_capacity(calls),
            own: Vec::with_capacity(calls),
            depths: Vec::with_capacity(calls),
            functions: Keys { rows: Vec::with_capacity(calls), ..Keys::default() },
            flags: Vec::with_capacity(calls),
            ..Rows::default()
        }
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Adds the next stack event.
    #[inline(always)]
    pub fn take(&mut self, names: &FileNames, event: StackEvent<'_>, open: &[Call]) {
        match event {
            StackEvent::Begin(call) => {
                self.go_to(call.thread);
                // The call itself comes last, and gets its number below.
                let mut entered = 0;
                self.open.begin(call, open, |_, around| {
                    entered += 1;
                    OpenCall::earlier(around)
                });
                self.inherit(entered - 1);
                // What stands for overwritten calls is no call.
                if !call.is_overwritten()
                    && let Some(begun) = self.open.innermost_mut()
                {
                    begun.number = self.begun;
                    self.begun += 1;
                }
            }
            StackEvent::End(call, payload) => {
                self.go_to(call.thread);
                let mut entered = 0;
                let ended = self.open.end(call, open, |_, around| {
                    entered += 1;
                    OpenCall::earlier(around)
                });
                self.inherit(entered);
                let Some(ended) = ended else { return };
                let duration = signed(call.end.saturating_sub(call.start));
                let parent = self.open.innermost_mut().map_or(NO_CALL, |around| {
                    around.callees = around.callees.saturating_add(duration);
                    around.number
                });
                if call.is_overwritten() {
                    return;
                }
                let mut kind = call.kind;
                if let Some(payload) = payload {
                    kind = self.payload(payload, kind);
                }
                self.numbers.push(ended.number);
                self.parents.push(parent);
                self.starts.push(signed(call.start));
                self.durations.push(duration);
                self.own.push(duration - ended.callees);
                self.depths.push(open.len() as u32);
                self.functions.push(names.number(call.function));
                if self.tasks.last().is_none_or(|(_, task)| *task != call.task) {
                    self.tasks.push((self.flags.len(), call.task));
                }
                let clipped = if call.is_clipped { CLIPPED } else { 0 };
                self.flags.push(
                    clipped
                        | match kind {
                            Kind::Raise => RAISED,
                            Kind::Open => UNFINISHED,
                            _ => 0,
                        },
                );
            }
            StackEvent::Instant(_) => {}
        }
    }

    /// Ends the part.
    pub fn finish(&mut self) {
        let rows = self.len();
        if let Some(last) = self.threads.last_mut() {
            last.rows.end = rows;
            last.left = self.open.values().to_vec();
        }
    }

    #[inline(always)]
    fn go_to(&mut self, thread: usize) {
        if self.threads.last().is_none_or(|last| last.thread != thread) {
            self.next_thread(thread);
        }
    }

    /// Notes how many calls of the thread were open when the part began.
    #[inline(always)]
    fn inherit(&mut self, calls: usize) {
        if calls > 0
            && let Some(thread) = self.threads.last_mut()
        {
            thread.earlier = thread.earlier.max(calls);
        }
    }

    #[cold]
    fn next_thread(&mut self, thread: usize) {
        self.finish();
        let rows = self.len()..self.len();
        self.threads.push(ThreadRows { thread, rows, earlier: 0, left: Vec::new() });
    }

    /// Adds the arguments of the next row, and returns how its call ended.
    #[cold]
    fn payload(&mut self, payload: &Payload<'_>, kind: Kind) -> Kind {
        let text = match payload {
            Payload::Bytes(bytes) => Some(text_of_bytes(bytes)),
            _ => match arguments_of_call(payload).1 {
                none if none.is_empty() => None,
                some => Some(serde_json::Value::Object(some).to_string()),
            },
        };
        self.arguments.extend(text.map(|text| (self.numbers.len(), text)));
        match payload {
            Payload::Members(members) => EventMembers::ending(members).unwrap_or(kind),
            _ => kind,
        }
    }
}

/// A number of ns that fits unless the file is damaged.
fn signed(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}
