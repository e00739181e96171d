//! Linux.

use rustix::fs::{self as unix, Mode, OFlags, RawDir};
use std::ffi::{CStr, c_int, c_long};
use std::mem::MaybeUninit;
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

/// `si_code` of a signal that a thread was sent by [`send`].
pub const SENT_TO_THREAD: c_int = libc::SI_TKILL;

/// Has waitpid(2) return children without a signal for their end, too.
pub const ANY_CHILD: c_int = libc::__WALL;

/// Sends a signal to a thread of this process; 0 only asks for the thread. Returns whether it is there.
pub fn send(signal: c_int, thread: i32) -> bool {
    // SAFETY: takes nothing and cannot fail.
    let process = unsafe { libc::getpid() };
    let [process, thread, signal] = [process, thread, signal].map(c_long::from);
    // SAFETY: three integers.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) == 0 }
}

/// Returns the id of the calling thread.
pub fn tid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::gettid() }
}

/// Where the calling thread has its errno.
pub fn errno_location() -> *mut c_int {
    // SAFETY: takes nothing.
    unsafe { libc::__errno_location() }
}

/// Calls `visit` with the id of each thread of this process.
pub fn for_each_thread(mut visit: impl FnMut(i32)) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(threads) = unix::open(c"/proc/self/task", flags, Mode::empty()) else { return };
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(threads, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        number(entry.file_name()).into_iter().for_each(&mut visit);
    }
}

fn number(name: &CStr) -> Option<i32> {
    name.to_str().ok()?.parse().ok()
}

/// Copies the process. Returns 0 in the copy, and in the process the pid of the copy, or a negative number. A copy that
/// ends sends no signal.
pub fn copy_process() -> libc::pid_t {
    const NO_FLAGS: c_long = 0; // a copy of the process, as fork(2) makes it
    // SAFETY: the system call alone; fork(3) would also call what was registered by pthread_atfork, which takes locks.
    let copy = unsafe { libc::syscall(libc::SYS_clone, NO_FLAGS, NO_FLAGS, NO_FLAGS, NO_FLAGS, NO_FLAGS) };
    copy as libc::pid_t
}

/// Waits so long for one of these signals, which are blocked, and takes it. Returns whether one has come.
pub fn await_signal(signals: &libc::sigset_t, pause: &libc::timespec) -> bool {
    // SAFETY: an initialized set and a time; nothing is asked about the signal.
    unsafe { libc::sigtimedwait(signals, ptr::null_mut(), pause) > 0 }
}
