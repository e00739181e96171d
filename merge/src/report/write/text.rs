//! The bytes of a report that is being written.

use std::io::{self, Write};

/// Text that grows at its end. Behind `len`, `bytes` is scratch for copies that write too much.
#[derive(Debug, Default)]
pub struct Text {
    pub(super) bytes: Vec<u8>,
    pub(super) len: usize,
}

impl Text {
    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Empties the text and keeps its memory.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends bytes as they are.
    #[inline(always)]
    pub fn put(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Replaces a byte by a space.
    pub fn blank(&mut self, at: usize) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = b' ';
        }
    }

    /// Sees to it that there are as many bytes of scratch behind what was written.
    #[inline]
    pub(super) fn reserve(&mut self, bytes: usize) {
        if self.bytes.len() - self.len < bytes {
            self.grow(bytes);
        }
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        let wanted = (self.len + bytes).max(self.bytes.len() * 2).max(4096);
        self.bytes.resize(wanted, 0);
    }
}

/// Writing to memory never fails.
impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
