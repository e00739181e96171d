//! A thread's stack of open frames: blocks in the file as far as the file has space for them.

use super::ThreadRecorder;
use super::block::StackBlock;
use viztracer_format::arguments::{is_header, is_part};
use viztracer_format::record::Record;
use viztracer_format::stack::{BLOCK_FRAMES, BLOCK_HEADER_SIZE, Slot};

impl ThreadRecorder {
    /// Makes space for one more frame. `false`: the depth limit forbids it, and only the tag is kept.
    #[cold]
    #[inline(never)]
    pub(super) fn extend_stack(&mut self, tag: u64) -> bool {
        if self.depth() >= self.depth_limit() {
            self.push_too_deep(tag);
            return false;
        }
        self.use_block(self.depth_block + 1);
        true
    }

    /// The number of open frames, marks of tasks included.
    pub(super) fn depth(&self) -> usize {
        self.depth_block * BLOCK_FRAMES + self.block_depth()
    }

    /// Continues the stack, at its bottom, in the block with this index, which may be new.
    pub(super) fn use_block(&mut self, index: usize) {
        let base = index * BLOCK_FRAMES;
        if index == self.blocks.len() {
            let block = self.ring.block().map_or_else(StackBlock::private, StackBlock::Mapped);
            // SAFETY: the block is mapped, or was just allocated.
            unsafe { &*block.header() }.take(self.serial, base as u32);
            self.blocks.push(block);
        }
        self.depth_block = index;
        self.block = self.blocks[index].header();
        self.frame = self.first_frame();
        self.end_block();
    }

    fn first_frame(&self) -> *const Slot {
        self.block.wrapping_byte_add(BLOCK_HEADER_SIZE).cast()
    }

    /// Sets where the frames of the block in use must end, by its size or the depth limit.
    pub(super) fn end_block(&mut self) {
        let left = self.depth_limit().saturating_sub(self.depth_block * BLOCK_FRAMES);
        self.frame_end = self.first_frame().wrapping_add(left.min(BLOCK_FRAMES));
    }

    /// Goes back to the full block below if this one is empty.
    fn leave_empty_block(&mut self) {
        if self.block_depth() == 0 && self.depth_block > 0 {
            self.use_block(self.depth_block - 1);
            self.frame = self.frame_end;
        }
    }

    /// How many slots in use hold marks of tasks and arguments.
    pub(super) fn no_calls(&self) -> usize {
        self.task_marks + self.argument_slots
    }

    /// What the innermost slot of the block in use holds; `None` if the block is empty.
    pub(super) fn innermost_slot(&self) -> Option<Record> {
        // SAFETY: the slot is below the cursor, inside the block in use.
        (self.block_depth() > 0).then(|| unsafe { &*self.frame.wrapping_sub(1) }.load())
    }

    /// The innermost open frame, or mark of a task.
    pub(super) fn innermost(&mut self) -> Option<Record> {
        self.leave_empty_block();
        let slot = self.innermost_slot()?;
        let attached = if is_header(slot) { self.attached.last() } else { None };
        Some(attached.map_or(slot, |arguments| arguments.frame))
    }

    /// Removes the innermost open frame, or mark of a task, which has no arguments (any more).
    pub(super) fn pop(&mut self) {
        self.leave_empty_block();
        self.frame = self.frame.wrapping_sub(1);
        self.publish_depth();
    }

    /// Whether a call with this tag is open.
    pub fn is_open(&mut self, tag: u64) -> bool {
        self.leave_empty_block();
        let in_use = &self.blocks[..=self.depth_block];
        let is_it = |slot: Record| slot.duration() == tag && !is_part(slot);
        let is_frame = in_use.iter().rev().any(|block| block.slots_in_use().any(is_it));
        is_frame || self.too_deep.iter().any(|call| call.tag == tag)
    }

    /// Frees the blocks of a thread that has ended.
    pub(super) fn release_blocks(&mut self) {
        for block in self.blocks.drain(..) {
            if let StackBlock::Mapped(header) = block {
                // SAFETY: the block is mapped, and this thread owned it until now.
                unsafe { &*header }.free();
                self.ring.free_block(header);
            }
        }
        // A private block replaces them, so that a late call finds a stack.
        self.blocks.push(StackBlock::private());
        self.use_block(0);
    }
}
