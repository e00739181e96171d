//! The members of events that are kept as text, on their way to the store.

use super::event::are_members;
use super::sort::IN_MEMORY;
use crate::storage::store::{Region, Store};
use std::collections::HashMap;
use std::io;

/// The further members of all events of a document.
pub struct MemberStore<'a> {
    store: &'a Store,
    /// Where `block` will be in the store.
    reserved: Region,
    block: Vec<u8>,
    /// Indexes of texts that stay in memory, as they are common, such as a category.
    short: HashMap<Box<[u8]>, u64>,
}

/// Bytes that are written at once.
const BLOCK: usize = 1 << 20;
/// The first [`SHORT_MAX`] texts of up to so many bytes stay in memory.
const SHORT: usize = 64;
const SHORT_MAX: usize = 256;

impl<'a> MemberStore<'a> {
    /// Makes an empty list, whose texts are written to `store`.
    pub fn new(store: &'a Store) -> MemberStore<'a> {
        MemberStore { store, reserved: Region::default(), block: Vec::new(), short: HashMap::new() }
    }

    /// Keeps a text, and returns where it is; `None` if it is not JSON.
    pub fn keep(&mut self, text: &[u8]) -> io::Result<Option<Region>> {
        let length = text.len() as u64;
        if text.is_empty() {
            return Ok(Some(Region::default()));
        }
        if let Some(index) = self.short.get(text).filter(|_| text.len() <= SHORT) {
            return Ok(Some(Region { at: IN_MEMORY | index, length }));
        }
        if !are_members(text) {
            return Ok(None);
        }
        if text.len() > SHORT || self.short.len() == SHORT_MAX {
            return self.put(text).map(Some);
        }
        let index = self.short.len() as u64;
        self.short.insert(text.into(), index);
        Ok(Some(Region { at: IN_MEMORY | index, length }))
    }

    /// Appends a text to the block, or to the store if it is longer than a block.
    fn put(&mut self, text: &[u8]) -> io::Result<Region> {
        if text.len() > BLOCK {
            return self.store.append(text);
        }
        if self.block.len() + text.len() > self.reserved.length as usize {
            self.finish()?;
            self.reserved = self.store.reserve(BLOCK as u64);
        }
        let region = Region { at: self.reserved.at + self.block.len() as u64, length: text.len() as u64 };
        self.block.extend_from_slice(text);
        Ok(region)
    }

    /// Reads a text that was kept, once all are [`finish`](MemberStore::finish)ed.
    pub fn get(&self, Region { at, length }: Region) -> io::Result<Vec<u8>> {
        if at & IN_MEMORY != 0 {
            let text = self.short.iter().find(|(_, index)| **index == at ^ IN_MEMORY).map(|(text, _)| text.to_vec());
            return Ok(text.unwrap_or_default());
        }
        let mut text = vec![0; length as usize];
        self.store.read(at, &mut text)?;
        Ok(text)
    }

    /// The texts in memory, by index.
    pub fn short(&mut self) -> Vec<Box<[u8]>> {
        let mut short: Vec<_> = std::mem::take(&mut self.short).into_iter().collect();
        short.sort_unstable_by_key(|(_, index)| *index);
        short.into_iter().map(|(text, _)| text).collect()
    }

    /// Writes what is still in memory to the store, except short texts.
    pub fn finish(&mut self) -> io::Result<()> {
        self.store.write(self.reserved.at, &self.block)?;
        self.block.clear();
        self.reserved = Region::default();
        Ok(())
    }
}
