//! The start of one command.

use std::ffi::{c_char, c_int, c_void};

/// The descriptor under which the command has the directory.
pub const DIRECTORY: c_int = 3;

/// What both children need, and what they answer.
pub struct Job {
    pub arguments: *const *const c_char,
    pub environment: *const *const c_char,
    /// The top of the stack of the command before it is the command.
    #[cfg_attr(target_os = "macos", expect(dead_code, reason = "a copy of the process has a copy of its stack"))]
    pub stack_top: *mut c_void,
    /// What a child does to be the command. It returns only if that fails.
    pub become_command: extern "C" fn(*mut c_void) -> c_int,
    pub directory: *const c_char,
    /// Whether the command gets the standard error stream of this process.
    pub has_stderr: bool,
    /// The process id of the command, or -1.
    pub command: libc::pid_t,
    /// The error number of what failed, or 0.
    pub error: c_int,
    /// Whether what failed is the lock, which somebody else has.
    pub is_locked: bool,
}
