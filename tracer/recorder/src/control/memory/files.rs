//! Files in a directory for temporary files, which is the user's own on macOS and on Windows. Shared memory of these
//! systems has no names that a list could find (macOS), or ends with the process that made it (Windows).

use crate::system::{create_private, temporary_directory};
use memmap2::{MmapOptions, MmapRaw};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// A mapped block.
pub struct Memory {
    map: MmapRaw,
    /// What to remove if the block is not kept.
    unkept: Option<PathBuf>,
}

/// The directory of the blocks.
pub fn directory() -> PathBuf {
    temporary_directory()
}

/// Makes a block of these bytes. It is removed with what this returns, unless that is kept.
pub fn create(name: &str, bytes: &[u8]) -> io::Result<Memory> {
    let path = directory().join(name);
    let mut file = create_private(&path)?;
    let written = file.write_all(bytes).and_then(|()| MmapOptions::new().len(bytes.len()).map_raw(&file));
    match written {
        Ok(map) => Ok(Memory { map, unkept: Some(path) }),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// Maps the block with this name.
pub fn map(name: &str) -> io::Result<Memory> {
    let file = OpenOptions::new().read(true).write(true).open(directory().join(name))?;
    Ok(Memory { map: MmapRaw::map_raw(&file)?, unkept: None })
}

impl Memory {
    /// Lets the block stay when this goes.
    pub fn keep(&mut self) {
        self.unkept = None;
    }

    /// The first byte.
    pub fn base(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    /// The number of bytes.
    pub fn length(&self) -> usize {
        self.map.len()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(path) = self.unkept.take() {
            let _ = fs::remove_file(path);
        }
    }
}
