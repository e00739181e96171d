//! The last thing that the first process of a run does if it ends without Python: it has the report written, or says
//! how to get it.
//!
//! A command was prepared for that when the run began, and a line for the case that it fails. It all happens in a signal
//! handler, or inside of `os._exit`, and does only what a signal handler may do:
//!
//! ```text
//! stop the other threads, so that the program does nothing more than it would have done
//! start the command and wait for it: it writes the report
//! ```
//!
//! Who is told to end while it waits, by one more signal, ends at once. But not within a second of the first one:
//! terminals and supervisors send several at a time.

use crate::signal::{SENT, dispose, errno, pid, send, tid};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustix::fs::{self as unix, Mode, OFlags, RawDir};
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_long};
use std::mem::{self, MaybeUninit};
use std::os::unix::ffi::OsStringExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use viztracer_recorder::clock::monotonic;

/// Nanoseconds in which further signals are the same wish.
const SAME_WISH: u64 = 1_000_000_000;
/// Nanoseconds between two looks at the command.
const PATIENCE: c_long = 2_000_000;
/// What ends the waiting.
const IMPATIENT: [c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

/// The first process of the run.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// What it does; null: nothing.
static FAREWELL: AtomicPtr<Farewell> = AtomicPtr::new(ptr::null_mut());
/// Whether a thread is saying it already; others wait for the end.
static SAYING: AtomicBool = AtomicBool::new(false);
/// Whether one of those was told to end, too.
static AGAIN: AtomicBool = AtomicBool::new(false);

/// Arguments and environment as execve(2) takes them: each ends with a null pointer. They live for ever.
struct Farewell {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    line: Vec<u8>,
}

/// From now on, if this process ends without Python, the command is run first, and `line` written to stderr if that
/// fails or is interrupted. The first argument is the program's path, the environment is `NAME=value`. An empty command
/// leaves the line.
#[pyfunction]
pub fn arm_farewell(command: Vec<OsString>, environment: Vec<OsString>, line: OsString) -> PyResult<()> {
    let (arguments, environment, line) = (array(command)?, array(environment)?, line.into_vec());
    FIRST.store(pid(), Ordering::Relaxed);
    FAREWELL.store(Box::into_raw(Box::new(Farewell { arguments, environment, line })), Ordering::Release);
    Ok(())
}

/// From now on this process ends without ado.
#[pyfunction]
pub fn disarm_farewell() {
    FAREWELL.store(ptr::null_mut(), Ordering::Release);
}

/// The same as [`arm_farewell`] without a command, for a recording inside of a program. If the whole program is a run,
/// that one's farewell will do.
#[pyfunction]
pub fn arm_line(line: OsString) -> PyResult<()> {
    if is_due() { Ok(()) } else { arm_farewell(Vec::new(), Vec::new(), line) }
}

/// Takes back what [`arm_line`] did.
#[pyfunction]
pub fn disarm_line() {
    // SAFETY: null, or one that lives for ever.
    let armed = unsafe { FAREWELL.load(Ordering::Acquire).as_ref() };
    if armed.is_some_and(|farewell| farewell.arguments.len() < 2) {
        disarm_farewell();
    }
}

/// Whether this is the first process of a run that has not been reported yet.
pub fn is_due() -> bool {
    pid() == FIRST.load(Ordering::Relaxed) && !FAREWELL.load(Ordering::Acquire).is_null()
}

fn array(texts: Vec<OsString>) -> PyResult<Vec<*const c_char>> {
    let owned: Result<Vec<CString>, _> = texts.into_iter().map(|text| CString::new(text.into_vec())).collect();
    let owned = owned.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(owned.into_iter().map(|text| text.into_raw().cast_const()).chain([ptr::null()]).collect())
}

/// Says it, if it is due; the calling thread is about to end the process. Other threads are stopped by `signal`, which
/// our handler turns into a call of this, `from_us`. The calling thread has blocked all signals.
pub fn say(signal: Option<c_int>, from_us: bool) {
    if pid() != FIRST.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: null, or one that lives for ever.
    let Some(farewell) = (unsafe { FAREWELL.load(Ordering::Acquire).as_ref() }) else { return };
    if SAYING.swap(true, Ordering::Relaxed) {
        AGAIN.fetch_or(!from_us, Ordering::Relaxed);
        wait_for_the_end();
    }
    if let Some(signal) = signal {
        stop_other_threads(signal);
    }
    if !run(farewell) {
        // SAFETY: a living buffer. Nobody may be reading, so this must not wait: the line is short.
        unsafe { libc::write(libc::STDERR_FILENO, farewell.line.as_ptr().cast(), farewell.line.len()) };
    }
}

/// The same, where no signal is blocked.
pub fn say_undisturbed() {
    let (all, mut before) = (signals(true, &[]), signals(false, &[]));
    // SAFETY: an initialized set and room for another one.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
    say(None, false);
    // SAFETY: a set that was filled above; the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
}

fn wait_for_the_end() -> ! {
    loop {
        // SAFETY: takes nothing; every signal that could end it is blocked here.
        unsafe { libc::pause() };
    }
}

/// Sends the signal to the other threads, which then wait in the handler; but not those that block it.
fn stop_other_threads(signal: c_int) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(threads) = unix::open(c"/proc/self/task", flags, Mode::empty()) else { return };
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(threads, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        match number(entry.file_name()) {
            Some(thread) if thread != tid() => send(signal, thread),
            _ => {}
        }
    }
}

fn number(name: &CStr) -> Option<i32> {
    name.to_str().ok()?.parse().ok()
}

/// Runs the command and waits for its end; whether it ended well.
fn run(farewell: &Farewell) -> bool {
    const NO_FLAGS: c_long = 0; // a copy of the process, as fork(2) makes it
    if farewell.arguments.len() < 2 {
        return false;
    }
    // SAFETY: the system call alone; fork(3) would also call what was registered by pthread_atfork, which takes locks.
    match unsafe { libc::syscall(libc::SYS_clone, NO_FLAGS, NO_FLAGS, NO_FLAGS, NO_FLAGS, NO_FLAGS) } {
        0 => become_command(farewell),
        child if child > 0 => wait_for(child as libc::pid_t),
        _ => false, // no more processes
    }
}

/// The copy becomes the command. Signals that come again, to the whole process group, do not end it.
fn become_command(farewell: &Farewell) -> ! {
    for signal in SENT {
        dispose(signal, libc::SIG_IGN);
    }
    let nothing = signals(false, &[]);
    // SAFETY: an initialized set; the old one is not asked for. The caller's mask would outlive execve(2).
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &nothing, ptr::null_mut()) };
    let (arguments, environment) = (&farewell.arguments, &farewell.environment);
    // SAFETY: two arrays of C strings that end with a null pointer, and the first string of one.
    unsafe { libc::execve(arguments[0], arguments.as_ptr(), environment.as_ptr()) };
    // SAFETY: ends the copy without running anything of the program's.
    unsafe { libc::_exit(127) }
}

/// Waits for the command's end, or for one more signal that tells us to end; whether it ended well.
fn wait_for(child: libc::pid_t) -> bool {
    let (began, impatient) = (monotonic(), signals(false, &IMPATIENT));
    let mut status = 0;
    loop {
        // SAFETY: room for a status. __WALL: the child was made without a signal that tells its end.
        match unsafe { libc::waitpid(child, &mut status, libc::WNOHANG | libc::__WALL) } {
            0 => {}
            -1 if errno() == libc::EINTR => {}
            ended => return ended == child && status == 0,
        }
        let pause = libc::timespec { tv_sec: 0, tv_nsec: PATIENCE };
        // SAFETY: an initialized set and a time; nothing is asked about the signal.
        let signal = unsafe { libc::sigtimedwait(&impatient, ptr::null_mut(), &pause) };
        let again = AGAIN.swap(false, Ordering::Relaxed) || signal > 0;
        if again && monotonic() - began > SAME_WISH {
            // SAFETY: our own child, which has not been waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: the same; its status is not asked for.
            unsafe { libc::waitpid(child, ptr::null_mut(), libc::__WALL) };
            return false;
        }
    }
}

/// All signals, or these.
fn signals(all: bool, some: &[c_int]) -> libc::sigset_t {
    // SAFETY: plain integers.
    let mut set = unsafe { mem::zeroed() };
    // SAFETY: room for a set.
    unsafe { if all { libc::sigfillset(&mut set) } else { libc::sigemptyset(&mut set) } };
    for signal in some {
        // SAFETY: an initialized set and a valid signal.
        unsafe { libc::sigaddset(&mut set, *signal) };
    }
    set
}
