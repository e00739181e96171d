//! What other systems have for signals: Windows has none, and nothing interrupts a thread.

use std::ffi::c_int;

/// No exit status of a child stands for a signal.
pub const ORDERLY: [c_int; 0] = [];

/// No signals ask for snapshots.
pub const ASKING: [(&str, c_int); 0] = [];

/// No signal has a name.
pub fn name(_: c_int) -> Option<&'static str> {
    None
}

/// There is no error number to keep for code that was interrupted.
pub fn errno() -> c_int {
    0
}

/// Does nothing, see [`errno`].
pub fn set_errno(_: c_int) {}

/// Returns the id of this process.
pub fn pid() -> i32 {
    std::process::id().cast_signed()
}
