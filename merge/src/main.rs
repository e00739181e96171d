//! The program `viztracer-merge`: signals and exit status around [`viztracer_merge::command`].

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    let ignored = ignored_signals();
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & 1 << (signal - 1) == 0) {
        // Without a handler the signal ends the program at once, which may only leave a temporary file behind.
        drop(signal_hook::flag::register(signal, Arc::clone(&interrupted)));
    }
    // So that a report that the limit of file sizes does not allow fails like one for which the disk has no space.
    drop(signal_hook::flag::register(SIGXFSZ, Arc::default()));
    let asked = move || interrupted.load(Ordering::Relaxed);
    ExitCode::from(viztracer_merge::command(std::env::args_os(), &asked))
}

/// The signals that this process ignores from its start on, such as SIGHUP under `nohup`: bit N - 1 stands for signal
/// N. Linux shows them in /proc; elsewhere the result is 0.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
