//! A thread's records of one part, in the order of time.
//!
//! Records stand in the order of their ends, calls inside a call before it. Read backwards, that is the order of steps
//! backwards: a call ends; what is read next either lies in it, or ended before it began.

use super::call::{Call, StackEvent};
use super::windows::{FileWindows, Stretch, Window};
use crate::events::decode::{Event, Payload};
use std::ops::Range;
use viztracer_format::record::Kind;

/// Collects the moments of a part and gives them back as steps. Keeps its memory from part to part.
#[derive(Debug, Default)]
pub struct Nester {
    /// By the thread's place among the part's windows.
    items: Vec<Vec<Item>>,
    payloads: Vec<Kept>,
    payload_bytes: Vec<u8>,
    /// What is told, backwards.
    told: Vec<Told>,
    /// Calls whose end was told and whose begin was not: start and place.
    pending: Vec<(u64, u32)>,
    /// Open calls, outermost first.
    open: Vec<Call>,
}

/// A record. There are thousands of them, so what they rarely have stands elsewhere.
#[derive(Clone, Copy, Debug)]
struct Item {
    start: u64,
    end: u64,
    function: u32,
    task: u32,
    /// The place of its payload; of a call that ends in a later part, its place among those.
    more: u32,
    kind: Kind,
    /// Whether a part of it lies outside of the time that an earlier merge was asked for.
    is_clipped: bool,
}

/// Stands for no place.
const NOWHERE: u32 = u32::MAX;

#[derive(Clone, Debug)]
enum Kept {
    Bytes(Range<usize>),
    Members(Range<usize>),
    Overwritten,
}

/// The begin of the call at this place; or the end of it, which for all but calls is the whole.
#[derive(Clone, Copy, Debug)]
enum Told {
    Begin(u32),
    End(u32),
}

impl Nester {
    /// Makes room for a part with these windows.
    pub fn begin(&mut self, windows: &[Window]) {
        self.items.iter_mut().for_each(Vec::clear);
        self.items.resize_with(windows.len().max(self.items.len()), Vec::new);
        self.payloads.clear();
        self.payload_bytes.clear();
    }

    /// Takes the next moment of the part.
    #[inline]
    pub fn add(&mut self, windows: &[Window], event: &Event<'_>) {
        let place = windows.iter().position(|window| window.thread == event.thread);
        let more = event.payload.as_ref().map_or(NOWHERE, |payload| self.keep(payload));
        let Some(items) = place.and_then(|place| self.items.get_mut(place)) else { return };
        let Event { task, function, kind, start, duration, clipped: is_clipped, .. } = *event;
        items.push(Item { start, end: start.saturating_add(duration), function, task, more, kind, is_clipped });
    }

    #[cold]
    fn keep(&mut self, payload: &Payload<'_>) -> u32 {
        self.payloads.push(match payload {
            Payload::Overwritten => Kept::Overwritten,
            Payload::Bytes(bytes) => Kept::Bytes(keep(bytes, &mut self.payload_bytes)),
            Payload::Members(members) => Kept::Members(keep(members, &mut self.payload_bytes)),
        });
        self.payloads.len() as u32 - 1
    }

    /// Tells the steps of the part, thread by thread; beside each, the calls that are open on its thread, outermost
    /// first: after a begin with the call that begins, at an end without the one that ends.
    pub fn tell(&mut self, file: &FileWindows, windows: &[Window], mut each: impl FnMut(StackEvent<'_>, &[Call])) {
        for (place, window) in windows.iter().enumerate() {
            self.tell_thread(file, window, place, &mut each);
        }
    }

    fn tell_thread(
        &mut self,
        file: &FileWindows,
        window: &Window,
        place: usize,
        each: &mut impl FnMut(StackEvent<'_>, &[Call]),
    ) {
        let Some(items) = self.items.get_mut(place) else { return };
        let recorded = items.len();
        // Calls that end later stand where they would stand then: the innermost first.
        items.extend(file.begun(window).enumerate().rev().map(|(place, call)| Item::begun(call, place)));
        backwards(items, &mut self.told, &mut self.pending);
        file.open(window, &mut self.open);
        set_depths(&mut self.open);
        let mut now = window.floor;
        let mut overwritten = if window.is_first { file.overwritten(window.thread) } else { &[] };
        for told in self.told.iter().rev() {
            match *told {
                Told::Begin(index) => {
                    let Some(item) = items.get(index as usize).filter(|item| item.start >= window.begin) else {
                        continue; // has been told in an earlier part
                    };
                    now = now.max(item.start);
                    tell_overwritten(&mut overwritten, now, window.thread, &mut self.open, each);
                    let depth = depth(item.task, &self.open);
                    let whole = if index as usize >= recorded { file.begun_at(window, item.more) } else { None };
                    match whole {
                        Some(call) => self.open.push(Call { start: now, depth, ..*call }),
                        None => self.open.push(item.call(window.thread, now, depth)),
                    }
                    if let Some(call) = self.open.last() {
                        each(StackEvent::Begin(call), &self.open);
                    }
                }
                Told::End(index) if (index as usize) < recorded => {
                    let Some(item) = items.get(index as usize) else { continue };
                    let payload = item.payload(&self.payloads, &self.payload_bytes);
                    now = now.max(item.end);
                    tell_overwritten(&mut overwritten, now, window.thread, &mut self.open, each);
                    if !item.kind.is_call() {
                        each(StackEvent::Instant(&item.event(window.thread, now, payload)), &self.open);
                        continue;
                    }
                    // The innermost open call. In a file that is not damaged it is the one whose record this is.
                    end_innermost(&mut self.open, now, payload.as_ref(), each);
                }
                Told::End(_) => {}
            }
        }
        tell_overwritten(&mut overwritten, u64::MAX, window.thread, &mut self.open, each);
        while let Some(innermost) = self.open.last().filter(|_| window.is_last) {
            now = now.max(innermost.end);
            end_innermost(&mut self.open, now, None, each);
        }
    }
}

/// Calls stay where they are until they have ended: to copy what was just written byte by byte takes the processor as
/// long as all the rest.
#[inline]
fn end_innermost(
    open: &mut Vec<Call>,
    now: u64,
    payload: Option<&Payload<'_>>,
    each: &mut impl FnMut(StackEvent<'_>, &[Call]),
) {
    if let Some((call, around)) = open.split_last_mut() {
        call.end = now;
        each(StackEvent::End(call, payload), around);
        open.pop();
    }
}

/// Tells of the stretches of overwritten time that begin before a moment: each is a call of its own, made by the
/// innermost open one.
#[inline]
fn tell_overwritten(
    stretches: &mut &[Stretch],
    before: u64,
    thread: usize,
    open: &mut Vec<Call>,
    each: &mut impl FnMut(StackEvent<'_>, &[Call]),
) {
    while let Some((stretch, rest)) = stretches.split_first().filter(|(stretch, _)| stretch.start < before) {
        *stretches = rest;
        let call = Call::overwritten(thread, stretch.task, stretch.start..stretch.end, depth(stretch.task, open));
        open.push(call);
        each(StackEvent::Begin(&call), open);
        open.pop();
        each(StackEvent::End(&call, None), open);
    }
}

/// The steps that the items tell, the last one first.
fn backwards(items: &[Item], told: &mut Vec<Told>, pending: &mut Vec<(u64, u32)>) {
    told.clear();
    for (index, item) in items.iter().enumerate().rev() {
        let index = index as u32;
        while let Some((_, later)) = pending.pop_if(|(start, _)| *start > item.start) {
            told.push(Told::Begin(later));
        }
        told.push(Told::End(index));
        if item.kind.is_call() {
            pending.push((item.start, index));
        }
    }
    told.extend(pending.drain(..).rev().map(|(_, later)| Told::Begin(later)));
}

impl Item {
    /// A call that ends in a later part, at this place among those of its window.
    fn begun(call: &Call, place: usize) -> Item {
        let Call { start, end, function, task, kind, is_clipped, .. } = *call;
        Item { start, end, function, task, more: place as u32, kind, is_clipped }
    }

    #[inline]
    fn call(&self, thread: usize, start: u64, depth: u32) -> Call {
        let Item { end, function, task, kind, is_clipped, .. } = *self;
        let (is_unfinished, is_inherited) = (false, false);
        Call { thread, task, function, kind, is_unfinished, start, end, depth, is_clipped, is_inherited }
    }

    #[cold]
    fn event<'a>(&self, thread: usize, start: u64, payload: Option<Payload<'a>>) -> Event<'a> {
        let Item { task, kind, function, .. } = *self;
        Event { thread, task, kind, function, start, duration: 0, clipped: false, payload }
    }

    #[inline]
    fn payload<'a>(&self, payloads: &[Kept], bytes: &'a [u8]) -> Option<Payload<'a>> {
        if self.more == NOWHERE {
            return None;
        }
        payloads.get(self.more as usize).map(|kept| match kept {
            Kept::Overwritten => Payload::Overwritten,
            Kept::Bytes(range) => Payload::Bytes(bytes.get(range.clone()).unwrap_or_default()),
            Kept::Members(range) => Payload::Members(bytes.get(range.clone()).unwrap_or_default()),
        })
    }
}

fn keep(bytes: &[u8], payloads: &mut Vec<u8>) -> Range<usize> {
    payloads.extend_from_slice(bytes);
    payloads.len() - bytes.len()..payloads.len()
}

/// Calls around a new one of this task, or of none, on its track, where these are open on its thread.
fn depth(task: u32, open: &[Call]) -> u32 {
    // Nearly always the innermost is of the same track.
    let around = open.iter().rev().find(|around| around.task == task);
    around.map_or(0, |around| around.depth + 1)
}

fn set_depths(open: &mut [Call]) {
    for place in 0..open.len() {
        let (before, rest) = open.split_at_mut(place);
        rest[0].depth = depth(rest[0].task, before);
    }
}
