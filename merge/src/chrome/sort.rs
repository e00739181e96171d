//! Entries in the order of a thread's ends, however many there are: sorted in runs, which are then merged.
//!
//! That is the order of ring files, and what all that follows relies on.

use crate::storage::store::{Region, Store};
use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

/// Entries in a run: 28 MiB of them.
const RUN: usize = if cfg!(test) { 7 } else { 1 << 19 };
/// Entries that are read of a run at once.
const READ: usize = if cfg!(test) { 2 } else { 1 << 10 };

/// An event of a document.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Entry {
    /// The thread's serial in the document.
    pub thread: u32,
    /// The function's id in the document.
    pub function: u32,
    /// Nanoseconds of the document's clock; [`NO_TIME`] if it has none.
    pub start: i64,
    /// The same, at its end.
    pub end: i64,
    /// How many entries came before.
    pub number: u64,
    /// Where its further members are: in the store, or [`IN_MEMORY`] and their place there.
    pub members: u64,
    /// Bytes of them.
    pub length: u32,
    /// [`Marks`](super::marks::Marks), in which a `Kind` is.
    pub marks: u32,
    /// The serial of the task that it is of, 0 if of none.
    pub task: u32,
    /// Nothing.
    pub unused: u32,
}

/// The start of what has no time.
pub const NO_TIME: i64 = i64::MIN;

/// Marks members that are not in the store.
pub const IN_MEMORY: u64 = 1 << 63;

/// What entries are sorted by.
type Key = (u64, i64, Reverse<i64>, u64);

impl Entry {
    /// By thread, then by end; of calls that end together those inside come first.
    pub fn by_end(&self) -> Key {
        (self.thread.into(), self.end, Reverse(self.start), self.number)
    }

    /// By thread and task, then by time, as the begins and ends of calls follow each other.
    pub fn by_time(&self) -> Key {
        (u64::from(self.thread) << 32 | u64::from(self.task), self.start, Reverse(0), self.number)
    }
}

/// Takes entries in any order.
pub struct Sorter<'a> {
    store: &'a Store,
    key: fn(&Entry) -> Key,
    run: Vec<Entry>,
    runs: Vec<Region>,
}

impl<'a> Sorter<'a> {
    /// A sorter by this that puts its runs here.
    pub fn new(store: &'a Store, key: fn(&Entry) -> Key) -> Sorter<'a> {
        Sorter { store, key, run: Vec::new(), runs: Vec::new() }
    }

    /// Takes an entry.
    pub fn push(&mut self, entry: Entry) -> io::Result<()> {
        if self.run.len() == RUN {
            self.sort();
            self.runs.push(self.store.append(cast_slice(&self.run))?);
            self.run.clear();
        }
        self.run.push(entry);
        Ok(())
    }

    fn sort(&mut self) {
        // Mostly in order already, thread by thread.
        self.run.sort_by_key(self.key);
    }

    /// Gives all entries back in order.
    pub fn finish(mut self, mut each: impl FnMut(&Entry) -> io::Result<()>) -> io::Result<()> {
        self.sort();
        if self.runs.is_empty() {
            return self.run.iter().try_for_each(each);
        }
        self.runs.push(self.store.append(cast_slice(&self.run))?);
        drop(self.run);
        let mut runs: Vec<Run<'_>> = self.runs.iter().map(|region| Run::new(self.store, *region)).collect();
        let mut heap = BinaryHeap::new();
        for (place, run) in runs.iter_mut().enumerate() {
            heap.extend(run.first()?.map(|entry| Reverse(((self.key)(&entry), place))));
        }
        while let Some(Reverse((_, place))) = heap.pop() {
            let run = &mut runs[place];
            if let Some(entry) = run.first()? {
                each(&entry)?;
            }
            run.at += 1;
            heap.extend(run.first()?.map(|entry| Reverse(((self.key)(&entry), place))));
        }
        Ok(())
    }
}

/// A sorted run being read.
struct Run<'a> {
    store: &'a Store,
    left: Region,
    entries: Vec<Entry>,
    at: usize,
}

impl<'a> Run<'a> {
    fn new(store: &'a Store, left: Region) -> Run<'a> {
        Run { store, left, entries: Vec::new(), at: 0 }
    }

    fn first(&mut self) -> io::Result<Option<Entry>> {
        if self.at == self.entries.len() {
            let size = size_of::<Entry>() as u64;
            let length = self.left.length.min(READ as u64 * size);
            self.entries.resize((length / size) as usize, Entry::zeroed());
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
            let entry = |(number, (thread, start, duration)): (usize, &(u32, i64, i64))| Entry {
                thread: *thread, start: *start, end: start + duration, number: number as u64, ..Entry::zeroed()
            };
            let mut entries: Vec<Entry> = spans.iter().enumerate().map(entry).collect();
            let mut sorter = Sorter::new(&store, Entry::by_end);
            entries.iter().for_each(|entry| sorter.push(*entry).unwrap());
            let mut sorted = Vec::new();
            sorter.finish(|entry| { sorted.push(*entry); Ok(()) }).unwrap();
            entries.sort_by_key(Entry::by_end);
            prop_assert_eq!(sorted, entries);
        }
    }
}
