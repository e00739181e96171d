//! The events of each thread in the store, in chunks that are read at once when the report is written.

use super::images::{Images, Owner};
use super::sort::StoredEvent;
use crate::plan::file::{Calls, Records};
use crate::storage::store::Store;
use std::io;

/// Events in a chunk.
const CHUNK: usize = 4096;

/// Writes sorted events to the store, a chunk of one thread at a time.
pub struct Chunks<'a> {
    store: &'a Store,
    /// The events of the current chunk.
    events: Vec<StoredEvent>,
    /// The thread that they are of.
    owner: Option<Owner>,
}

impl<'a> Chunks<'a> {
    /// Makes chunks in this store.
    pub fn new(store: &'a Store) -> Chunks<'a> {
        Chunks { store, events: Vec::with_capacity(CHUNK), owner: None }
    }

    /// Takes the next event of a thread.
    pub fn push(&mut self, event: StoredEvent, owner: Owner, images: &mut Images) -> io::Result<()> {
        let is_same_thread = self.owner.is_some_and(|current| current.is_same_thread(owner));
        if self.events.len() == CHUNK || !is_same_thread {
            self.finish(images)?;
            self.owner = Some(owner);
        }
        self.events.push(event);
        Ok(())
    }

    /// Writes the current chunk and plans its calls.
    pub fn finish(&mut self, images: &mut Images) -> io::Result<()> {
        if let Some(owner) = self.owner.filter(|_| !self.events.is_empty()) {
            let region = self.store.append(bytemuck::cast_slice(&self.events))?;
            let (records, events) = (Records::Stored(region.at), self.events.len() as u32);
            images.all[owner.image].calls.push(Calls { records, thread: owner.thread, events });
        }
        self.events.clear();
        Ok(())
    }
}
