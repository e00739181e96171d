//! A block of a thread's stack of open frames.

use viztracer_format::record::Record;
use viztracer_format::stack::{BLOCK_FRAMES, BLOCK_HEADER_SIZE, BlockHeader, Slot};
use viztracer_format::sync::Ordering;

/// A stack block: in the file, or in private memory when the file has no space for it.
#[derive(Debug)]
pub(super) enum StackBlock {
    Mapped(*const BlockHeader),
    Private(Box<PrivateBlock>),
}

#[derive(Debug)]
#[repr(C)]
pub(super) struct PrivateBlock {
    header: BlockHeader,
    frames: [Slot; BLOCK_FRAMES],
}

impl StackBlock {
    pub(super) fn private() -> StackBlock {
        let frames = std::array::from_fn(|_| Slot::default());
        StackBlock::Private(Box::new(PrivateBlock { header: BlockHeader::default(), frames }))
    }

    pub(super) fn header(&self) -> *const BlockHeader {
        match self {
            StackBlock::Mapped(header) => *header,
            StackBlock::Private(block) => (&raw const **block).cast(),
        }
    }

    /// The first slot of the block.
    pub(super) fn slots(&self) -> *const Slot {
        self.header().wrapping_byte_add(BLOCK_HEADER_SIZE).cast()
    }

    /// What the slots in use hold: frames, marks of tasks, and arguments.
    pub(super) fn slots_in_use(&self) -> impl DoubleEndedIterator<Item = Record> {
        self.used().map(Slot::load)
    }

    /// The slots in use.
    pub(super) fn used(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        let slots = self.slots();
        // SAFETY: the header of a block that this thread owns.
        let count = unsafe { &*self.header() }.count.load(Ordering::Relaxed) as usize;
        // SAFETY: `count` never exceeds the slots of a block.
        (0..count.min(BLOCK_FRAMES)).map(move |index| unsafe { &*slots.add(index) })
    }
}
