//! The asyncio task that a thread runs.
//!
//! An event loop runs a task in steps. A step is the calls from the entry of the task's coroutine to the moment when
//! that waits or ends, so steps nest with calls: a mark on the stack stands below the calls of a step, and in the
//! records a TASK record stands where the task changes. Each new segment repeats it, so that segments can be read
//! alone.

use super::ThreadRecorder;
use super::block::Block;
use viztracer_format::record::Record;
use viztracer_format::stack::{task_frame, task_of};

impl ThreadRecorder {
    /// The serial of the task that the thread runs, 0 if none.
    pub fn task(&self) -> u32 {
        self.task
    }

    /// The address at which the next frame will stand, if it fits the block in use; below it stands the innermost one.
    pub fn top(&self) -> usize {
        self.frame as usize
    }

    /// A step of this task begins: the next call is its coroutine's.
    pub fn begin_step(&mut self, task: u32) {
        if !self.beyond.is_empty() {
            return; // too deep to be recorded
        }
        self.task_marks += 1;
        self.end_block();
        if self.frame == self.frame_end {
            self.use_block(self.depth_block + 1);
        }
        // SAFETY: below `frame_end`, inside the block in use.
        unsafe { &*self.frame }.store(task_frame(task));
        self.frame = self.frame.wrapping_add(1);
        self.publish_depth();
        self.switch_to(task);
    }

    /// To be called after a coroutine has waited or ended: if it was the task's own, the step is over.
    pub fn end_step(&mut self) {
        if self.beyond.is_empty() {
            self.innermost_call();
        }
    }

    /// The innermost open call; steps that have no open call are over.
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
        in_use.iter().rev().flat_map(|block| Block::frames(block).rev()).find_map(task_of).unwrap_or(0)
    }

    /// The records from here on are of this task.
    fn switch_to(&mut self, task: u32) {
        self.task = task;
        if self.slot != self.slot_end {
            self.mark_task();
        } // else the next segment begins with it
    }

    /// Stores the TASK record. There must be room in the open segment.
    pub(super) fn mark_task(&mut self) {
        self.count_others(1, 0);
        self.store(Record::task(self.task));
        self.commit();
    }
}
