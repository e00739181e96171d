//! The lock on a file by which others see that its writer lives.

use crate::system::try_lock;
use std::fs::File;
use std::io;
use std::thread::sleep;
use std::time::Duration;

/// How often a lock is tried, a millisecond apart.
const LOCK_ATTEMPTS: u32 = 50;

/// Locks a file of this process. Somebody who looks whether the lock is free has it for some microseconds, so this
/// tries again for a while.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    for _ in 0..LOCK_ATTEMPTS {
        if try_lock(file)? {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
    Err(io::ErrorKind::WouldBlock.into())
}
