//! The ring's promise is the newest N events of a process. Its file holds whole segments, so a few more: this finds
//! the ones too many, exactly.
//!
//! Every thread's events stand in the order of their ends. A heap over the threads walks them from the oldest on. Each
//! thread's next ends are decoded in batches whose size falls with the number of threads, which bounds the memory.

use crate::input::ring::Input;
use crate::plan::file::{Calls, Counts};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};

/// Ends held in memory, over all threads.
const ENDS_MAX: usize = 1 << 20;

/// Those of a thread's events that are too many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dropped {
    /// How many.
    pub events: u64,
    /// Ticks at the end of the last of them.
    pub until: u64,
}

/// By thread, which of its first events are among the `drop` oldest of the file.
pub(crate) fn oldest(input: &Input, calls: &[Calls], counts: &[Counts], mut drop: u64) -> HashMap<u32, Dropped> {
    let mut streams = streams(counts);
    let batch = (ENDS_MAX / streams.len().max(1)).clamp(16, 1 << 16);
    let mut walk = Walk { input, calls, counts, buffer: Vec::new(), batch };
    let mut heap = BinaryHeap::new();
    for (place, stream) in streams.iter_mut().enumerate() {
        let end = walk.next_end(stream, &mut drop);
        heap.extend(end.map(|end| Reverse((end, stream.thread, place))));
    }
    while let Some(Reverse((end, _, place))) = heap.pop().filter(|_| drop > 0) {
        let Some(stream) = streams.get_mut(place) else { break };
        drop -= 1;
        stream.dropped.events += 1;
        stream.dropped.until = end;
        let end = walk.next_end(stream, &mut drop);
        heap.extend(end.map(|end| Reverse((end, stream.thread, place))));
    }
    streams.into_iter().map(|stream| (stream.thread, stream.dropped)).collect()
}

/// One thread's events from the oldest on.
#[derive(Default)]
struct Stream {
    thread: u32,
    /// Places in `calls` that hold events of the thread and were not opened yet.
    places: VecDeque<u32>,
    /// The segment being walked, and how many of the thread's events in it are behind.
    current: Option<(u32, u64)>,
    ends: VecDeque<u64>,
    dropped: Dropped,
}

fn streams(counts: &[Counts]) -> Vec<Stream> {
    let mut places: BTreeMap<u32, VecDeque<u32>> = BTreeMap::new();
    for (place, counts) in counts.iter().enumerate() {
        for (thread, _) in counts {
            places.entry(*thread).or_default().push_back(place as u32);
        }
    }
    places.into_iter().map(|(thread, places)| Stream { thread, places, ..Default::default() }).collect()
}

struct Walk<'a> {
    input: &'a Input,
    calls: &'a [Calls],
    counts: &'a [Counts],
    buffer: Vec<u8>,
    batch: usize,
}

impl Walk<'_> {
    fn next_end(&mut self, stream: &mut Stream, drop: &mut u64) -> Option<u64> {
        while stream.ends.is_empty() {
            let (place, behind) = stream.current.take().or_else(|| Some((stream.places.pop_front()?, 0)))?;
            let expected = self.expected(place, stream.thread);
            if !self.refill(stream, place, behind) {
                // A living process recycled the segment since it was counted: those events are the oldest now.
                let gone = expected.saturating_sub(behind);
                stream.dropped.events += gone;
                *drop = drop.saturating_sub(gone);
                continue;
            }
            let behind = behind + stream.ends.len() as u64;
            if behind < expected && !stream.ends.is_empty() {
                stream.current = Some((place, behind));
            }
        }
        stream.ends.pop_front()
    }

    fn expected(&self, place: u32, thread: u32) -> u64 {
        let counts = self.counts.get(place as usize).into_iter().flatten();
        counts.filter(|(of, _)| *of == thread).map(|(_, events)| events).sum()
    }

    /// Decodes the next batch of ends; false if the segment can no longer be read.
    fn refill(&mut self, stream: &mut Stream, place: u32, behind: u64) -> bool {
        let Some(calls) = self.calls.get(place as usize) else { return false };
        let committed = calls.committed as usize;
        let read = self.input.read(calls.index, calls.generation, committed, &mut self.buffer);
        let Ok((segment, body)) = read else { return false };
        let ends = segment
            .events(body)
            .filter(|event| event.thread == stream.thread)
            .skip(behind as usize)
            .take(self.batch)
            .map(|event| event.start.saturating_add(event.duration));
        stream.ends.extend(ends);
        true
    }
}
