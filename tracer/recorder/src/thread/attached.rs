//! Arguments that are attached to open calls, and become the payloads of their records.
//!
//! They are kept in memory until the call ends, and in the file behind the call's frame (see [`super::stacked`]), so
//! that a killed process leaves them. Behind the frame stands a header then, whose tag is no call's. So the end of such
//! a call does not match what is innermost, which leads [`leave`](ThreadRecorder::leave) to
//! [`unwind_to`](ThreadRecorder::unwind_to): calls without arguments pay nothing for those that have some. Calls end in
//! the opposite order of their begins, so their arguments are a stack as well.

use super::arguments::{Arguments, Earlier};
use super::{Left, ThreadRecorder};
use viztracer_format::arguments::{is_header, is_part};
use viztracer_format::record::{INHERITED, Kind, Record};
use viztracer_format::stack::task_of;

/// The longest memory that is kept for the next text, in bytes.
const TEXT_MAX: usize = 1 << 20;

impl ThreadRecorder {
    /// Attaches a member of `args` to the innermost open call: a JSON string and a JSON value. `false`: no call is
    /// open, or it is too deep to be recorded.
    pub fn attach(&mut self, key: &[u8], value: &[u8], earlier: Earlier) -> bool {
        if self.is_too_deep() {
            return false;
        }
        let Some(frame) = self.innermost_call() else { return false };
        let max = self.payload_max();
        let mut arguments = self.take_attached().unwrap_or_else(|| self.no_arguments(frame));
        let unchanged = arguments.add(key, value, earlier, max);
        self.stack_arguments(&mut arguments, unchanged);
        self.attached.push(arguments);
        true
    }

    /// What is attached to the innermost open call, as a JSON object; `None` if nothing is.
    pub fn attached(&mut self) -> Option<Vec<u8>> {
        let is_attached = !self.is_too_deep() && self.innermost_call().is_some() && self.has_arguments();
        self.attached.last().filter(|_| is_attached).map(Arguments::json)
    }

    /// Whether the innermost open call is the one with this tag.
    pub fn is_innermost(&mut self, tag: u64) -> bool {
        self.innermost_with(tag).is_some()
    }

    /// Whether the innermost open call is the one with this tag, and is long enough to be recorded if it ends at `now`.
    pub fn is_wanted(&mut self, tag: u64, now: u64) -> bool {
        self.innermost_with(tag).is_some_and(|frame| self.wanted_duration(super::elapsed(frame, now)).is_some())
    }

    /// The innermost open call, if it has this tag.
    #[inline]
    fn innermost_with(&mut self, tag: u64) -> Option<Record> {
        match self.innermost_slot() {
            Some(frame) if frame.duration() == tag && self.too_deep.is_empty() => Some(frame),
            _ => self.find_innermost_with(tag),
        }
    }

    /// The same for a call that has arguments, is too deep, or is below marks of tasks.
    fn find_innermost_with(&mut self, tag: u64) -> Option<Record> {
        let innermost = if self.is_too_deep() { None } else { self.innermost_call() };
        innermost.filter(|frame| frame.duration() == tag)
    }

    /// Ends the call with this tag now, if it is the innermost one and long enough to be recorded, with one more member
    /// of its `args`: `put` appends the JSON object `{key:value}` of that member alone, of at most so many bytes, to an
    /// empty text. `None`, and nothing is recorded, if it is not, or if `put` returns false.
    #[inline]
    pub fn end_now(
        &mut self,
        tag: u64,
        kind: Kind,
        key: &[u8],
        put: impl FnOnce(usize, &mut String) -> bool,
    ) -> Option<Left> {
        let now = self.clock.now();
        if !self.is_wanted(tag, now) {
            return None;
        }
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let is_put = put(self.payload_max(), &mut text);
        if is_put {
            self.end_with(tag, kind, now, (key, text.as_bytes()));
        }
        if text.capacity() <= TEXT_MAX {
            self.text = text;
        }
        is_put.then(|| if now >= self.rare_from && self.is_look_due(now) { Left::Due } else { Left::Recorded })
    }

    /// Ends the call with this tag at `now`, with one more member of its `args`, if it is the innermost one. If it is
    /// not, it ends without the member, as by [`ThreadRecorder::unwind_at`]. `object` is the JSON object `{key:value}`
    /// of that member alone.
    pub fn end_with(&mut self, tag: u64, kind: Kind, now: u64, (key, object): (&[u8], &[u8])) {
        let Some(frame) = self.innermost_with(tag) else { return self.unwind_at(tag, kind, now) };
        let Some(mut arguments) = self.take_attached() else {
            self.record_call(frame, kind, now, object);
            self.pop();
            return self.end_unseen(now);
        };
        let value = object.get(key.len() + 2..object.len() - 1).unwrap_or(b"null");
        arguments.add(key, value, Earlier::Replaced, self.payload_max());
        self.end_attached(arguments, kind, now);
        self.end_unseen(now);
    }

    /// Removes the innermost frame, which is this one, and records it with its arguments if it has any.
    pub(super) fn end_innermost(&mut self, frame: Record, kind: Kind, now: u64) {
        self.note_end(frame);
        match self.take_attached() {
            Some(arguments) => self.end_attached(arguments, kind, now),
            None => {
                self.record(frame, kind, now);
                self.pop();
            }
        }
    }

    /// Removes the innermost frame, unrecorded.
    pub(super) fn drop_innermost(&mut self, frame: Record) {
        self.note_end(frame);
        match self.take_attached() {
            Some(arguments) => self.drop_attached(arguments),
            None => self.pop(),
        }
    }

    /// Removes the innermost frame, which has these arguments, and records it.
    fn end_attached(&mut self, mut arguments: Arguments, kind: Kind, now: u64) {
        self.record_call(arguments.frame, kind, now, arguments.finish());
        self.drop_attached(arguments);
    }

    fn drop_attached(&mut self, arguments: Arguments) {
        self.pop_arguments(&arguments);
        self.pop();
        self.spare.push(arguments);
    }

    /// Whether the innermost open call has arguments. [`ThreadRecorder::innermost_call`] must have been called.
    pub(super) fn has_arguments(&self) -> bool {
        self.innermost_slot().is_some_and(is_header)
    }

    fn take_attached(&mut self) -> Option<Arguments> {
        if self.has_arguments() { self.attached.pop() } else { None }
    }

    fn no_arguments(&mut self, frame: Record) -> Arguments {
        let mut arguments = self.spare.pop().unwrap_or_default();
        arguments.begin(frame, self.frame as usize);
        arguments
    }

    /// The open calls that are on the stack, from the outermost on, as (tag, function id).
    pub fn open_frames(&self) -> Vec<(u64, u32)> {
        let calls = self.slots_in_use().filter(|slot| task_of(*slot).is_none() && !is_part(*slot));
        calls.map(|frame| (frame.duration(), frame.function())).collect()
    }

    /// Whether a frame began in the parent process.
    pub(super) fn is_inherited(frame: Record) -> bool {
        frame.kind_byte() & INHERITED != 0
    }
}
