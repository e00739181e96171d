//! The report of a run whose first process ends without Python: it has the report written, or says how to get it.
//!
//! A command was prepared for that when the run began, and a line for the case that it fails. It all happens in a
//! signal handler, or inside of `os._exit`, and does only what a signal handler may do:
//!
//! ```text
//! stop the other threads, so that the program does nothing more than it would have done
//! start the command and wait for it: it writes the report
//! ```
//!
//! One more signal that asks the process to end ends the waiting. But not within a second of the first one: terminals
//! and supervisors send several at a time.

use crate::signal::{ANY_CHILD, SENT, await_signal, copy_process, dispose, errno, for_each_thread, pid, send, tid};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::{CString, OsString, c_char, c_int, c_long};
use std::mem;
use std::os::unix::ffi::OsStringExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use viztracer_recorder::clock::monotonic;

/// Nanoseconds in which further signals stand for the same request.
const SAME_REQUEST: u64 = 1_000_000_000;
/// Nanoseconds between two questions whether the command has ended.
const POLL_INTERVAL: c_long = 2_000_000;
/// Signals that end the waiting.
const REQUESTS: [c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

/// The pid of the first process of the run.
static FIRST_PROCESS: AtomicI32 = AtomicI32::new(0);
/// What is prepared for its end; null: nothing.
static PREPARED: AtomicPtr<ExitReport> = AtomicPtr::new(ptr::null_mut());
/// How many threads and signal handlers may be reading that.
static READERS: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread is at it already; others wait for the end.
static WRITING: AtomicBool = AtomicBool::new(false);
/// Whether one of those has got a signal of its own that asks the process to end.
static AGAIN: AtomicBool = AtomicBool::new(false);

/// Arguments and environment as execve(2) takes them: each ends with a null pointer.
struct ExitReport {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    line: Vec<u8>,
    /// What the pointers point to.
    _texts: Vec<CString>,
}

/// Prepares for an end of this process without Python: the command is run first, and `line` written to stderr if that
/// fails or is interrupted. The first argument is the program's path, the environment is `NAME=value`. With an empty
/// command, only the line is written.
#[pyfunction]
pub fn arm_exit_report(command: Vec<OsString>, environment: Vec<OsString>, line: OsString) -> PyResult<()> {
    let (mut texts, line) = (Vec::new(), line.into_vec());
    let (arguments, environment) = (array(command, &mut texts)?, array(environment, &mut texts)?);
    FIRST_PROCESS.store(pid(), Ordering::Relaxed);
    prepare(Box::into_raw(Box::new(ExitReport { arguments, environment, line, _texts: texts })));
    Ok(())
}

/// Replaces what is prepared. What was prepared before is freed, unless somebody may be reading it: then it stays.
fn prepare(report: *mut ExitReport) {
    let before = PREPARED.swap(report, Ordering::SeqCst);
    if !before.is_null() && READERS.load(Ordering::SeqCst) == 0 {
        // SAFETY: a box that nobody else has taken out. Who reads from now on finds the new one: readers are counted
        // before they look.
        drop(unsafe { Box::from_raw(before) });
    }
}

/// Works with what is prepared, if anything is.
fn with_prepared<T>(work: impl FnOnce(&ExitReport) -> T) -> Option<T> {
    READERS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: null, or a report that stays as long as a reader is counted.
    let result = unsafe { PREPARED.load(Ordering::SeqCst).as_ref() }.map(work);
    READERS.fetch_sub(1, Ordering::SeqCst);
    result
}

/// Takes back what [`arm_exit_report`] did.
#[pyfunction]
pub fn disarm_exit_report() {
    prepare(ptr::null_mut());
}

/// Prepares a line alone, for a recording inside of a program. Does nothing if the whole program is a run, for which
/// [`arm_exit_report`] was called.
#[pyfunction]
pub fn arm_exit_line(line: OsString) -> PyResult<()> {
    if is_armed() { Ok(()) } else { arm_exit_report(Vec::new(), Vec::new(), line) }
}

/// Takes back what [`arm_exit_line`] did.
#[pyfunction]
pub fn disarm_exit_line() {
    if with_prepared(|report| report.arguments.len() < 2) == Some(true) {
        disarm_exit_report();
    }
}

/// Whether this is the first process of a run whose report is not written yet.
pub fn is_armed() -> bool {
    pid() == FIRST_PROCESS.load(Ordering::Relaxed) && !PREPARED.load(Ordering::Acquire).is_null()
}

/// Makes an array of C strings, which it adds to those that are `kept`.
fn array(texts: Vec<OsString>, kept: &mut Vec<CString>) -> PyResult<Vec<*const c_char>> {
    let owned: Result<Vec<CString>, _> = texts.into_iter().map(|text| CString::new(text.into_vec())).collect();
    let owned = owned.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let array = owned.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
    kept.extend(owned);
    Ok(array)
}

/// Has the report written, or writes the line, if this process is prepared for that. The calling thread is about to end
/// the process and has blocked all signals. It stops the other threads by `signal`, which our handler turns into a call
/// of this, `from_us`.
pub fn write(signal: Option<c_int>, from_us: bool) {
    if pid() != FIRST_PROCESS.load(Ordering::Relaxed) {
        return;
    }
    with_prepared(|report| write_prepared(report, signal, from_us));
}

fn write_prepared(report: &ExitReport, signal: Option<c_int>, from_us: bool) {
    if WRITING.swap(true, Ordering::Relaxed) {
        AGAIN.fetch_or(!from_us, Ordering::Relaxed);
        wait_for_the_end();
    }
    if let Some(signal) = signal {
        stop_other_threads(signal);
    }
    if !run(report) {
        // SAFETY: a living buffer of that length. The line is short, so this does not wait for a reader.
        unsafe { libc::write(libc::STDERR_FILENO, report.line.as_ptr().cast(), report.line.len()) };
    }
}

/// Does the same as [`write`] for a thread that has blocked no signals.
pub fn write_undisturbed() {
    let (all, mut before) = (signals(true, &[]), signals(false, &[]));
    // SAFETY: two initialized sets.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
    write(None, false);
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
    let this = tid();
    for_each_thread(|thread| {
        if thread != this {
            send(signal, thread);
        }
    });
}

/// Runs the command and waits for its end. Returns whether it ended well.
fn run(report: &ExitReport) -> bool {
    if report.arguments.len() < 2 {
        return false;
    }
    match copy_process() {
        0 => become_command(report),
        child if child > 0 => wait_for(child),
        _ => false, // no more processes
    }
}

/// Makes the command of the copy. Signals that come again, to the whole process group, do not end it.
fn become_command(report: &ExitReport) -> ! {
    for signal in SENT {
        dispose(signal, libc::SIG_IGN);
    }
    let nothing = signals(false, &[]);
    // SAFETY: an initialized set; the old one is not asked for. The caller's mask would outlive execve(2).
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &nothing, ptr::null_mut()) };
    let (arguments, environment) = (&report.arguments, &report.environment);
    // SAFETY: two arrays of C strings that end with a null pointer, and the first string of one.
    unsafe { libc::execve(arguments[0], arguments.as_ptr(), environment.as_ptr()) };
    // SAFETY: ends the copy without running anything of the program's.
    unsafe { libc::_exit(127) }
}

/// Waits for the command's end, or for one more signal that asks the process to end. Returns whether the command ended
/// well.
fn wait_for(child: libc::pid_t) -> bool {
    let (began, requests) = (monotonic(), signals(false, &REQUESTS));
    let mut status = 0;
    loop {
        // SAFETY: a status to write to.
        match unsafe { libc::waitpid(child, &mut status, libc::WNOHANG | ANY_CHILD) } {
            0 => {}
            -1 if errno() == libc::EINTR => {}
            ended => return ended == child && status == 0,
        }
        let pause = libc::timespec { tv_sec: 0, tv_nsec: POLL_INTERVAL };
        let has_come = await_signal(&requests, &pause);
        let again = AGAIN.swap(false, Ordering::Relaxed) || has_come;
        if again && monotonic().saturating_sub(began) > SAME_REQUEST {
            // SAFETY: our own child, which has not been waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: the same; its status is not asked for.
            unsafe { libc::waitpid(child, ptr::null_mut(), ANY_CHILD) };
            return false;
        }
    }
}

/// Makes a set of all signals, or of these.
fn signals(all: bool, some: &[c_int]) -> libc::sigset_t {
    // SAFETY: a set is made of plain integers, for which zeros are valid.
    let mut set = unsafe { mem::zeroed() };
    // SAFETY: a set to write to.
    unsafe { if all { libc::sigfillset(&mut set) } else { libc::sigemptyset(&mut set) } };
    for signal in some {
        // SAFETY: an initialized set and a valid signal.
        unsafe { libc::sigaddset(&mut set, *signal) };
    }
    set
}
