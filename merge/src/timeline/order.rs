//! A thread's records of one part, in the order of time.
//!
//! Records stand in the order of their ends, calls inside a call before it. Read backwards, that is the order of steps
//! backwards: a call ends; what is read next either lies in it, or ended before it began.

use super::windows::Window;
use super::{Call, FileWindows, Step};
use crate::decode::{Moment, Payload};
use std::ops::Range;

/// Collects the moments of a part and gives them back as steps. Keeps its memory from part to part.
#[derive(Debug, Default)]
pub struct Steps {
    /// By the thread's place among the part's windows.
    items: Vec<Vec<Item>>,
    payloads: Vec<u8>,
    /// What is told, backwards.
    told: Vec<Told>,
    /// Calls whose end was told and whose begin was not, by place.
    pending: Vec<u32>,
    /// Open calls, outermost first.
    open: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Item {
    call: Call,
    payload: Option<Kept>,
}

#[derive(Clone, Debug)]
enum Kept {
    Bytes(Range<usize>),
    Members(Range<usize>),
    Overwritten,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    Begin(u32),
    End(u32),
    Moment(u32),
}

impl Steps {
    /// Makes room for a part with these windows.
    pub fn begin(&mut self, windows: &[Window]) {
        self.items.iter_mut().for_each(Vec::clear);
        self.items.resize_with(windows.len().max(self.items.len()), Vec::new);
        self.payloads.clear();
    }

    /// Takes the next moment of the part.
    #[inline]
    pub fn add(&mut self, windows: &[Window], moment: &Moment<'_>) {
        let place = windows.iter().position(|window| window.thread == moment.thread);
        let Some(items) = place.and_then(|place| self.items.get_mut(place)) else { return };
        let payload = moment.payload.as_ref().map(|payload| match payload {
            Payload::Overwritten => Kept::Overwritten,
            Payload::Bytes(bytes) => Kept::Bytes(keep(bytes, &mut self.payloads)),
            Payload::Members(members) => Kept::Members(keep(members, &mut self.payloads)),
        });
        items.push(Item { call: Call::of(moment), payload });
    }

    /// Tells the steps of the part, thread by thread; beside each, the calls that are open on its thread, outermost
    /// first: after a begin with the call that begins, at an end without the one that ends.
    pub fn tell(&mut self, file: &FileWindows, windows: &[Window], mut each: impl FnMut(Step<'_>, &[Call])) {
        for (place, window) in windows.iter().enumerate() {
            self.tell_thread(file, window, place, &mut each);
        }
    }

    fn tell_thread(
        &mut self,
        file: &FileWindows,
        window: &Window,
        place: usize,
        each: &mut impl FnMut(Step<'_>, &[Call]),
    ) {
        let Some(items) = self.items.get_mut(place) else { return };
        let recorded = items.len();
        // Calls that end later stand where they would stand then: the innermost first.
        items.extend(file.begun(window).rev().map(|call| Item { call: *call, payload: None }));
        self.backwards(place);
        file.open(window, &mut self.open);
        set_depths(&mut self.open);
        let mut now = window.floor;
        let told = std::mem::take(&mut self.told);
        for told in told.iter().rev() {
            match *told {
                Told::Begin(index) => {
                    let mut call = self.items[place][index as usize].call;
                    if call.start < window.begin {
                        continue; // has been told in an earlier part
                    }
                    now = now.max(call.start);
                    call.start = now;
                    call.depth = depth(&call, &self.open);
                    self.open.push(call);
                    each(Step::Begin(&call), &self.open);
                }
                Told::End(index) if (index as usize) < recorded => {
                    let item = &self.items[place][index as usize];
                    now = now.max(item.call.end);
                    // The innermost open call. In a file that is not damaged it is the one whose record this is.
                    if let Some(call) = self.open.pop() {
                        let payload = item.payload(&self.payloads);
                        each(Step::End(&Call { end: now, ..call }, payload.as_ref()), &self.open);
                    }
                }
                Told::End(_) => {}
                Told::Moment(index) => {
                    let item = &self.items[place][index as usize];
                    now = now.max(item.call.start);
                    each(Step::Moment(&item.moment(now, &self.payloads)), &self.open);
                }
            }
        }
        self.told = told;
        while let Some(innermost) = self.open.pop_if(|_| window.is_last) {
            now = now.max(innermost.end);
            each(Step::End(&Call { end: now, ..innermost }, None), &self.open);
        }
    }

    fn backwards(&mut self, place: usize) {
        let Steps { items, told, pending, .. } = self;
        let items = &items[place];
        told.clear();
        for (index, item) in items.iter().enumerate().rev() {
            let starts_later = |pending: &mut u32| items[*pending as usize].call.start > item.call.start;
            while let Some(later) = pending.pop_if(starts_later) {
                told.push(Told::Begin(later));
            }
            if item.call.kind.is_call() {
                told.push(Told::End(index as u32));
                pending.push(index as u32);
            } else {
                told.push(Told::Moment(index as u32));
            }
        }
        told.extend(pending.drain(..).rev().map(Told::Begin));
    }
}

impl Item {
    fn moment<'a>(&self, start: u64, payloads: &'a [u8]) -> Moment<'a> {
        let Call { thread, task, kind, function, .. } = self.call;
        let payload = self.payload(payloads);
        Moment { thread, task, kind, function, start, duration: 0, clipped: false, payload }
    }

    #[inline]
    fn payload<'a>(&self, payloads: &'a [u8]) -> Option<Payload<'a>> {
        self.payload.as_ref().map(|kept| match kept {
            Kept::Overwritten => Payload::Overwritten,
            Kept::Bytes(range) => Payload::Bytes(payloads.get(range.clone()).unwrap_or_default()),
            Kept::Members(range) => Payload::Members(payloads.get(range.clone()).unwrap_or_default()),
        })
    }
}

fn keep(bytes: &[u8], payloads: &mut Vec<u8>) -> Range<usize> {
    payloads.extend_from_slice(bytes);
    payloads.len() - bytes.len()..payloads.len()
}

/// Calls around this one on its track, where these are open on its thread.
fn depth(call: &Call, open: &[Call]) -> u32 {
    // Nearly always the innermost is of the same track.
    let around = open.iter().rev().find(|around| around.task == call.task);
    around.map_or(0, |around| around.depth + 1)
}

fn set_depths(open: &mut [Call]) {
    for place in 0..open.len() {
        let (before, rest) = open.split_at_mut(place);
        rest[0].depth = depth(&rest[0], before);
    }
}
