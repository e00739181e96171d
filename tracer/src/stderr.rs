//! The one line that is said on stderr when tracing does not go on.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::OnceLock;

/// Whether there was a stderr when this module was imported.
static STDERR: OnceLock<bool> = OnceLock::new();

/// Looks whether there is a stderr; when this module is imported, so that what the program does to it does not count.
pub fn look() {
    STDERR.get_or_init(|| std::io::stderr().as_fd().try_clone_to_owned().is_ok());
}

/// Says on stderr, in one line, why tracing does not go on. If the process began without a stderr, its number may by
/// now be that of a file of the program's.
pub fn complain(reason: &str) {
    if STDERR.get() == Some(&true) {
        let _ = writeln!(std::io::stderr(), "viztracer: {reason}");
    }
}
