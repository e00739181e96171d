//! The events of a document, sorted outside of memory: in runs, which are then merged.
//!
//! The order is that of ring files, on which the rest of the merge relies: by thread and end.

use crate::storage::store::{Region, Store};
use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

/// Events in a run: 28 MiB.
const RUN: usize = if cfg!(test) { 7 } else { 1 << 19 };
/// Events of a run that are read at once.
const READ: usize = if cfg!(test) { 2 } else { 1 << 10 };

/// An event of a document, as it is in the store.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct StoredEvent {
    /// The thread's serial in the document.
    pub thread: u32,
    /// The function's id in the document.
    pub function: u32,
    /// The start in ns of the document's clock; [`NO_TIME`] if the event has none.
    pub start: i64,
    /// The end in ns of the document's clock.
    pub end: i64,
    /// How many events were read before.
    pub number: u64,
    /// Where the further members are: an offset in the store, or [`IN_MEMORY`] and an index.
    pub members: u64,
    /// Bytes of the further members.
    pub length: u32,
    /// The bits of [`Marks`](super::marks::Marks), which contain the kind of record.
    pub marks: u32,
    /// The serial of the task that ran, 0 if none.
    pub task: u32,
    /// Always 0.
    pub unused: u32,
}

/// The start of an event without a time.
pub const NO_TIME: i64 = i64::MIN;

/// Marks members that are in memory instead of the store.
pub const IN_MEMORY: u64 = 1 << 63;

/// What events are sorted by.
type SortKey = (u64, i64, Reverse<i64>, u64);

impl StoredEvent {
    /// Sorts by thread, then by end; of calls that end together those inside come first.
    pub fn by_end(&self) -> SortKey {
        (self.thread.into(), self.end, Reverse(self.start), self.number)
    }

    /// Sorts by thread and task, then by time, as begins and ends of calls follow each other.
    pub fn by_time(&self) -> SortKey {
        (u64::from(self.thread) << 32 | u64::from(self.task), self.start, Reverse(0), self.number)
    }
}

/// Takes events in any order and returns them sorted.
pub struct Sorter<'a> {
    store: &'a Store,
    key: fn(&StoredEvent) -> SortKey,
    run: Vec<StoredEvent>,
    runs: Vec<Region>,
}

impl<'a> Sorter<'a> {
    /// Makes a sorter by this key that writes its runs into `store`.
    pub fn new(store: &'a Store, key: fn(&StoredEvent) -> SortKey) -> Sorter<'a> {
        Sorter { store, key, run: Vec::new(), runs: Vec::new() }
    }

    /// Takes an event.
    pub fn push(&mut self, entry: StoredEvent) -> io::Result<()> {
        if self.run.len() == RUN {
            self.sort();
            self.runs.push(self.store.append(cast_slice(&self.run))?);
            self.run.clear();
        }
        self.run.push(entry);
        Ok(())
    }

    fn sort(&mut self) {
        // The events of a thread are mostly in order, which a stable sort makes use of.
        self.run.sort_by_key(self.key);
    }

    /// Calls `each` with all events in order.
    pub fn finish(mut self, mut each: impl FnMut(&StoredEvent) -> io::Result<()>) -> io::Result<()> {
        self.sort();
        if self.runs.is_empty() {
            return self.run.iter().try_for_each(each);
        }
        self.runs.push(self.store.append(cast_slice(&self.run))?);
        drop(self.run);
        let mut runs: Vec<SortedRun<'_>> = self.runs.iter().map(|region| SortedRun::new(self.store, *region)).collect();
        let mut heap = BinaryHeap::new();
        for (index, run) in runs.iter_mut().enumerate() {
            heap.extend(run.first()?.map(|entry| Reverse(((self.key)(&entry), index))));
        }
        while let Some(Reverse((_, index))) = heap.pop() {
            let run = &mut runs[index];
            if let Some(entry) = run.first()? {
                each(&entry)?;
            }
            run.at += 1;
            heap.extend(run.first()?.map(|entry| Reverse(((self.key)(&entry), index))));
        }
        Ok(())
    }
}

/// A sorted run that is being read.
struct SortedRun<'a> {
    store: &'a Store,
    left: Region,
    entries: Vec<StoredEvent>,
    at: usize,
}

impl<'a> SortedRun<'a> {
    fn new(store: &'a Store, left: Region) -> SortedRun<'a> {
        SortedRun { store, left, entries: Vec::new(), at: 0 }
    }

    /// The next event.
    fn first(&mut self) -> io::Result<Option<StoredEvent>> {
        if self.at == self.entries.len() {
            let size = size_of::<StoredEvent>() as u64;
            let length = self.left.length.min(READ as u64 * size);
            self.entries.resize((length / size) as usize, StoredEvent::zeroed());
            self.store.read(self.left.at, cast_slice_mut(&mut self.entries))?;
            self.left = Region { at: self.left.at + length, length: self.left.length - length };
            self.at = 0;
        }
        Ok(self.entries.get(self.at).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorted_as_if_at_once(spans in prop::collection::vec((0u32..3, -5i64..5, 0i64..5), 0..80)) {
            let store = Store::new(None).unwrap();
            let entry = |(number, (thread, start, duration)): (usize, &(u32, i64, i64))| StoredEvent {
                thread: *thread, start: *start, end: start + duration, number: number as u64, ..StoredEvent::zeroed()
            };
            let mut entries: Vec<StoredEvent> = spans.iter().enumerate().map(entry).collect();
            let mut sorter = Sorter::new(&store, StoredEvent::by_end);
            entries.iter().for_each(|entry| sorter.push(*entry).unwrap());
            let mut sorted = Vec::new();
            sorter.finish(|entry| { sorted.push(*entry); Ok(()) }).unwrap();
            entries.sort_by_key(StoredEvent::by_end);
            prop_assert_eq!(sorted, entries);
        }
    }
}
