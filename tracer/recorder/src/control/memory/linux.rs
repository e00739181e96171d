//! Named shared memory, which is a directory of files on Linux. What is there stays until somebody removes it, or the
//! machine stops.

use shared_memory::{Shmem, ShmemConf, ShmemError};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

/// A mapped block.
pub struct Memory(Shmem);

/// The directory of the blocks.
pub fn directory() -> PathBuf {
    PathBuf::from("/dev/shm")
}

/// Makes a block of these bytes. It is removed with what this returns, unless that is kept.
pub fn create(name: &str, bytes: &[u8]) -> io::Result<Memory> {
    let memory = ShmemConf::new().size(bytes.len()).os_id(name).create().map_err(other)?;
    // A page that does not exist yet costs SIGBUS when memory is full; writing it costs an error.
    let mut file = OpenOptions::new().write(true).open(directory().join(name))?;
    file.write_all(bytes)?;
    Ok(Memory(memory))
}

/// Maps the block with this name.
pub fn map(name: &str) -> io::Result<Memory> {
    ShmemConf::new().os_id(name).open().map(Memory).map_err(other)
}

impl Memory {
    /// Lets the block stay when this goes.
    pub fn keep(&mut self) {
        self.0.set_owner(false);
    }

    /// The first byte.
    pub fn base(&self) -> *mut u8 {
        self.0.as_ptr()
    }

    /// The number of bytes.
    pub fn length(&self) -> usize {
        self.0.len()
    }
}

fn other(error: ShmemError) -> io::Error {
    match error {
        ShmemError::MapCreateFailed(number)
        | ShmemError::MapOpenFailed(number)
        | ShmemError::UnknownOsError(number) => io::Error::from_raw_os_error(number as i32),
        error => io::Error::other(error.to_string()),
    }
}
