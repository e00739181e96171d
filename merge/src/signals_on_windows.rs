//! Signals that ask the program to stop, as far as Windows has them: Ctrl+C and Ctrl+Break.

use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Sets the flag when the user asks the program to stop.
pub fn watch(interrupted: &Arc<AtomicBool>) {
    for signal in [SIGINT, SIGTERM] {
        drop(signal_hook::flag::register(signal, Arc::clone(interrupted)));
    }
}
