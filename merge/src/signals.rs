//! Signals that ask the program to stop.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Sets the flag when the user or the system asks the program to stop.
pub fn watch(interrupted: &Arc<AtomicBool>) {
    let ignored = ignored_signals();
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & 1 << (signal - 1) == 0) {
        // Without a handler the signal ends the program at once, which may only leave a temporary file behind.
        drop(signal_hook::flag::register(signal, Arc::clone(interrupted)));
    }
    // So that a report that the limit of file sizes does not allow fails like one for which the disk has no space.
    drop(signal_hook::flag::register(SIGXFSZ, Arc::default()));
}

/// The signals that this process ignores from its start on, such as SIGHUP under `nohup`: bit N - 1 stands for signal
/// N. Linux shows them in /proc; elsewhere the result is 0.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
