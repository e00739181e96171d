//! The arguments of open calls in the file, on the thread's stack behind the frames of the calls.
//!
//! Text only ever comes on top, so that a process that is killed meanwhile leaves the arguments as they were. Where they
//! change often, what was changed piles up below; [`ThreadRecorder::compact`] removes it.
//!
//! ```text
//! frame | text, header | change, header | change, header | ...
//! frame | text, header | change, header | change, header | whole text, header     1. the whole text comes on top
//! frame | whole text, header | blank ...                 | whole text, header     2. a copy takes the place of the rest
//! frame | whole text, header                                                      3. the one on top goes
//! ```

use super::ThreadRecorder;
use super::arguments::Arguments;
use viztracer_format::arguments::{blank, encode, not_stored, slots};
use viztracer_format::record::Record;
use viztracer_format::stack::BLOCK_FRAMES;
use viztracer_format::sync::{Ordering, fence};

/// Slots for the arguments of a thread's open calls: a quarter of a megabyte. What does not fit is in memory only.
const SLOTS_MAX: usize = 16_384;
/// Slots that changes may take besides twice the text.
const SLACK: usize = 64;

impl ThreadRecorder {
    /// Stores the arguments of the innermost call, of whose text the first `unchanged` bytes are as before.
    pub(super) fn stack_arguments(&mut self, arguments: &mut Arguments, unchanged: usize) {
        let kept = unchanged.min(arguments.stored);
        let changes = arguments.text().get(kept..).unwrap_or_default();
        let is_as_stored = changes.is_empty() && kept == arguments.stored && arguments.slots > 0;
        if is_as_stored || arguments.is_lost {
            return;
        }
        let pushed = slots(changes.len());
        if self.argument_slots + pushed > SLOTS_MAX {
            arguments.is_lost = true;
            arguments.slots += 1;
            return self.push_slots(1, [not_stored()]);
        }
        self.push_slots(pushed, encode(kept, changes));
        arguments.slots += pushed;
        arguments.stored = arguments.text().len();
        if arguments.slots > 2 * slots(arguments.stored) + SLACK {
            self.compact(arguments);
        }
    }

    /// Removes the arguments of the innermost call from the stack.
    pub(super) fn pop_arguments(&mut self, arguments: &Arguments) {
        self.pop_slots(arguments.slots);
    }

    /// Leaves nothing but the text of arguments whose changes have piled up.
    #[cold]
    fn compact(&mut self, arguments: &mut Arguments) {
        let (old, whole) = (arguments.slots, slots(arguments.stored));
        let begin = self.depth() - old;
        self.push_slots(whole, encode(0, arguments.text()));
        fence(Ordering::Release);
        let copy = encode(0, arguments.text()).chain(std::iter::repeat(blank()));
        for (index, slot) in (begin..begin + old).zip(copy) {
            let Some(block) = self.blocks.get(index / BLOCK_FRAMES) else { break };
            // SAFETY: the index is below that of the cursor, so the slot is in use, in a block of this thread.
            unsafe { &*block.slots().add(index % BLOCK_FRAMES) }.store(slot);
        }
        self.pop_slots(old);
        arguments.slots = whole;
    }

    /// Pushes so many slots that are no frames.
    fn push_slots(&mut self, count: usize, slots: impl IntoIterator<Item = Record>) {
        self.argument_slots += count;
        // No reader may see a slot under the count of the one that stood here before.
        fence(Ordering::Release);
        for slot in slots {
            if self.block_depth() == BLOCK_FRAMES {
                self.publish_depth();
                self.use_block(self.depth_block + 1);
            }
            // SAFETY: the block in use is not full, so `frame` is inside of it.
            unsafe { &*self.frame }.store(slot);
            self.frame = self.frame.wrapping_add(1);
        }
        self.end_block();
        self.publish_depth();
    }

    /// Pops so many slots that are no frames.
    fn pop_slots(&mut self, count: usize) {
        let mut left = count;
        loop {
            let here = left.min(self.block_depth());
            self.frame = self.frame.wrapping_sub(here);
            self.publish_depth();
            left -= here;
            if left == 0 || self.depth_block == 0 {
                break;
            }
            self.use_block(self.depth_block - 1);
            self.frame = self.frame_end; // the block below is full
        }
        self.argument_slots -= count;
        self.end_block();
    }
}
