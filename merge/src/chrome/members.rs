//! What events have beside the usual, on its way to the store.

use super::event::are_members;
use super::sort::IN_MEMORY;
use crate::storage::store::{Region, Store};
use std::collections::HashMap;
use std::io;

/// The further members of all events of a document.
pub struct Members<'a> {
    store: &'a Store,
    /// The room for `block`.
    room: Region,
    block: Vec<u8>,
    /// Texts that come again and again, such as a category, stay in memory.
    short: HashMap<Box<[u8]>, u64>,
}

/// Bytes that are written at once.
const BLOCK: usize = 1 << 20;
/// Texts as short as this stay in memory, if they are among the first so many.
const SHORT: usize = 64;
const SHORT_MAX: usize = 256;

impl<'a> Members<'a> {
    /// None yet.
    pub fn new(store: &'a Store) -> Members<'a> {
        Members { store, room: Region::default(), block: Vec::new(), short: HashMap::new() }
    }

    /// Keeps a text, if it is JSON.
    pub fn keep(&mut self, text: &[u8]) -> io::Result<Option<Region>> {
        let length = text.len() as u64;
        if text.is_empty() {
            return Ok(Some(Region::default()));
        }
        if let Some(place) = self.short.get(text).filter(|_| text.len() <= SHORT) {
            return Ok(Some(Region { at: IN_MEMORY | place, length }));
        }
        if !are_members(text) {
            return Ok(None);
        }
        if text.len() > SHORT || self.short.len() == SHORT_MAX {
            return self.put(text).map(Some);
        }
        let place = self.short.len() as u64;
        self.short.insert(text.into(), place);
        Ok(Some(Region { at: IN_MEMORY | place, length }))
    }

    fn put(&mut self, text: &[u8]) -> io::Result<Region> {
        if text.len() > BLOCK {
            return self.store.append(text);
        }
        if self.block.len() + text.len() > self.room.length as usize {
            self.finish()?;
            self.room = self.store.reserve(BLOCK as u64);
        }
        let region = Region { at: self.room.at + self.block.len() as u64, length: text.len() as u64 };
        self.block.extend_from_slice(text);
        Ok(region)
    }

    /// A text that was kept, once all are [`finish`](Members::finish)ed.
    pub fn get(&self, Region { at, length }: Region) -> io::Result<Vec<u8>> {
        if at & IN_MEMORY != 0 {
            let text = self.short.iter().find(|(_, place)| **place == at ^ IN_MEMORY).map(|(text, _)| text.to_vec());
            return Ok(text.unwrap_or_default());
        }
        let mut text = vec![0; length as usize];
        self.store.read(at, &mut text)?;
        Ok(text)
    }

    /// The texts in memory, by place.
    pub fn short(&mut self) -> Vec<Box<[u8]>> {
        let mut short: Vec<_> = std::mem::take(&mut self.short).into_iter().collect();
        short.sort_unstable_by_key(|(_, place)| *place);
        short.into_iter().map(|(text, _)| text).collect()
    }

    /// Writes what was not written yet.
    pub fn finish(&mut self) -> io::Result<()> {
        self.store.write(self.room.at, &self.block)?;
        self.block.clear();
        self.room = Region::default();
        Ok(())
    }
}
