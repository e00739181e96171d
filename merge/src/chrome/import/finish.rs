//! The end of an import: begins and ends of calls are paired, events are sorted, and each goes to its process.

use super::{Import, Reading};
use crate::chrome::chunks::Chunks;
use crate::chrome::clocks::ticks;
use crate::chrome::event::{ChromeEvent, object, with_arguments};
use crate::chrome::images::Images;
use crate::chrome::marks::Marks;
use crate::chrome::members::MemberStore;
use crate::chrome::pairs::{Pairing, Pairs};
use crate::chrome::sort::StoredEvent;
use crate::error::Problem;
use crate::plan::frames::OpenFrame;
use crate::storage::store::Region;
use std::io;
use std::sync::Arc;
use viztracer_format::record::Kind;

impl Reading<'_> {
    /// Gives what was read, once there are no more items.
    pub fn finish(mut self) -> io::Result<Import> {
        self.finish_pairs()?;
        let Reading { mut import, sorter, store, mut members, tracks, accounts, tasks, .. } = self;
        let mut images = Images::of(tracks, accounts, &tasks);
        let mut chunks = Chunks::new(store);
        sorter.finish(|event| {
            let Some(owner) = images.owner(event) else { return Ok(()) };
            if let Some(frame) = frame(event, owner.thread)
                && images.take_frame(owner, frame, event)
            {
                if let Some(json) = arguments(event, &members)? {
                    images.take_arguments(owner, frame, json);
                }
                return Ok(());
            }
            chunks.push(as_it_came(event), owner, &mut images)
        })?;
        chunks.finish(&mut images)?;
        import.images = images.finish();
        import.imported.short = members.short();
        import.imported.store = Some(Arc::clone(store));
        Ok(import)
    }

    /// Pairs begins and ends of calls.
    fn finish_pairs(&mut self) -> io::Result<()> {
        self.members.finish()?;
        let (_, last) = self.import.times.unwrap_or_default();
        let pairs = std::mem::replace(&mut self.pairs, Pairs::new(self.store));
        pairs.finish(|pairing| match pairing {
            Pairing::Call(call, end) if end.length > 0 => {
                let call = self.with_arguments(call, end)?;
                self.push(call)
            }
            Pairing::Call(call, _) => self.push(call),
            Pairing::Open(begin) => self.open(begin, last),
            Pairing::End => self.refuse("the end of a call that did not begin"),
            Pairing::TooDeep => self.refuse("too many calls that do not end"),
        })?;
        self.members.finish()
    }

    fn refuse(&mut self, reason: &str) -> io::Result<()> {
        self.import.problems.add(Problem::new(reason));
        Ok(())
    }

    /// Adds the arguments of a call's end to the call.
    fn with_arguments(&mut self, call: StoredEvent, end: StoredEvent) -> io::Result<StoredEvent> {
        let region = |event: &StoredEvent| Region { at: event.members, length: event.length.into() };
        let members = with_arguments(&self.members.get(region(&call))?, &self.members.get(region(&end))?);
        let Region { at, length } = self.members.keep(&members)?.unwrap_or(region(&call));
        Ok(StoredEvent { members: at, length: length as u32, ..call })
    }

    /// Takes a call without an end. It lasts as long as its begin says, or else as long as the document.
    fn open(&mut self, begin: StoredEvent, last: i64) -> io::Result<()> {
        let marks = Marks::from_bits(begin.marks);
        // The kind says all that the members of such a call in our reports say, if it has no arguments.
        let length = if marks.kind() == Kind::Open && !marks.has_arguments() { 0 } else { begin.length };
        let end = if marks.is_timed() { begin.end } else { last.max(begin.start).saturating_add(1) };
        self.push(StoredEvent { end, marks: marks.with_kind(Kind::Open).bits(), length, ..begin })
    }
}

/// The frame of a call that had not ended when it was last seen, or when the recording was closed, if the event says
/// so.
fn frame(event: &StoredEvent, thread: u32) -> Option<OpenFrame> {
    let marks = Marks::from_bits(event.marks);
    let StoredEvent { task, function, start, .. } = *event;
    let (inherited, clipped) = (marks.is_inherited(), marks.is_clipped());
    let frame = OpenFrame { thread, task, function, start: ticks(start), inherited, clipped };
    let is_left = marks.is_timed() && (event.length == 0 || marks.has_arguments());
    (marks.is_lasting() || is_left).then_some(frame)
}

/// The program's arguments of a call that is a frame, if it has some.
fn arguments(event: &StoredEvent, members: &MemberStore<'_>) -> io::Result<Option<Vec<u8>>> {
    if !Marks::from_bits(event.marks).has_arguments() {
        return Ok(None);
    }
    let text = members.get(Region { at: event.members, length: event.length.into() })?;
    let object = object(&text);
    let read = ChromeEvent::read(&object).ok();
    Ok(read.and_then(|(event, _)| Marks::arguments_before(event.arguments?)))
}

/// A call that is no frame is shown as it came: with its arguments, whatever they say.
fn as_it_came(event: &StoredEvent) -> StoredEvent {
    let marks = Marks::from_bits(event.marks);
    let marks = if marks.is_lasting() { Marks::NONE } else { marks };
    StoredEvent { marks: marks.bits(), ..*event }
}
