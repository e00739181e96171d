//! What workers need of a file. The first worker that comes to one of its parts loads it, the last use drops it.

use super::part::Part;
use crate::parallel::lock::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The loaded state of each file.
pub struct LoadedFiles<T> {
    slots: Vec<Slot<T>>,
}

struct Slot<T> {
    uses_left: AtomicUsize,
    loaded: Mutex<Option<Arc<T>>>,
}

impl<T> LoadedFiles<T> {
    /// Prepares `count` files, each of which is needed `uses` times for each of its parts.
    pub fn new(count: usize, parts: &[Part], uses: usize) -> LoadedFiles<T> {
        let slot = |_| Slot { uses_left: AtomicUsize::new(0), loaded: Mutex::new(None) };
        let slots: Vec<Slot<T>> = (0..count).map(slot).collect();
        for part in parts {
            slots[part.file].uses_left.fetch_add(uses, Ordering::Relaxed);
        }
        LoadedFiles { slots }
    }

    /// Calls `work` with the loaded state of the part's file.
    pub fn with<R>(&self, part: &Part, load: impl FnOnce() -> T, work: impl FnOnce(&T) -> R) -> R {
        let slot = &self.slots[part.file];
        let loaded = Arc::clone(lock(&slot.loaded).get_or_insert_with(|| Arc::new(load())));
        let result = work(&loaded);
        drop(loaded);
        if slot.uses_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            *lock(&slot.loaded) = None;
        }
        result
    }
}
