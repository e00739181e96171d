//! How the children of the process ended: the file tells of the newest of them, so a server that starts children for a
//! month takes no more room than the labels of that many.

use crate::clock::monotonic;
use crate::labels::Handle;
use crate::ring::{Memory, Ring};
use std::collections::VecDeque;
use viztracer_format::labels::LabelKind;
use viztracer_format::sync::Ordering;

/// Of so many children the file tells: half a megabyte. Who has more of them waits for most in order, and of those who
/// were killed the newest are asked about.
const CHILDREN_MAX: usize = 4096;

/// The labels of ended children, oldest first.
#[derive(Debug, Default)]
pub struct Children(VecDeque<Handle>);

impl Children {
    /// Writes the end of one more, perhaps in the place of the oldest one.
    pub fn ended<M: Memory>(&mut self, ring: &Ring<M>, pid: u32, status: u32) {
        let fresh = if self.0.len() < CHILDREN_MAX { ring.free_label() } else { None };
        let is_fresh = fresh.is_some();
        let label = fresh.or_else(|| self.0.pop_front());
        if !is_fresh {
            ring.memory().status().forgotten_children.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(label) = label {
            label.take(LabelKind::Child, pid, status.into(), monotonic());
            self.0.push_back(label);
        }
    }
}
