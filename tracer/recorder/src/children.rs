//! The ends of the process's children. The file keeps the newest of them, so a server that starts children for a month
//! needs no more space than for [`CHILDREN_MAX`] labels.

use crate::clock::monotonic;
use crate::labels::Handle;
use crate::ring::{Memory, Ring};
use std::collections::VecDeque;
use viztracer_format::labels::LabelKind;
use viztracer_format::sync::Ordering;

/// The most ended children that the file keeps, in half a megabyte. A process with more of them waits for most in
/// order, and of killed ones the newest matter.
const CHILDREN_MAX: usize = 4096;

/// The labels of ended children, oldest first.
#[derive(Debug, Default)]
pub struct Children(VecDeque<Handle>);

impl Children {
    /// Writes the end of one more child, over the oldest one's if there is no free label.
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
