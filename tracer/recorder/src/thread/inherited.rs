//! What a forked child inherits: the calls that are open on the thread that forks.

use super::ThreadRecorder;
use super::open_calls::OpenCalls;
use viztracer_format::record::INHERITED;
use viztracer_format::stack::task_of;
use viztracer_format::sync::Ordering;

impl ThreadRecorder {
    /// The calls that are open, and the depth limit: what a forked child inherits.
    pub(crate) fn open_calls(&self) -> OpenCalls {
        let mut too_deep = self.too_deep.iter().peekable();
        let mut calls = Vec::new();
        for (index, (frame, tag)) in self.frames_and_tags().enumerate() {
            while let Some(call) = too_deep.next_if(|call| call.depth <= index) {
                calls.push((call.tag, None));
            }
            if task_of(frame).is_none() {
                calls.push((tag, Some(frame.function())));
            }
        }
        calls.extend(too_deep.map(|call| (call.tag, None)));
        OpenCalls { calls, max_depth: self.max_depth, uncounted: self.uncounted }
    }

    /// Opens the calls that were open in the parent process when it forked, with the depth limit of that time. A
    /// function is given by its id in this process's file. To be called before this thread enters anything itself.
    pub(crate) fn inherit(&mut self, open: OpenCalls) {
        self.max_depth = open.max_depth;
        self.uncounted = open.uncounted;
        self.end_block();
        for (tag, function) in open.calls {
            match function.filter(|_| !self.is_full_depth()) {
                Some(function) => self.inherit_frame(function, tag),
                None => self.push_too_deep(tag),
            }
        }
    }

    fn inherit_frame(&mut self, function: u32, tag: u64) {
        self.enter(function, tag);
        // SAFETY: the limit allows one frame more, so `enter` has just stored it below the cursor.
        let slot = unsafe { &*self.frame.wrapping_sub(1) };
        slot.word0.store(slot.word0.load(Ordering::Relaxed) | u64::from(INHERITED), Ordering::Relaxed);
    }
}
