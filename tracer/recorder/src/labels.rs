//! Who gets which label: the slots in which the file tells of threads and tasks.
//!
//! A label is used again once nothing in the file speaks of its thread or task any more. So when one ends, its label
//! goes with the segment in which its last record stands, and is free when that segment is recycled: the segments that
//! it filled before were sealed before, and so are recycled before.

use std::ops::Deref;
use std::sync::Arc;
use viztracer_format::header::Status;
use viztracer_format::labels::{Label, LabelKind};
use viztracer_format::sync::Ordering;

/// A label in use: in the file, or in private memory when the file has no room for it. A clone is of the same label.
#[derive(Clone, Debug)]
pub enum Handle {
    /// A slot of a LABELS segment; it stays valid as long as the ring.
    Mapped(*const Label),
    /// Counts like one, but no reader sees it.
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
    /// A private one.
    fn default() -> Handle {
        Handle::Private(Arc::default())
    }
}

impl Handle {
    /// Adds events of the thread that found no room: to its label, or where those without one are counted.
    pub fn lose(&self, events: u64, status: &Status) {
        match self {
            Handle::Mapped(_) => Label::lose(self, events),
            Handle::Private(_) => drop(status.lost.fetch_add(events, Ordering::Relaxed)),
        }
    }

    /// The label's thread or task is forgotten, but not how many events there were; gives the slot if it is one. Threads
    /// without events are not counted: nothing of them is missing.
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
