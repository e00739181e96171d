//! The facts about this process that a ring file's header holds and the operating system knows.

use std::fs;
use viztracer_format::header::HOST_MAX;
use viztracer_format::process_stat::ProcessStat;

/// What distinguishes this process from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// ProcessFacts id.
    pub pid: u32,
    /// ProcessFacts id of the parent.
    pub parent_pid: u32,
    /// Start in clock ticks since boot: field 22 of `/proc/self/stat` (proc_pid_stat(5)); 0 if unknown.
    pub start: u64,
    /// Random number of this boot; zeros if unknown.
    pub boot_id: [u8; 16],
    /// The name of the machine, filled up with NUL (uname(2)).
    pub host: [u8; HOST_MAX],
    /// What the time namespace adds to `CLOCK_MONOTONIC`, in ns (time_namespaces(7)).
    pub monotonic_offset: i64,
    /// The command line, NUL after each argument.
    pub arguments: Vec<u8>,
}

impl ProcessFacts {
    /// The facts about the calling process.
    pub fn current() -> ProcessFacts {
        let read = |path| String::from_utf8(read(path)).unwrap_or_default();
        ProcessFacts {
            pid: std::process::id(),
            parent_pid: if cfg!(miri) { 0 } else { std::os::unix::process::parent_id() }, // Miri has no `getppid`
            start: ProcessStat::parse(&read("/proc/self/stat")).map_or(0, |stat| stat.start),
            host: host(),
            boot_id: uuid(&read("/proc/sys/kernel/random/boot_id")),
            monotonic_offset: monotonic_offset(&read("/proc/self/timens_offsets")),
            arguments: command_line(),
        }
    }
}

fn host() -> [u8; HOST_MAX] {
    let mut host = [0; HOST_MAX];
    if !cfg!(miri) {
        let names = rustix::system::uname();
        let name = names.nodename().to_bytes();
        let length = name.len().min(HOST_MAX);
        host[..length].copy_from_slice(&name[..length]);
    }
    host
}

/// The command line, NUL after each argument, as it is now: some programs write a title over it.
pub fn command_line() -> Vec<u8> {
    read("/proc/self/cmdline")
}

/// The content of a file that the kernel makes; empty if it cannot be read. Under Miri, which has no kernel, it is
/// empty.
fn read(path: &str) -> Vec<u8> {
    if cfg!(miri) { Vec::new() } else { fs::read(path).unwrap_or_default() }
}

/// The kernel's id of the calling thread.
pub fn current_tid() -> u64 {
    rustix::thread::gettid().as_raw_nonzero().get() as u64
}

/// 16 random bytes, zeros if the system has none.
pub fn random_id() -> [u8; 16] {
    let mut id = [0; 16];
    let _ = rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty());
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

fn monotonic_offset(offsets: &str) -> i64 {
    let mut fields = offsets.lines().find(|line| line.starts_with("monotonic")).unwrap_or_default().split_whitespace();
    let mut number = || fields.next().and_then(|field| field.parse::<i64>().ok()).unwrap_or(0);
    number(); // the name
    let (seconds, nanoseconds) = (number(), number());
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_process_is_known() {
        let process = ProcessFacts::current();
        assert!(process.start > 0 && process.boot_id != [0; 16] && !process.arguments.is_empty());
    }

    #[test]
    fn offsets_of_a_time_namespace() {
        assert_eq!(monotonic_offset("monotonic         100   5\nboottime 0 0\n"), 100_000_000_005);
        assert_eq!(monotonic_offset("monotonic         -3   0\n"), -3_000_000_000);
        assert_eq!(monotonic_offset(""), 0);
    }
}
