//! Which events of a file are more than the newest ones that were asked for. A ring keeps the newest N events of a
//! process, but its file holds whole segments, and so a few more events.
//!
//! A thread's events are in the order of their ends. A heap of one end per thread gives all ends of the file from the
//! oldest on. The next ends of a thread are decoded in batches, which are the smaller the more threads there are, so
//! that memory is bounded.

use crate::input::ring::Input;
use crate::survey::table::CountedSegment;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};

/// Ends held in memory, over all threads.
const ENDS_MAX: usize = 1 << 20;

/// The oldest events of a thread, which are left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dropped {
    /// How many events are left out.
    pub events: u64,
    /// Ticks at the end of the last one.
    pub until: u64,
}

/// By thread, which of its first events are among the `drop` oldest events of the file.
pub(crate) fn oldest(input: &Input, segments: &[CountedSegment], mut drop: u64) -> HashMap<u32, Dropped> {
    let mut streams = streams(segments);
    let batch = (ENDS_MAX / streams.len().max(1)).clamp(16, 1 << 16);
    let mut reader = EndReader { input, segments, buffer: Vec::new(), batch };
    let mut heap = BinaryHeap::new();
    for (index, stream) in streams.iter_mut().enumerate() {
        let end = reader.next_end(stream, &mut drop);
        heap.extend(end.map(|end| Reverse((end, stream.thread, index))));
    }
    while let Some(Reverse((end, _, index))) = heap.pop().filter(|_| drop > 0) {
        let Some(stream) = streams.get_mut(index) else { break };
        drop -= 1;
        stream.dropped.events += 1;
        stream.dropped.until = end;
        let end = reader.next_end(stream, &mut drop);
        heap.extend(end.map(|end| Reverse((end, stream.thread, index))));
    }
    streams.into_iter().map(|stream| (stream.thread, stream.dropped)).collect()
}

/// The ends of one thread's events, from the oldest on.
#[derive(Default)]
struct ThreadEnds {
    thread: u32,
    /// Indexes of segments with events of the thread that were not read yet.
    unread: VecDeque<usize>,
    /// The segment that is being read, and how many of the thread's events in it were read.
    current: Option<(usize, u64)>,
    ends: VecDeque<u64>,
    dropped: Dropped,
}

fn streams(segments: &[CountedSegment]) -> Vec<ThreadEnds> {
    let mut by_thread: BTreeMap<u32, VecDeque<usize>> = BTreeMap::new();
    for (index, segment) in segments.iter().enumerate() {
        for (thread, _) in &segment.events {
            by_thread.entry(*thread).or_default().push_back(index);
        }
    }
    by_thread.into_iter().map(|(thread, unread)| ThreadEnds { thread, unread, ..Default::default() }).collect()
}

/// Decodes the ends of events.
struct EndReader<'a> {
    input: &'a Input,
    segments: &'a [CountedSegment],
    buffer: Vec<u8>,
    batch: usize,
}

impl EndReader<'_> {
    /// The next end of a thread. Events that cannot be read any more are taken off `drop`.
    fn next_end(&mut self, stream: &mut ThreadEnds, drop: &mut u64) -> Option<u64> {
        while stream.ends.is_empty() {
            let (index, done) = stream.current.take().or_else(|| Some((stream.unread.pop_front()?, 0)))?;
            let expected = self.expected(index, stream.thread);
            if !self.refill(stream, index, done) {
                // A living process has recycled the segment since it was counted, so its events are gone as the oldest.
                let gone = expected.saturating_sub(done);
                stream.dropped.events += gone;
                *drop = drop.saturating_sub(gone);
                continue;
            }
            let done = done + stream.ends.len() as u64;
            if done < expected && !stream.ends.is_empty() {
                stream.current = Some((index, done));
            }
        }
        stream.ends.pop_front()
    }

    /// How many events of the thread were counted in a segment.
    fn expected(&self, index: usize, thread: u32) -> u64 {
        let counts = self.segments.get(index).into_iter().flat_map(|segment| &segment.events);
        counts.filter(|(of, _)| *of == thread).map(|(_, events)| events).sum()
    }

    /// Decodes the next batch of ends; false if the segment can no longer be read.
    fn refill(&mut self, stream: &mut ThreadEnds, index: usize, done: u64) -> bool {
        let Some(counted) = self.segments.get(index) else { return false };
        let Ok((segment, body)) = self.input.read(counted.part, &mut self.buffer) else { return false };
        let ends = segment
            .events(body)
            .filter(|event| event.thread == stream.thread)
            .skip(done as usize)
            .take(self.batch)
            .map(|event| event.start.saturating_add(event.duration));
        stream.ends.extend(ends);
        true
    }
}
