//! The facts about this process that a ring file's header holds and the operating system knows.

use crate::system;
pub use crate::system::{command_line, current_tid};
use viztracer_format::header::HOST_MAX;

/// What distinguishes this process from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// The process's id.
    pub pid: u32,
    /// The parent's id.
    pub parent_pid: u32,
    /// Its start, in the system's own unit; 0 if unknown. Together with the pid it is that of no other process of the boot.
    pub start: u64,
    /// Random number of this boot; zeros if unknown.
    pub boot_id: [u8; 16],
    /// The name of the machine, filled up with NUL.
    pub host: [u8; HOST_MAX],
    /// What the time namespace adds to the monotonic clock, in ns.
    pub monotonic_offset: i64,
    /// The command line, NUL after each argument.
    pub arguments: Vec<u8>,
}

impl ProcessFacts {
    /// The facts about the calling process.
    pub fn current() -> ProcessFacts {
        ProcessFacts {
            pid: std::process::id(),
            parent_pid: system::parent_pid(),
            start: system::process_start(),
            host: system::host(),
            boot_id: uuid(&system::boot_id()),
            monotonic_offset: system::monotonic_offset(),
            arguments: command_line(),
        }
    }
}

/// 16 random bytes, zeros if the system has none.
pub fn random_id() -> [u8; 16] {
    let mut id = [0; 16];
    system::fill_at_random(&mut id);
    id
}

fn uuid(text: &str) -> [u8; 16] {
    let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&hex, 16).map_or([0; 16], |number| {
        let mut id = [0; 16];
        for (at, byte) in id.iter_mut().enumerate() {
            *byte = (number >> (120 - 8 * at)) as u8;
        }
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_process_is_known() {
        let process = ProcessFacts::current();
        assert!(process.start > 0 && !process.arguments.is_empty());
        assert_eq!(process.boot_id == [0; 16], cfg!(windows));
    }
}
