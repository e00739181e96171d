//! Turns the records of a thread in one part into stack events, in the order of time.
//!
//! Records stand in the order of their ends, so a call stands behind the calls that it made. Read backwards, they give
//! the begins and ends backwards: a call ends; the record before it either lies inside of that call, or ended before
//! the call began.
//!
//! ```text
//! a |==============|     records      b, c, a
//! b  |===|               backwards    a ends, c ends, c begins, b ends, b begins, a begins
//! c          |===|       in time      a begins, b begins, b ends, c begins, c ends, a ends
//! ```

use super::call::{Call, StackEvent};
use super::compact::{CompactEvent, NO_PAYLOAD};
use super::detail::{Cut, Detail};
use super::short::ShortCalls;
use super::windows::{FileWindows, Stretch, Window};
use crate::events::decode::{Event, Payload};
use std::collections::HashMap;
use std::ops::Range;
use viztracer_format::record::Kind;

/// Collects the events of a part and emits its stack events. It keeps its memory from part to part.
#[derive(Debug, Default)]
pub struct Nester {
    /// The events of each window, by the window's index in the part.
    events: Vec<Vec<CompactEvent>>,
    payloads: Vec<StoredPayload>,
    payload_bytes: Vec<u8>,
    /// The begins and ends of one thread, the last one first.
    boundaries: Vec<Boundary>,
    /// Calls whose end is among the boundaries and whose begin is not yet: start, and index of the event.
    pending: Vec<(u64, u32)>,
    /// Open calls, outermost first.
    open: Vec<Call>,
    /// Calls that are shorter are merged; 0 if none are.
    shortest: u64,
    /// The merged calls of each window.
    short: Vec<ShortCalls>,
    /// When calls begin that end in a later part.
    borders: Vec<u64>,
}

#[derive(Clone, Debug)]
enum StoredPayload {
    Bytes(Range<usize>),
    Members(Range<usize>),
    Overwritten,
    Merged(u32),
}

/// The begin of the call with this index, or its end. An event that is no call has an end only.
#[derive(Clone, Copy, Debug)]
enum Boundary {
    Begin(u32),
    End(u32),
}

impl Nester {
    /// Begins a part that has these windows.
    pub fn begin(&mut self, windows: &[Window]) {
        self.events.iter_mut().for_each(Vec::clear);
        self.events.resize_with(windows.len().max(self.events.len()), Vec::new);
        self.payloads.clear();
        self.payload_bytes.clear();
        self.shortest = 0;
    }

    /// Begins a part that has these windows, of which calls that are shorter than this are merged.
    pub fn begin_merging(&mut self, windows: &[Window], shortest: u64) {
        self.begin(windows);
        self.shortest = shortest;
        self.short.resize_with(self.events.len(), ShortCalls::default);
        self.short.iter_mut().for_each(ShortCalls::begin);
    }

    /// Adds the next event of the part.
    #[inline]
    pub fn add(&mut self, windows: &[Window], event: &Event<'_>) {
        let Some(index) = windows.iter().position(|window| window.thread == event.thread) else { return };
        let payload = event.payload.as_ref().map_or(NO_PAYLOAD, |payload| self.store(payload));
        let Some(events) = self.events.get_mut(index) else { return };
        let Event { task, function, kind, start, duration, clipped: is_clipped, .. } = *event;
        let end = start.saturating_add(duration);
        events.push(CompactEvent { start, end, function, task, payload, kind, is_clipped });
        if self.shortest > 0 {
            self.short[index].take(events, self.shortest, windows[index].begin);
        }
    }

    #[cold]
    fn store(&mut self, payload: &Payload<'_>) -> u32 {
        self.payloads.push(match payload {
            Payload::Overwritten => StoredPayload::Overwritten,
            Payload::Bytes(bytes) => StoredPayload::Bytes(append(bytes, &mut self.payload_bytes)),
            Payload::Members(members) => StoredPayload::Members(append(members, &mut self.payload_bytes)),
            Payload::Merged(calls) => StoredPayload::Merged(*calls),
        });
        self.payloads.len() as u32 - 1
    }

    /// Calls `each` with the stack events of the part, thread by thread, and with the calls that are open on the
    /// thread, outermost first. At a begin these include the call that begins, at an end they do not include the one
    /// that ends.
    /// `arguments` finds those of a call without an end.
    pub fn emit<'p>(
        &mut self,
        file: &FileWindows,
        windows: &[Window],
        arguments: impl Fn(&Call) -> Option<Payload<'p>>,
        mut each: impl FnMut(StackEvent<'_>, &[Call]),
    ) {
        for (index, window) in windows.iter().enumerate() {
            self.emit_thread(file, window, index, &arguments, &mut each);
        }
    }

    /// Calls `each` with the stack events of a part that [`begin_merging`](Nester::begin_merging) began, as far as they
    /// are of calls in the time that is shown. Of a call that ends in a later part, or begins in an earlier one, the end
    /// and the begin come all the same, with the parts in which the time begins and ends.
    pub fn emit_detail<'p>(
        &mut self,
        file: &FileWindows,
        windows: &[Window],
        detail: &Detail,
        arguments: impl Fn(&Call) -> Option<Payload<'p>>,
        mut each: impl FnMut(StackEvent<'_>, &[Call]),
    ) {
        for (index, window) in windows.iter().enumerate().filter(|(_, window)| detail.has(window)) {
            if self.shortest > 0 {
                self.merge_short(file, window, index);
            }
            file.open(window, &mut self.open);
            let mut cut = Cut::new(detail);
            cut.begin(&self.open, detail.begins_with(window), &mut each);
            self.emit_thread(file, window, index, &arguments, &mut |event, open: &[Call]| {
                cut.pass(event, open, &mut each)
            });
            if detail.ends_with(window) {
                cut.end(&self.open, &mut each);
            }
        }
    }

    /// Merges short calls of a window that are neighbours of each other in the whole part.
    fn merge_short(&mut self, file: &FileWindows, window: &Window, index: usize) {
        let (Some(events), Some(short)) = (self.events.get_mut(index), self.short.get_mut(index)) else { return };
        self.borders.clear();
        self.borders.extend(file.ending_later(window).map(|call| call.start));
        self.borders.sort_unstable();
        let payloads = &mut self.payloads;
        short.finish(events, (self.shortest, window.begin), &self.borders, |event, calls| {
            payloads.push(StoredPayload::Merged(calls));
            (event.payload, event.kind, event.is_clipped) = (payloads.len() as u32 - 1, Kind::Return, false);
        });
    }

    fn emit_thread<'p>(
        &mut self,
        file: &FileWindows,
        window: &Window,
        index: usize,
        arguments: &impl Fn(&Call) -> Option<Payload<'p>>,
        each: &mut impl FnMut(StackEvent<'_>, &[Call]),
    ) {
        let Some(events) = self.events.get_mut(index) else { return };
        let recorded = events.len();
        // Calls that end in a later part come last, as if they ended just after this one.
        events.extend(file.ending_later(window).map(CompactEvent::of_call));
        find_boundaries(events, &mut self.boundaries, &mut self.pending);
        let mut stack = Stack::new(file, window, &mut self.open, each);
        for boundary in self.boundaries.iter().rev() {
            let (Boundary::Begin(index) | Boundary::End(index)) = *boundary;
            let index = index as usize;
            let Some(event) = events.get(index) else { continue };
            let is_recorded = index < recorded;
            match boundary {
                // The call began in an earlier part, and is open already.
                Boundary::Begin(_) if event.start < window.begin => {}
                Boundary::Begin(_) => {
                    let (start, depth) = (stack.advance(event.start), depth(event.task, stack.open));
                    let later = if is_recorded { None } else { file.ending_later_at(window, index - recorded) };
                    stack.begin(match later {
                        Some(call) => Call { start, depth, ..*call },
                        None => event.call(window.thread, start, depth),
                    });
                }
                Boundary::End(_) if is_recorded => {
                    let payload = payload_of(event, &self.payloads, &self.payload_bytes);
                    let now = stack.advance(event.end);
                    match event.kind.is_call() {
                        // The innermost open call. In a file that is not damaged, this is its record.
                        true => stack.end(now, payload.as_ref()),
                        false => stack.instant(&event.instant(window.thread, now, payload)),
                    }
                }
                // The call ends in a later part.
                Boundary::End(_) => {}
            }
        }
        stack.emit_overwritten(u64::MAX);
        if window.is_last {
            stack.end_all(arguments);
        }
    }
}

/// The open calls of a thread while its stack events are emitted.
struct Stack<'a, F> {
    thread: usize,
    /// The time of the latest stack event. Later ones never have an earlier time.
    now: u64,
    open: &'a mut Vec<Call>,
    /// Overwritten time that comes after `now`.
    overwritten: &'a [Stretch],
    each: &'a mut F,
}

impl<'a, F: FnMut(StackEvent<'_>, &[Call])> Stack<'a, F> {
    /// The stack at the begin of a window.
    fn new(file: &'a FileWindows, window: &Window, open: &'a mut Vec<Call>, each: &'a mut F) -> Stack<'a, F> {
        file.open(window, open);
        set_depths(open);
        let overwritten = if window.is_first { file.overwritten(window.thread) } else { &[] };
        Stack { thread: window.thread, now: window.floor, open, overwritten, each }
    }

    /// Goes to the time of the next stack event, and returns it.
    #[inline]
    fn advance(&mut self, time: u64) -> u64 {
        self.now = self.now.max(time);
        self.emit_overwritten(self.now);
        self.now
    }

    #[inline]
    fn begin(&mut self, call: Call) {
        self.open.push(call);
        if let Some(call) = self.open.last() {
            (self.each)(StackEvent::Begin(call), self.open);
        }
    }

    /// Ends the innermost open call. The call is not moved before that: to copy what was just written byte by byte
    /// takes the processor as long as all the rest.
    #[inline]
    fn end(&mut self, now: u64, payload: Option<&Payload<'_>>) {
        if let Some((call, around)) = self.open.split_last_mut() {
            call.end = now;
            (self.each)(StackEvent::End(call, payload), around);
            self.open.pop();
        }
    }

    fn end_all<'p>(&mut self, arguments: &impl Fn(&Call) -> Option<Payload<'p>>) {
        while let Some(innermost) = self.open.last() {
            self.now = self.now.max(innermost.end);
            let payload = arguments(innermost);
            self.end(self.now, payload.as_ref());
        }
    }

    fn instant(&mut self, event: &Event<'_>) {
        (self.each)(StackEvent::Instant(event), self.open);
    }

    /// Emits each stretch of overwritten time that begins before `time` as a call that the innermost open call made.
    #[inline]
    fn emit_overwritten(&mut self, time: u64) {
        while let Some((stretch, rest)) = self.overwritten.split_first().filter(|(stretch, _)| stretch.start < time) {
            self.overwritten = rest;
            let depth = depth(stretch.task, self.open);
            self.begin(Call::overwritten(self.thread, stretch.task, stretch.start..stretch.end, depth));
            self.end(stretch.end, None);
        }
    }
}

/// Finds the begins and ends of these events, the last one first.
fn find_boundaries(events: &[CompactEvent], boundaries: &mut Vec<Boundary>, pending: &mut Vec<(u64, u32)>) {
    boundaries.clear();
    for (index, event) in events.iter().enumerate().rev() {
        let index = index as u32;
        while let Some((_, later)) = pending.pop_if(|(start, _)| *start > event.start) {
            boundaries.push(Boundary::Begin(later));
        }
        boundaries.push(Boundary::End(index));
        if event.kind.is_call() {
            pending.push((event.start, index));
        }
    }
    boundaries.extend(pending.drain(..).rev().map(|(_, later)| Boundary::Begin(later)));
}

/// The payload of an event, of which these are stored.
#[inline]
fn payload_of<'a>(event: &CompactEvent, payloads: &[StoredPayload], bytes: &'a [u8]) -> Option<Payload<'a>> {
    if event.payload == NO_PAYLOAD {
        return None;
    }
    payloads.get(event.payload as usize).map(|stored| match stored {
        StoredPayload::Overwritten => Payload::Overwritten,
        StoredPayload::Merged(calls) => Payload::Merged(*calls),
        StoredPayload::Bytes(range) => Payload::Bytes(bytes.get(range.clone()).unwrap_or_default()),
        StoredPayload::Members(range) => Payload::Members(bytes.get(range.clone()).unwrap_or_default()),
    })
}

/// Appends bytes to the others, and returns where they are.
fn append(bytes: &[u8], all: &mut Vec<u8>) -> Range<usize> {
    all.extend_from_slice(bytes);
    all.len() - bytes.len()..all.len()
}

/// The depth of a new call of this task, or of no task, on its track, where these calls are open on its thread.
fn depth(task: u32, open: &[Call]) -> u32 {
    // Nearly always the innermost open call is of the same track.
    let around = open.iter().rev().find(|around| around.task == task);
    around.map_or(0, |around| around.depth + 1)
}

/// Sets the depths of all open calls, outermost first. A damaged file may have a million of them, each of its own task.
fn set_depths(open: &mut [Call]) {
    let mut depths: HashMap<u32, u32> = HashMap::new();
    for call in open {
        let next = depths.entry(call.task).or_default();
        call.depth = *next;
        *next += 1;
    }
}
