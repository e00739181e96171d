//! The program `viztracer-merge`: signals and exit status around [`viztracer_merge::command`].

#[cfg_attr(windows, path = "signals_on_windows.rs")]
mod signals;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn main() -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    signals::watch(&interrupted);
    let asked = move || interrupted.load(Ordering::Relaxed);
    ExitCode::from(viztracer_merge::command(std::env::args_os(), &asked))
}
