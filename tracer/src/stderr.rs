//! The one line on stderr when tracing does not go on.

use crate::system;
use std::io::Write;
use std::sync::OnceLock;

/// Whether there was a stderr when this module was imported.
static STDERR: OnceLock<bool> = OnceLock::new();

/// Notes whether there is a stderr, when this module is imported: what the program does to it later does not count.
pub fn note_at_import() {
    STDERR.get_or_init(system::has_stderr);
}

/// Writes one line to stderr: why tracing does not go on. If the process began without a stderr, its descriptor may by
/// now be a file of the program.
pub fn complain(reason: &str) {
    if STDERR.get() == Some(&true) {
        let _ = writeln!(std::io::stderr(), "viztracer: {reason}");
    }
}
