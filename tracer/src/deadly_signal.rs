//! The report of a first process that a signal ends: SIGTERM, SIGHUP, or SIGINT where Python leaves it alone.
//!
//! The default action of these ends a process at once: nothing of Python's runs, nobody writes the report. So while a
//! run is armed, a handler stands in the place of the default action. It may find its thread anywhere, with any lock
//! held and with the GIL or without, and does only what a signal handler may do:
//!
//! ```text
//! stop the other threads, so that the program does nothing more than it would have done
//! start the command that was prepared when the run began, and wait for it: it writes the report
//! put the default action back and send the signal again: the process ends by it
//! ```
//!
//! Python does not know of the handler: `signal.getsignal`, whose table is filled when the interpreter starts, says
//! `SIG_DFL`. A handler of the program's replaces ours. A program that sets `SIG_DFL` itself gets just that: it ends at
//! once, and its ring files stay. Forked children inherit the handler, and end by the signal without ado.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustix::fs::{self as unix, Mode, OFlags, RawDir};
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_long};
use std::mem::{self, MaybeUninit};
use std::os::unix::ffi::OsStringExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

const SIGNALS: [c_int; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

/// The process for which the command is run.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// What to run; null: nothing.
static COMMAND: AtomicPtr<Command> = AtomicPtr::new(ptr::null_mut());
/// Whether a thread is in the handler already; others wait there for the end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Arguments and environment as execve(2) takes them: each ends with a null pointer. They live for ever.
struct Command {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
}

/// From now on, a signal that ends this process by default has this command run first. The first argument is the
/// program's path, the environment is `NAME=value`.
#[pyfunction]
pub fn arm_deadly_signals(command: Vec<OsString>, environment: Vec<OsString>) -> PyResult<()> {
    let pid = std::process::id() as i32;
    if pid == 1 {
        return Ok(()); // the first process of a container does not end by a default action
    }
    let command = Command { arguments: array(command)?, environment: array(environment)? };
    FIRST.store(pid, Ordering::Relaxed);
    COMMAND.store(Box::into_raw(Box::new(command)), Ordering::Release);
    for signal in SIGNALS {
        if disposition(signal) == libc::SIG_DFL {
            dispose(signal, handle as extern "C" fn(c_int) as usize);
        }
    }
    Ok(())
}

/// From now on such a signal ends the process at once.
#[pyfunction]
pub fn disarm_deadly_signals() {
    COMMAND.store(ptr::null_mut(), Ordering::Release);
}

fn array(texts: Vec<OsString>) -> PyResult<Vec<*const c_char>> {
    let owned: Result<Vec<CString>, _> = texts.into_iter().map(|text| CString::new(text.into_vec())).collect();
    let owned = owned.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(owned.into_iter().map(|text| text.into_raw().cast_const()).chain([ptr::null()]).collect())
}

extern "C" fn handle(signal: c_int) {
    if pid() == FIRST.load(Ordering::Relaxed) {
        if ENDING.swap(true, Ordering::Relaxed) {
            wait_for_the_end();
        }
        // SAFETY: null, or a command that lives for ever.
        if let Some(command) = unsafe { COMMAND.load(Ordering::Acquire).as_ref() } {
            stop_other_threads(signal);
            run(command);
        }
    }
    dispose(signal, libc::SIG_DFL);
    send(signal, tid()); // is delivered when this handler returns, since until then it is blocked
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

/// Runs the command and waits for its end.
fn run(command: &Command) {
    const NO_FLAGS: c_long = 0; // a copy of the process, as fork(2) makes it
    // SAFETY: the system call alone; fork(3) would also call what was registered by pthread_atfork, which takes locks.
    match unsafe { libc::syscall(libc::SYS_clone, NO_FLAGS, NO_FLAGS, NO_FLAGS, NO_FLAGS, NO_FLAGS) } {
        0 => become_command(command),
        child if child > 0 => wait_for(child as libc::pid_t),
        _ => {} // no more processes: the ring files stay
    }
}

/// The copy becomes the command. Signals that come again, to the whole process group, do not end it.
fn become_command(command: &Command) -> ! {
    for signal in SIGNALS {
        dispose(signal, libc::SIG_IGN);
    }
    let nothing = no_signals();
    // SAFETY: an initialized set; the old one is not asked for. The handler's mask would outlive execve(2).
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &nothing, ptr::null_mut()) };
    // SAFETY: two arrays of C strings that end with a null pointer, and the first string of one.
    unsafe { libc::execve(command.arguments[0], command.arguments.as_ptr(), command.environment.as_ptr()) };
    // SAFETY: ends the copy without running anything of the program's.
    unsafe { libc::_exit(127) }
}

fn wait_for(child: libc::pid_t) {
    // SAFETY: the status is not asked for. __WALL: the child was made without a signal that tells its end.
    while unsafe { libc::waitpid(child, ptr::null_mut(), libc::__WALL) } < 0 && interrupted() {}
}

fn interrupted() -> bool {
    // SAFETY: the calling thread's own errno.
    unsafe { *libc::__errno_location() == libc::EINTR }
}

fn disposition(signal: c_int) -> usize {
    let mut action = action(libc::SIG_DFL);
    // SAFETY: a valid signal and room for an action.
    unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    action.sa_sigaction
}

fn dispose(signal: c_int, what: usize) {
    // SAFETY: a valid signal and an initialized action.
    unsafe { libc::sigaction(signal, &action(what), ptr::null_mut()) };
}

/// An action during which every signal is blocked.
fn action(what: usize) -> libc::sigaction {
    // SAFETY: plain integers and a pointer that may be null.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = what;
    action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: room for a set.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    action
}

fn no_signals() -> libc::sigset_t {
    // SAFETY: plain integers.
    let mut set = unsafe { mem::zeroed() };
    // SAFETY: room for a set.
    unsafe { libc::sigemptyset(&mut set) };
    set
}

fn send(signal: c_int, thread: i32) {
    let [pid, thread, signal] = [pid(), thread, signal].map(c_long::from);
    // SAFETY: three integers; a thread that has ended meanwhile is an error that nobody looks at.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, signal) };
}

fn pid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

fn tid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::gettid() }
}
