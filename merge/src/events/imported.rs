//! Decodes the entries of a trace in JSON into events.

use crate::align::Times;
use crate::chrome::clocks::ticks;
use crate::chrome::marks::Marks;
use crate::chrome::sort::{IN_MEMORY, NO_TIME, StoredEvent};
use crate::error::Problem;
use crate::events::decode::{Buffers, Event, Outcome, Payload};
use crate::plan::file::{Calls, FilePlan, Records};
use crate::plan::imported::Imported;
use crate::storage::store::Store;
use bytemuck::Zeroable;
use std::io;
use std::ops::Range;
use viztracer_format::record::Kind;

/// Members that span at most so many bytes are read at once.
const NEAR: u64 = 4 << 20;

impl Imported {
    /// Decodes `calls[run]` of a plan.
    pub fn decode(
        &self,
        plan: &FilePlan,
        times: &mut impl Times,
        run: Range<usize>,
        buffers: &mut Buffers,
        mut each: impl FnMut(&Event<'_>),
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(store) = &self.store else { return outcome };
        for calls in plan.calls.get(run).unwrap_or_default() {
            let Some(thread) = plan.thread(calls.thread) else { continue };
            if let Err(error) = self.chunk(store, (thread, calls), times, buffers, &mut outcome, &mut each) {
                outcome.problems.add(Problem::from(error));
            }
        }
        outcome
    }

    fn chunk(
        &self,
        store: &Store,
        (thread, calls): (usize, &Calls),
        times: &mut impl Times,
        buffers: &mut Buffers,
        outcome: &mut Outcome,
        each: &mut impl FnMut(&Event<'_>),
    ) -> io::Result<()> {
        let Records::Stored(offset) = calls.records else { return Ok(()) };
        let Buffers { entries, payload, .. } = buffers;
        entries.resize(calls.events as usize, StoredEvent::zeroed());
        store.read(offset, bytemuck::cast_slice_mut(entries))?;
        let mut members = ChunkMembers::read(store, entries, payload, &self.short)?;
        let (mut unfinished, mut last_task) = (0, 0);
        for entry in &*entries {
            let marks = Marks::from_bits(entry.marks);
            let (kind, clipped) = (marks.kind(), marks.is_clipped());
            let (start, duration) = match entry.start {
                NO_TIME => (0, 0),
                start => times.span(ticks(start), ticks(entry.end) - ticks(start)),
            };
            let payload = (entry.length > 0).then(|| members.of(entry)).transpose()?.map(Payload::Members);
            unfinished += u64::from(kind == Kind::Open);
            let StoredEvent { task, function, .. } = *entry;
            if task != last_task {
                last_task = task;
                outcome.tasks.insert(task);
            }
            each(&Event { thread, task, kind, function, start, duration, clipped, payload });
        }
        let of = outcome.thread(thread);
        of.read += u64::from(calls.events);
        of.unfinished += unfinished;
        Ok(())
    }
}

/// Reads the members of a chunk's entries.
struct ChunkMembers<'a> {
    store: &'a Store,
    short: &'a [Box<[u8]>],
    /// Where `bytes` begin in the store, if they hold all members of the chunk.
    begin: Option<u64>,
    bytes: &'a mut Vec<u8>,
}

impl<'a> ChunkMembers<'a> {
    fn read(
        store: &'a Store,
        entries: &[StoredEvent],
        bytes: &'a mut Vec<u8>,
        short: &'a [Box<[u8]>],
    ) -> io::Result<ChunkMembers<'a>> {
        let stored = || entries.iter().filter(|entry| entry.length > 0 && entry.members & IN_MEMORY == 0);
        let begin = stored().map(|entry| entry.members).min();
        let end = stored().map(|entry| entry.members + u64::from(entry.length)).max();
        let span = begin.zip(end).map(|(begin, end)| (begin, end - begin)).filter(|(_, length)| *length <= NEAR);
        if let Some((begin, length)) = span {
            bytes.resize(length as usize, 0);
            store.read(begin, bytes)?;
        }
        Ok(ChunkMembers { store, short, begin: span.map(|(begin, _)| begin), bytes })
    }

    fn of(&mut self, entry: &StoredEvent) -> io::Result<&[u8]> {
        let length = entry.length as usize;
        if entry.members & IN_MEMORY != 0 {
            let index = (entry.members ^ IN_MEMORY) as usize;
            return Ok(self.short.get(index).map_or(&[], |text| text));
        }
        if let Some(begin) = self.begin {
            let at = (entry.members - begin) as usize;
            return Ok(self.bytes.get(at..at + length).unwrap_or_default());
        }
        self.bytes.resize(length, 0);
        self.store.read(entry.members, self.bytes)?;
        Ok(self.bytes)
    }
}
