//! Who gets which segment: fresh ones first, then the oldest sealed one again, process-wide.
//!
//! A sealed segment may be recycled once at least `entries` newer events exist, that is, events in segments that were
//! opened after it was sealed. So the file always holds the newest `entries` events, whichever threads they are from,
//! and the merge can show exactly those.

use crate::clock::{AnchorSchedule, Clock};
use crate::labels::Handle;
use std::collections::VecDeque;
use sync::{Mutex, MutexGuard};
use viztracer_format::clock::Anchor;
use viztracer_format::header::Status;
use viztracer_format::labels::{LABEL_SIZE, LabelKind};
use viztracer_format::record::RECORD_SIZE;
use viztracer_format::segment::{Opening, SegmentHeader, SegmentKind};
use viztracer_format::stack::{BlockHeader, Slot};

#[cfg(loom)]
use loom::sync;
#[cfg(not(loom))]
use std::sync;

/// Where segments live: the mapped file, or the heap in tests.
pub trait Memory {
    /// Segments there can ever be.
    fn capacity(&self) -> u32;
    /// Segments there is room for, as far as that is known before they are needed; no more than the capacity.
    fn room(&self) -> u32;
    /// Makes the segments from `from` to `to` usable. `Err` holds the operating system's error number.
    fn grow(&self, from: u32, to: u32) -> Result<(), i32>;
    /// Records that fit a segment.
    fn slots_per_segment(&self) -> usize;
    /// The header of a segment that is usable.
    fn header(&self, segment: u32) -> &SegmentHeader;
    /// The body of a segment that is usable, as record slots.
    fn slots(&self, segment: u32) -> &[Slot];
    /// Seals a CALLS segment of which this many slots are committed; tells how many events they hold.
    fn seal(&self, segment: u32, slots: usize) -> u64;
    /// The stack blocks of a segment that is usable.
    fn blocks(&self, segment: u32) -> impl Iterator<Item = *const BlockHeader>;
    /// The changing part of the file's header.
    fn status(&self) -> &Status;
}

/// Segments made usable in one step: few enough that the pause is short, enough to spread the system calls thin.
/// 4, 16 and 64 segments of 16 KiB cost 9.9, 9.8 and 10.6 ns per record on tmpfs, and 5.9, 5.2 and 4.1 on ext4.
const GROWTH: u32 = 16;

/// Free slots that make a dead thread's segment worth taking over: the THREAD record and the longest event must fit.
const HALF_MIN: usize = 16;

/// Of what there is room for, names and labels take at most one part in so many: the newest events come first.
const NAMES_SHARE: u32 = 4;

/// The segments of one file.
#[derive(Debug)]
pub struct Ring<M> {
    memory: M,
    clock: Clock,
    entries: u64,
    /// The most segments of names and labels as long as the file grows.
    names_max: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    anchors: AnchorSchedule,
    generation: u64,
    /// Segments handed out at least once.
    used: u32,
    /// Segments that can be touched.
    usable: u32,
    /// The error that ended growth; 0: all of the mapping is used.
    failure: Option<i32>,
    sealed: VecDeque<Sealed>,
    /// How many segments were ever taken off the front of `sealed`.
    recycled: u64,
    /// Events in segments that were opened after the front of `sealed` was.
    newer: u64,
    /// Segments that dead threads left half empty.
    halves: Vec<Place>,
    /// Stack blocks without a thread.
    blocks: Vec<Address>,
    /// Segments of names and labels.
    named: u32,
    /// Labels without a thread or task.
    labels: Vec<Handle>,
}

/// A sealed segment in the queue.
#[derive(Debug)]
struct Sealed {
    segment: u32,
    /// Labels of threads and tasks whose last record stands here.
    ended: Vec<Handle>,
    /// Events in the segments that were opened while this one was the newest sealed one.
    followers: u64,
}

/// A stack block's address; it stays valid as long as the ring.
#[derive(Debug)]
struct Address(*const BlockHeader);

// SAFETY: the address is of atomic words in the mapping, which outlives the ring's state.
unsafe impl Send for Address {}

/// A segment that a thread may fill.
#[derive(Debug)]
pub struct Place {
    /// Its number.
    pub segment: u32,
    /// Slots that a dead thread has taken before; 0 in a fresh one.
    pub taken: usize,
    /// Segments sealed before this one was opened.
    pub opened_after: u64,
    /// Labels of threads and tasks whose last record stands here.
    pub ended: Vec<Handle>,
}

impl<M: Memory> Ring<M> {
    /// A ring over `memory` that keeps at least the newest `entries` events.
    pub fn new(memory: M, clock: Clock, entries: u64, opened: Anchor) -> Ring<M> {
        let state = State {
            anchors: AnchorSchedule::new(opened),
            generation: 0,
            used: 0,
            usable: 0,
            failure: None,
            sealed: VecDeque::new(),
            recycled: 0,
            newer: 0,
            halves: Vec::new(),
            blocks: Vec::new(),
            named: 0,
            labels: Vec::new(),
        };
        let names_max = names_max(&memory, entries);
        Ring { memory, clock, entries, names_max, state: Mutex::new(state) }
    }

    /// Makes the first segments usable; tells the operating system's error number if that fails.
    pub fn prepare(&self) -> Option<i32> {
        let mut state = self.state();
        self.grow(&mut state);
        state.failure
    }

    /// The memory.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// The clock of the file.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Segments handed out so far: the length that the file needs.
    pub fn used(&self) -> u32 {
        self.state().used
    }

    /// The error that ended the growth of the file, if one did.
    pub fn failure(&self) -> Option<i32> {
        self.state().failure
    }

    /// A segment for a new thread: what is left of a dead thread's, else like [`Ring::place`].
    pub fn first_place(&self, thread: u32) -> Option<Place> {
        let half = self.state().halves.pop();
        half.or_else(|| self.place(SegmentKind::Calls, thread, 0))
    }

    /// An empty open segment that will be sealed one day. `None`: no room, and nothing sealed to recycle.
    pub fn place(&self, kind: SegmentKind, thread: u32, first_event: u64) -> Option<Place> {
        let mut state = self.state();
        let enough = state.newer >= self.entries && self.entries > 0;
        let segment = match enough.then(|| self.recycle(&mut state)).flatten() {
            Some(segment) => segment,
            None => self.fresh(&mut state).or_else(|| self.recycle(&mut state))?,
        };
        let opened_after = state.recycled + state.sealed.len() as u64;
        self.open(&mut state, segment, kind, thread, first_event);
        Some(Place { segment, taken: 0, opened_after, ended: Vec::new() })
    }

    /// An empty open segment that stays for ever. `None`: no room, or names and labels have taken their share.
    pub fn permanent(&self, kind: SegmentKind) -> Option<u32> {
        let mut state = self.state();
        let is_named = kind != SegmentKind::Stacks; // stacks are of living threads, and so are few
        if is_named && state.named >= self.share(&state) {
            return None;
        }
        let segment = self.fresh(&mut state).or_else(|| self.recycle(&mut state))?;
        state.named += u32::from(is_named);
        self.open(&mut state, segment, kind, 0, 0);
        Some(segment)
    }

    /// Segments that names and labels may have: of a file that cannot grow, a part of what there is.
    fn share(&self, state: &State) -> u32 {
        state.failure.map_or(self.names_max, |_| names_share(state.usable))
    }

    /// A label for a new thread or task.
    pub fn label(&self, kind: LabelKind, serial: u32, tid: u64) -> Handle {
        let label = self.free_label().unwrap_or_default();
        label.take(kind, serial, tid, self.clock.now());
        label
    }

    /// A slot of a LABELS segment; `None` if the file has no room for one.
    pub fn free_label(&self) -> Option<Handle> {
        let label = self.state().labels.pop();
        if label.is_some() {
            return label;
        }
        let segment = self.permanent(SegmentKind::Labels)?;
        let slots = self.memory.slots(segment);
        let labels = slots.chunks_exact(LABEL_SIZE / RECORD_SIZE).map(|slots| Handle::Mapped(slots.as_ptr().cast()));
        let labels: Vec<Handle> = labels.rev().collect();
        labels.iter().for_each(|label| label.free()); // a recycled segment holds old records
        self.memory.header(segment).commit(labels.len() * LABEL_SIZE);
        let mut state = self.state();
        state.labels.extend(labels);
        state.labels.pop()
    }

    /// A thread or task has ended whose last record stands in a segment that is sealed: that with this number, or none.
    pub fn end_label(&self, label: Handle, sealed: Option<u64>) {
        let mut state = self.state();
        let index = sealed.and_then(|number| number.checked_sub(state.recycled));
        match index.and_then(|index| state.sealed.get_mut(index as usize)) {
            Some(sealed) => sealed.ended.push(label),
            None => state.labels.extend(label.forget(self.memory.status())),
        }
    }

    /// Seals a segment and queues it for recycling; gives its number in the order of sealing.
    pub fn seal(&self, place: Place) -> u64 {
        let Place { segment, taken, opened_after, ended } = place;
        let events = self.memory.seal(segment, taken);
        let mut state = self.state();
        let newest_before = opened_after.checked_sub(state.recycled + 1);
        if let Some(before) = newest_before.and_then(|index| state.sealed.get_mut(index as usize)) {
            before.followers += events;
            state.newer += events;
        }
        state.sealed.push_back(Sealed { segment, ended, followers: 0 });
        state.recycled + state.sealed.len() as u64 - 1
    }

    /// Leaves an open segment to the next new thread, or seals it if there is hardly room in it.
    pub fn leave(&self, place: Place) {
        if self.memory.slots(place.segment).len() - place.taken >= HALF_MIN {
            self.state().halves.push(place);
        } else {
            self.seal(place);
        }
    }

    /// Seals what dead threads have left; the file is about to be closed.
    pub fn seal_halves(&self) {
        let halves = std::mem::take(&mut self.state().halves);
        for place in halves {
            self.seal(place);
        }
    }

    /// A free stack block.
    pub fn block(&self) -> Option<*const BlockHeader> {
        let block = self.state().blocks.pop();
        if let Some(Address(block)) = block {
            return Some(block);
        }
        let segment = self.permanent(SegmentKind::Stacks)?;
        for block in self.memory.blocks(segment) {
            // SAFETY: the blocks of a usable segment, which nobody has yet.
            unsafe { &*block }.clear(); // a recycled segment holds old records
        }
        self.memory.header(segment).commit(size_of_val(self.memory.slots(segment)));
        let mut state = self.state();
        state.blocks.extend(self.memory.blocks(segment).map(Address));
        state.blocks.pop().map(|Address(block)| block)
    }

    /// Takes a stack block back.
    pub fn free_block(&self, block: *const BlockHeader) {
        self.state().blocks.push(Address(block));
    }

    fn open(&self, state: &mut State, segment: u32, kind: SegmentKind, thread: u32, first_event: u64) {
        state.generation += 1;
        self.memory.header(segment).open(Opening {
            generation: state.generation,
            kind,
            thread,
            first_event,
            opened: self.clock.now(),
            anchor: state.anchors.anchor(self.clock),
        });
    }

    /// The oldest sealed segment; what ended in it is forgotten.
    fn recycle(&self, state: &mut State) -> Option<u32> {
        let oldest = state.sealed.pop_front()?;
        state.recycled += 1;
        state.newer -= oldest.followers;
        let status = self.memory.status();
        state.labels.extend(oldest.ended.into_iter().filter_map(|label| label.forget(status)));
        Some(oldest.segment)
    }

    /// A segment that was never used, after making the next ones usable if need be.
    fn fresh(&self, state: &mut State) -> Option<u32> {
        if state.used == state.usable {
            self.grow(state)?;
        }
        state.used += 1;
        Some(state.used - 1)
    }

    /// Makes the next segments usable, or if the disk is nearly full just the next one.
    fn grow(&self, state: &mut State) -> Option<()> {
        if state.failure.is_some() {
            return None;
        }
        let from = state.usable;
        let steps = [GROWTH, 1].map(|step| (from + step).min(self.memory.capacity()));
        let mut failure = 0;
        for to in steps.into_iter().filter(|to| *to > from) {
            match self.memory.grow(from, to) {
                Ok(()) => {
                    state.usable = to;
                    return Some(());
                }
                Err(error) => failure = error,
            }
        }
        state.failure = Some(failure);
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The most segments of names and labels where there is room for so many segments: one of each, if there are others for
/// stacks and calls.
fn names_share(room: u32) -> u32 {
    (room / NAMES_SHARE).max(2).min(room.saturating_sub(2))
}

/// The most segments of names and labels in a file that can grow: half of what the mapping has beside the ring, and not
/// more than their share.
fn names_max(memory: &impl Memory, entries: u64) -> u32 {
    let ring = entries.div_ceil((memory.slots_per_segment() as u64).max(1));
    let capacity = u64::from(memory.capacity());
    // Where address space is limited, the mapping may be smaller than the ring that was asked for.
    let beside = if capacity > ring { (capacity - ring) / 2 } else { capacity / 8 };
    // Some file systems tell of no room at all.
    names_share(memory.room()).min(u32::try_from(beside).unwrap_or(u32::MAX)).max(2)
}
