//! The program `viztracer-merge`: signals and exit status around [`viztracer_merge::command`].

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Without a handler the signal ends the program at once, which may only leave a temporary file behind.
        drop(signal_hook::flag::register(signal, Arc::clone(&interrupted)));
    }
    let asked = move || interrupted.load(Ordering::Relaxed);
    ExitCode::from(viztracer_merge::command(std::env::args_os(), &asked))
}
