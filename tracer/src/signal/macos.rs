//! macOS. A thread's id here is the name of its port.

use std::ffi::c_int;
use std::mem;
use std::ptr;
use std::slice;

/// Signals that are sent to a process, to end it or to remind it of something.
pub const SENT: [c_int; 13] = [
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
];

/// `si_code` of a signal that a thread was sent by [`send`]: `SI_USER`, as of one that another process sends.
pub const SENT_TO_THREAD: c_int = 0x10001;

/// waitpid(2) returns all children.
pub const ANY_CHILD: c_int = 0;

unsafe extern "C" {
    /// The system call below pthread_kill(3), which takes a port.
    fn __pthread_kill(thread: libc::mach_port_t, signal: c_int) -> c_int;

    /// The system call below fork(2).
    fn __fork() -> libc::pid_t;
}

/// Sends a signal to a thread of this process; 0 only asks for the thread. Returns whether it is there.
pub fn send(signal: c_int, thread: i32) -> bool {
    // SAFETY: two numbers.
    unsafe { __pthread_kill(thread.cast_unsigned(), signal) == 0 }
}

/// Returns the id of the calling thread.
pub fn tid() -> i32 {
    // SAFETY: takes nothing.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: the calling thread lives.
    unsafe { libc::pthread_mach_thread_np(this) }.cast_signed()
}

/// Where the calling thread has its errno.
pub fn errno_location() -> *mut c_int {
    // SAFETY: takes nothing.
    unsafe { libc::__error() }
}

/// Calls `visit` with the id of each thread of this process, which is about to end: rights to the ports stay with it.
pub fn for_each_thread(visit: impl FnMut(i32)) {
    let (mut threads, mut count) = (ptr::null_mut(), 0);
    #[expect(deprecated, reason = "the crate mach2 has nothing else that is needed here")]
    // SAFETY: the port of this process.
    let this = unsafe { libc::mach_task_self() };
    // SAFETY: the kernel stores the address of new memory and how many threads are there.
    if unsafe { libc::task_threads(this, &raw mut threads, &raw mut count) } != libc::KERN_SUCCESS {
        return;
    }
    // SAFETY: as many ports as the kernel says; the memory stays until the process ends.
    let threads = unsafe { slice::from_raw_parts(threads, count as usize) };
    threads.iter().map(|thread| thread.cast_signed()).for_each(visit);
}

/// Copies the process. Returns 0 in the copy, and in the process the pid of the copy, or a negative number.
///
/// fork(2) would call the handlers of pthread_atfork(3), which take locks that the thread may hold: this may be called
/// in a signal handler.
pub fn copy_process() -> libc::pid_t {
    // SAFETY: the copy calls only what a signal handler may call.
    unsafe { __fork() }
}

/// Waits so long for one of these signals, which are blocked, and takes it. Returns whether one has come.
pub fn await_signal(signals: &libc::sigset_t, pause: &libc::timespec) -> bool {
    // SAFETY: a time; how much of it is left is not asked for.
    unsafe { libc::nanosleep(pause, ptr::null_mut()) };
    // SAFETY: a set is a number, for which zero is valid.
    let mut pending: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: a set to write to.
    unsafe { libc::sigpending(&raw mut pending) };
    let common = pending & signals;
    let mut signal = 0;
    // SAFETY: a set of signals that are blocked and have come, and a number to write to.
    common != 0 && unsafe { libc::sigwait(&raw const common, &raw mut signal) } == 0
}
