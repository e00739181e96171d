//! What a forked child inherits: the calls that are open on the thread that forks.

use super::ThreadRecorder;
use super::arguments::Arguments;
use super::open_calls::{OpenCall, OpenCalls};
use viztracer_format::arguments::is_part;
use viztracer_format::record::INHERITED;
use viztracer_format::stack::task_of;
use viztracer_format::sync::Ordering;

impl ThreadRecorder {
    /// The calls that are open, and the depth limit: what a forked child inherits.
    pub(crate) fn open_calls(&self) -> OpenCalls {
        let deeper = |tag| OpenCall { tag, function: None, arguments: None };
        let mut too_deep = self.too_deep.iter().peekable();
        let mut attached = self.attached.iter();
        let mut calls: Vec<OpenCall> = Vec::new();
        for (index, slot) in self.slots_in_use().enumerate() {
            while let Some(call) = too_deep.next_if(|call| call.depth <= index) {
                calls.push(deeper(call.tag));
            }
            if is_part(slot) {
                let of_call = calls.last_mut().filter(|call| call.arguments.is_none());
                of_call.into_iter().for_each(|call| call.arguments = attached.next().cloned());
            } else if task_of(slot).is_none() {
                calls.push(OpenCall { tag: slot.duration(), function: Some(slot.function()), arguments: None });
            }
        }
        calls.extend(too_deep.map(|call| deeper(call.tag)));
        OpenCalls { calls, max_depth: self.max_depth, uncounted: self.uncounted }
    }

    /// Opens the calls that were open in the parent process when it forked, with the depth limit of that time. A
    /// function is given by its id in this process's file. To be called before this thread enters anything itself.
    pub(crate) fn inherit(&mut self, open: OpenCalls) {
        self.max_depth = open.max_depth;
        self.uncounted = open.uncounted;
        self.end_block();
        for OpenCall { tag, function, arguments } in open.calls {
            match function.filter(|_| !self.is_full_depth()) {
                Some(function) => self.inherit_frame(function, tag, arguments),
                None => self.push_too_deep(tag),
            }
        }
    }

    fn inherit_frame(&mut self, function: u32, tag: u64, arguments: Option<Arguments>) {
        self.enter(function, tag);
        self.note_unseen(tag);
        // SAFETY: the limit allows one frame more, so `enter` has just stored it below the cursor.
        let slot = unsafe { &*self.frame.wrapping_sub(1) };
        slot.word0.store(slot.word0.load(Ordering::Relaxed) | u64::from(INHERITED), Ordering::Relaxed);
        if let (Some(mut arguments), Some(frame)) = (arguments, self.innermost_call()) {
            arguments.move_to(frame, self.frame as usize);
            self.stack_arguments(&mut arguments, 0);
            self.attached.push(arguments);
        }
    }
}
