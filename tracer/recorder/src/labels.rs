//! Labels: the slots in which the file describes threads, tasks and ended children.
//!
//! A label is used again once nothing in the file refers to its thread or task any more. So when one ends, its label is
//! attached to the segment that holds its last record, and is free when that segment is recycled: the segments that the
//! thread filled before were sealed before, and so are recycled before.

use std::ops::Deref;
use std::sync::Arc;
use viztracer_format::header::Status;
use viztracer_format::labels::{Label, LabelKind};
use viztracer_format::sync::Ordering;

/// A label in use: in the file, or in private memory when the file has no space for it. A clone refers to the same
/// label.
#[derive(Clone, Debug)]
pub enum Handle {
    /// A slot of a LABELS segment; it stays valid as long as the ring.
    Mapped(*const Label),
    /// Memory that counts like a slot, but that no reader sees.
    Private(Arc<Label>),
}

// SAFETY: the address is of atomic words in the mapping, which outlives the ring's state.
unsafe impl Send for Handle {}

impl Deref for Handle {
    type Target = Label;

    fn deref(&self) -> &Label {
        match self {
            // SAFETY: a slot of a usable segment, which is mapped as long as the ring.
            Handle::Mapped(label) => unsafe { &**label },
            Handle::Private(label) => label,
        }
    }
}

impl Default for Handle {
    /// A private label.
    fn default() -> Handle {
        Handle::Private(Arc::default())
    }
}

impl Handle {
    /// Counts events of the thread that found no segment: in its label, or in the file's status if it is private.
    pub fn lose(&self, events: u64, status: &Status) {
        match self {
            Handle::Mapped(_) => Label::lose(self, events),
            Handle::Private(_) => drop(status.lost.fetch_add(events, Ordering::Relaxed)),
        }
    }

    /// Forgets the label's thread or task, and adds its counts to the file's status. Returns the slot if it is in the
    /// file. A thread without events is not counted, because nothing of it is missing.
    pub fn forget(self, status: &Status) -> Option<Handle> {
        let is_thread = self.head.load(Ordering::Relaxed) as u8 == LabelKind::Thread as u8;
        let (events, lost) = (self.events.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed));
        self.free();
        for (total, here) in [
            (&status.forgotten_threads, u64::from(is_thread && events > 0)),
            (&status.forgotten_events, events),
            (&status.forgotten_tasks, u64::from(!is_thread)),
            (&status.lost, lost),
        ] {
            total.fetch_add(here, Ordering::Relaxed);
        }
        matches!(self, Handle::Mapped(_)).then_some(self)
    }
}
