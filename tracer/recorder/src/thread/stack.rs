//! A thread's stack of open frames: blocks in the file, where the file has room for them.

use super::block::Block;
use super::{Left, ThreadRecorder};
use viztracer_format::record::Record;
use viztracer_format::stack::{BLOCK_FRAMES, BLOCK_HEADER_SIZE, Slot};

impl ThreadRecorder {
    /// Makes room for one more frame; `false` if the depth limit forbids it, and only the tag is kept.
    #[cold]
    #[inline(never)]
    pub(super) fn extend_stack(&mut self, tag: u64) -> bool {
        if self.depth() >= self.depth_limit() {
            self.beyond.push(tag);
            return false;
        }
        self.use_block(self.depth_block + 1);
        true
    }

    /// Ends a call beyond the depth limit.
    #[cold]
    #[inline(never)]
    pub(super) fn leave_beyond(&mut self, tag: u64) -> Left {
        match self.beyond.pop_if(|innermost| *innermost == tag) {
            Some(_) => Left::Recorded,
            None => Left::Unmatched,
        }
    }

    /// Open frames.
    pub(super) fn depth(&self) -> usize {
        self.depth_block * BLOCK_FRAMES + self.block_depth()
    }

    /// Continues the stack, at its bottom, in the block with this index, which may be new.
    pub(super) fn use_block(&mut self, index: usize) {
        let base = index * BLOCK_FRAMES;
        if index == self.blocks.len() {
            let block = self.ring.block().map_or_else(Block::private, Block::Mapped);
            // SAFETY: the block is mapped or was just allocated.
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

    /// Says where the frames of the block in use must end, by its size or the depth limit.
    pub(super) fn end_block(&mut self) {
        let left = self.depth_limit().saturating_sub(self.depth_block * BLOCK_FRAMES);
        self.frame_end = self.first_frame().wrapping_add(left.min(BLOCK_FRAMES));
    }

    /// The deepest stack; neither marks of tasks nor what the parent process entered count for the user's limit.
    fn depth_limit(&self) -> usize {
        self.max_depth.saturating_add(self.task_marks).saturating_add(self.uncounted)
    }

    /// Goes back to the full block below, if this one is empty.
    fn step_down(&mut self) {
        if self.block_depth() == 0 && self.depth_block > 0 {
            self.use_block(self.depth_block - 1);
            self.frame = self.frame_end;
        }
    }

    /// The innermost open frame.
    pub(super) fn innermost(&mut self) -> Option<Record> {
        self.step_down();
        // SAFETY: a frame below the cursor of the block in use.
        (self.block_depth() > 0).then(|| unsafe { &*self.frame.wrapping_sub(1) }.load())
    }

    pub(super) fn pop(&mut self) {
        self.frame = self.frame.wrapping_sub(1);
        self.publish_depth();
    }

    /// Whether a call that is known by this tag is open.
    pub fn is_open(&mut self, tag: u64) -> bool {
        self.step_down();
        let in_use = &self.blocks[..=self.depth_block];
        in_use.iter().rev().any(|block| block.frames().any(|frame| frame.duration() == tag))
    }

    pub(super) fn release_blocks(&mut self) {
        for block in self.blocks.drain(..) {
            if let Block::Mapped(header) = block {
                // SAFETY: a block of the mapping, which this thread owned until now.
                unsafe { &*header }.free();
                self.ring.free_block(header);
            }
        }
        // An empty private block takes the place of the ones given back, so that a late call finds a stack.
        self.blocks.push(Block::private());
        self.use_block(0);
    }
}
