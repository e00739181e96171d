//! What may be asked and done about signals and the calling thread even in a signal handler: system calls alone.

use std::ffi::{c_int, c_long};
use std::mem;
use std::ptr;

/// Signals by which others end a process, or that remind it of something.
pub const SENT: [c_int; 15] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGPIPE,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGSTKFLT,
];
/// What a signal does.
pub fn disposition(signal: c_int) -> usize {
    let mut action = action(libc::SIG_DFL);
    // SAFETY: a valid signal and room for an action.
    unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    action.sa_sigaction
}

/// Sets what a signal does.
pub fn dispose(signal: c_int, what: usize) {
    // SAFETY: a valid signal and an initialized action.
    unsafe { libc::sigaction(signal, &action(what), ptr::null_mut()) };
}

/// An action during which every signal is blocked.
fn action(what: usize) -> libc::sigaction {
    // SAFETY: plain integers and a pointer that may be null.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = what;
    action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART | libc::SA_SIGINFO;
    // SAFETY: room for a set.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    action
}

/// Sends a signal to a thread of this process.
pub fn send(signal: c_int, thread: i32) {
    let [pid, thread, signal] = [pid(), thread, signal].map(c_long::from);
    // SAFETY: three integers; a thread that has ended meanwhile is an error that nobody looks at.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, signal) };
}

/// The calling thread's errno.
pub fn errno() -> c_int {
    // SAFETY: the calling thread's own.
    unsafe { *libc::__errno_location() }
}

/// Sets it.
pub fn set_errno(number: c_int) {
    // SAFETY: the calling thread's own.
    unsafe { *libc::__errno_location() = number };
}

/// This process's id.
pub fn pid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// This thread's id.
pub fn tid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::gettid() }
}
