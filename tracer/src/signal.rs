//! System calls about signals and the calling thread, which a signal handler may make.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "macos")]
pub use macos::*;

use std::ffi::c_int;
use std::mem;
use std::ptr;

/// Signals by which processes are asked to end: who sends them knows why.
pub const ORDERLY: [c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGPIPE];

/// Signals that may ask for snapshots.
pub const ASKING: [(&str, c_int); 2] = [("SIGUSR1", libc::SIGUSR1), ("SIGUSR2", libc::SIGUSR2)];

/// The name of a signal that a snapshot may be for.
pub fn name(signal: c_int) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGALRM => "SIGALRM",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGKILL => "SIGKILL",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        _ => return None,
    })
}

/// Returns the action of a signal.
pub fn disposition(signal: c_int) -> usize {
    let mut action = action(libc::SIG_DFL);
    // SAFETY: a signal, and an action to write to.
    unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    action.sa_sigaction
}

/// Sets the action of a signal.
pub fn dispose(signal: c_int, what: usize) {
    // SAFETY: a valid signal and an initialized action.
    unsafe { libc::sigaction(signal, &action(what), ptr::null_mut()) };
}

/// Makes an action during which every signal is blocked.
fn action(what: usize) -> libc::sigaction {
    // SAFETY: plain integers and a pointer that may be null: zeros are valid.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = what;
    action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART | libc::SA_SIGINFO;
    // SAFETY: a set to write to.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    action
}

/// Returns the calling thread's errno.
pub fn errno() -> c_int {
    // SAFETY: the calling thread's own.
    unsafe { *errno_location() }
}

/// Sets the calling thread's errno.
pub fn set_errno(number: c_int) {
    // SAFETY: the calling thread's own.
    unsafe { *errno_location() = number };
}

/// Returns the id of this process.
pub fn pid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpid() }
}
