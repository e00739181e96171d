//! Linux.

use super::unix::nanoseconds;
pub use super::unix::{
    host, identity, is_linked, is_private, open_unfollowed, parent_pid, processor_time, read_at, realtime,
    recorded_error, replace_by_memory, source_identity, thread_time, try_lock,
};
use rustix::time::ClockId;
use std::fs;
use std::os::unix::fs::MetadataExt;
use viztracer_format::process_stat::ProcessStat;

/// `CLOCK_MONOTONIC`, in ns.
#[inline]
pub fn monotonic() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// What the kernel takes its time from; empty if it does not say. Only a counter that it trusts itself is used.
pub fn clock_source() -> Option<String> {
    let source = fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    Some(source.map(|source| source.trim().to_owned()).unwrap_or_default())
}

/// The start of this process in clock ticks since boot: field 22 of `/proc/self/stat` (proc_pid_stat(5)); 0 if unknown.
pub fn process_start() -> u64 {
    ProcessStat::parse(&text("/proc/self/stat")).map_or(0, |stat| stat.start)
}

/// The random number of this boot, in hexadecimal digits; empty if unknown.
pub fn boot_id() -> String {
    text("/proc/sys/kernel/random/boot_id")
}

/// The pid namespace of this process; 0 if unknown.
pub fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
}

/// What the time namespace adds to the monotonic clock, in ns (time_namespaces(7)).
pub fn monotonic_offset() -> i64 {
    offset(&text("/proc/self/timens_offsets"))
}

fn offset(offsets: &str) -> i64 {
    let mut fields = offsets.lines().find(|line| line.starts_with("monotonic")).unwrap_or_default().split_whitespace();
    let mut number = || fields.next().and_then(|field| field.parse::<i64>().ok()).unwrap_or(0);
    number(); // the name
    let (seconds, nanoseconds) = (number(), number());
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// The command line, NUL after each argument, as it is now: some programs write a title over it.
pub fn command_line() -> Vec<u8> {
    read("/proc/self/cmdline")
}

/// The kernel's id of the calling thread.
pub fn current_tid() -> u64 {
    rustix::thread::gettid().as_raw_nonzero().get() as u64
}

/// Fills the bytes at random; leaves them if the system cannot.
pub fn fill_at_random(bytes: &mut [u8]) {
    let _ = rustix::rand::getrandom(bytes, rustix::rand::GetRandomFlags::empty());
}

/// The content of a file that the kernel makes; empty if it cannot be read. Under Miri, which has no kernel, it is
/// empty.
fn read(path: &str) -> Vec<u8> {
    if cfg!(miri) { Vec::new() } else { fs::read(path).unwrap_or_default() }
}

fn text(path: &str) -> String {
    String::from_utf8(read(path)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_a_time_namespace() {
        assert_eq!(offset("monotonic         100   5\nboottime 0 0\n"), 100_000_000_005);
        assert_eq!(offset("monotonic         -3   0\n"), -3_000_000_000);
        assert_eq!(offset(""), 0);
    }
}
