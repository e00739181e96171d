//! Arguments that are attached to open calls, and become the payloads of their records.
//!
//! A frame with arguments has [`ATTACHED`] as its tag, and its true tag is kept here. So the end of such a call does
//! not match its frame, which leads [`leave`](ThreadRecorder::leave) to
//! [`unwind_to`](ThreadRecorder::unwind_to): calls without arguments pay nothing for those that have some. Frames with
//! arguments end in the opposite order of their begins, so their arguments are a stack as well.

use super::ThreadRecorder;
use super::arguments::{Arguments, Earlier};
use viztracer_format::record::{INHERITED, Kind, Record};
use viztracer_format::stack::task_of;
use viztracer_format::sync::Ordering;

/// The tag of frames with arguments. It is no call's: tags come from addresses of aligned objects.
pub const ATTACHED: u64 = (1 << 40) - 1;

impl ThreadRecorder {
    /// Attaches a member of `args` to the innermost open call: a JSON string and a JSON value. `false`: no call is
    /// open, or it is too deep to be recorded.
    pub fn attach(&mut self, key: &[u8], value: &[u8], earlier: Earlier) -> bool {
        if self.is_too_deep() {
            return false;
        }
        let Some(frame) = self.innermost_call() else { return false };
        if frame.duration() != ATTACHED {
            let mut arguments = self.spare.pop().unwrap_or_default();
            arguments.begin(frame.duration());
            self.attached.push(arguments);
            // SAFETY: the innermost frame is just below the cursor, inside the block in use.
            let slot = unsafe { &*self.frame.wrapping_sub(1) };
            slot.word1.store(ATTACHED << 24 | u64::from(frame.function()), Ordering::Release);
        }
        let max = self.payload_max();
        if let Some(attached) = self.attached.last_mut() {
            attached.add(key, value, earlier, max);
        }
        true
    }

    /// What is attached to the innermost open call, as a JSON object; `None` if nothing is.
    pub fn attached(&mut self) -> Option<Vec<u8>> {
        let is_attached = !self.is_too_deep() && self.innermost_call()?.duration() == ATTACHED;
        self.attached.last().filter(|_| is_attached).map(Arguments::json)
    }

    /// Whether the innermost open call is the one with this tag.
    pub fn is_innermost(&mut self, tag: u64) -> bool {
        !self.is_too_deep() && self.innermost_call().is_some_and(|frame| self.innermost_tag(frame) == tag)
    }

    /// Whether the innermost open call is the one with this tag, and is long enough to be recorded if it ends at `now`.
    pub fn is_wanted(&mut self, tag: u64, now: u64) -> bool {
        let innermost = if self.is_innermost(tag) { self.innermost_call() } else { None };
        innermost.is_some_and(|frame| self.wanted_duration(super::elapsed(frame, now)).is_some())
    }

    /// The tag of the innermost frame, which is this one.
    pub(super) fn innermost_tag(&self, frame: Record) -> u64 {
        match frame.duration() {
            ATTACHED => self.attached.last().map_or(ATTACHED, |attached| attached.tag),
            tag => tag,
        }
    }

    /// Whether a call with arguments is open that has this tag.
    pub(super) fn is_attached(&self, tag: u64) -> bool {
        self.attached.iter().any(|attached| attached.tag == tag)
    }

    /// Removes the innermost frame, which is this one, and records it with its arguments if it has any.
    pub(super) fn end_innermost(&mut self, frame: Record, kind: Kind, now: u64) {
        match self.take_attached(frame) {
            Some(mut arguments) => {
                self.record_call(frame, kind, now, arguments.finish());
                self.spare.push(arguments);
            }
            None => self.record(frame, kind, now),
        }
        self.pop();
    }

    /// Removes the innermost frame, which is this one, unrecorded.
    pub(super) fn drop_innermost(&mut self, frame: Record) {
        let dropped = self.take_attached(frame);
        self.spare.extend(dropped);
        self.pop();
    }

    fn take_attached(&mut self, frame: Record) -> Option<Arguments> {
        if frame.duration() == ATTACHED { self.attached.pop() } else { None }
    }

    /// The frames and marks of tasks on the stack, from the outermost on, with the true tags of calls.
    pub(super) fn frames_and_tags(&self) -> impl Iterator<Item = (Record, u64)> {
        let mut attached = self.attached.iter();
        self.frames_in_use().map(move |frame| match frame.duration() {
            ATTACHED => (frame, attached.next().map_or(ATTACHED, |attached| attached.tag)),
            tag => (frame, tag),
        })
    }

    /// The open calls that are on the stack, from the outermost on, as (tag, function id).
    pub fn open_frames(&self) -> Vec<(u64, u32)> {
        let calls = self.frames_and_tags().filter(|(frame, _)| task_of(*frame).is_none());
        calls.map(|(frame, tag)| (tag, frame.function())).collect()
    }

    /// Whether a frame began in the parent process.
    pub(super) fn is_inherited(frame: Record) -> bool {
        frame.kind_byte() & INHERITED != 0
    }
}
