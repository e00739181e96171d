//! System calls about signals and the calling thread, which a signal handler may make.

use std::ffi::{c_int, c_long};
use std::mem;
use std::ptr;

/// Signals that are sent to a process, to end it or to remind it of something.
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

/// Sends a signal to a thread of this process.
pub fn send(signal: c_int, thread: i32) {
    let [pid, thread, signal] = [pid(), thread, signal].map(c_long::from);
    // SAFETY: three integers. That the thread has ended meanwhile is an error, which is ignored.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, signal) };
}

/// Returns the calling thread's errno.
pub fn errno() -> c_int {
    // SAFETY: the calling thread's own.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's errno.
pub fn set_errno(number: c_int) {
    // SAFETY: the calling thread's own.
    unsafe { *libc::__errno_location() = number };
}

/// Returns the id of this process.
pub fn pid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// Returns the id of the calling thread.
pub fn tid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::gettid() }
}
