//! The asyncio task that a thread runs.
//!
//! An event loop resumes a task, which then runs until its coroutine waits or ends. The calls of such a run nest inside
//! of it: a mark on the stack stands below them, and a TASK record stands in the segment wherever the task changes.
//! Each new segment begins with one, so that every segment can be read alone.

use super::ThreadRecorder;
use super::block::StackBlock;
use viztracer_format::arguments::is_part;
use viztracer_format::record::Record;
use viztracer_format::stack::{task_frame, task_of};
use viztracer_format::sync::{Ordering, fence};

impl ThreadRecorder {
    /// The serial of the task that the thread runs, 0 if none.
    pub fn task(&self) -> u32 {
        self.task
    }

    /// The address behind the innermost frame, which stands for that frame as long as it is open.
    pub fn top(&self) -> usize {
        let attached = if self.has_arguments() { self.attached.last() } else { None };
        attached.map_or(self.frame as usize, |arguments| arguments.behind)
    }

    /// The event loop resumes this task: the next call is its coroutine's.
    pub fn resume_task(&mut self, task: u32) {
        if self.is_too_deep() {
            return; // too deep to be recorded
        }
        self.task_marks += 1;
        self.end_block();
        if self.frame == self.frame_end {
            self.use_block(self.depth_block + 1);
        }
        // No reader may see the mark under the count of the frame that stood here before.
        fence(Ordering::Release);
        // SAFETY: `frame` is below `frame_end`, inside the block in use.
        unsafe { &*self.frame }.store(task_frame(task));
        self.frame = self.frame.wrapping_add(1);
        self.publish_depth();
        self.switch_to(task);
    }

    /// Whether the innermost open call has this tag, and is the first one of the task that the thread runs.
    pub fn is_first_of_task(&self, tag: u64) -> bool {
        if self.task == 0 || self.is_too_deep() {
            return false;
        }
        let in_use = &self.blocks[..=self.depth_block];
        let slots = in_use.iter().rev().flat_map(|block| StackBlock::slots_in_use(block).rev());
        let mut frames = slots.filter(|slot| !is_part(*slot));
        let is_innermost = frames.next().is_some_and(|frame| task_of(frame).is_none() && frame.duration() == tag);
        is_innermost && frames.next().is_some_and(|frame| task_of(frame).is_some())
    }

    /// Whether calls are recorded no matter how short they are.
    pub fn has_short_calls(&self) -> bool {
        self.min_ticks == 0
    }

    /// A coroutine has waited or ended. If it was the task's own, the task no longer runs.
    pub fn suspend_task(&mut self) {
        if !self.is_too_deep() {
            self.innermost_call();
        }
        if self.unseen > 0 {
            self.end_unseen(self.clock.now());
        }
    }

    /// The innermost open call. Tasks that have no open call inside of it no longer run.
    pub(super) fn innermost_call(&mut self) -> Option<Record> {
        loop {
            let frame = self.innermost()?;
            if task_of(frame).is_none() {
                return Some(frame);
            }
            self.pop();
            self.task_marks -= 1;
            self.end_block();
            self.switch_to(self.task_below());
        }
    }

    /// The task of the innermost mark on the stack.
    fn task_below(&self) -> u32 {
        if self.task_marks == 0 {
            return 0;
        }
        let in_use = &self.blocks[..=self.depth_block];
        in_use.iter().rev().flat_map(|block| StackBlock::slots_in_use(block).rev()).find_map(task_of).unwrap_or(0)
    }

    /// The records from here on are of this task.
    fn switch_to(&mut self, task: u32) {
        self.task = task;
        if self.slot != self.slot_end {
            self.mark_task();
        } // else the next segment begins with its TASK record
    }

    /// Stores the TASK record. The open segment must have a free slot.
    pub(super) fn mark_task(&mut self) {
        self.count_others(1, 0);
        self.store(Record::task(self.task));
        self.commit();
    }
}
