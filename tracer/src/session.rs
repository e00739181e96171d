//! The one recording that a process can have at a time, from `start` to `save`, and who may touch it.
//!
//! Hooks and `start`/`stop` hold the GIL. The lock is for the one who does not: a thread that ends, which gives its
//! recorder back, and for `fork`, which must not happen while somebody holds it.

use crate::filter::Filter;
use crate::{current, function, thread_name};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use viztracer_format::names::Function;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
use viztracer_recorder::{Inherited, Options, Recorder, RecorderError, ThreadRecorder};

static SESSION: RwLock<Option<Session>> = RwLock::new(None);
/// The number of the session in `SESSION`; thread recorders are valid only in their own.
static NUMBER: AtomicU64 = AtomicU64::new(0);
/// Grows with every `start`; function ids and the filter's decisions are valid only under their own.
static RULES: AtomicU64 = AtomicU64::new(0);
/// Whether events are to be recorded now.
static RECORDING: AtomicBool = AtomicBool::new(false);

/// A process's recording and its rules.
pub struct Session {
    recorder: Recorder,
    filter: Filter,
}

/// The number of the session that records now, 0 if none does.
pub fn current() -> u64 {
    if RECORDING.load(Ordering::Relaxed) { NUMBER.load(Ordering::Relaxed) } else { 0 }
}

/// The number of the rules that hold now.
pub fn rules() -> u64 {
    RULES.load(Ordering::Relaxed)
}

/// Begins to record: a new session if there is none, else the one there is goes on.
pub fn start(options: &Options, filter: Filter) -> Result<(), RecorderError> {
    let mut session = write();
    match &mut *session {
        Some(session) => {
            // What was open at the stop has ended unseen, or goes on as a call that began before this start.
            session.recorder.close_frames(Kind::Open);
            session.filter = filter;
        }
        None => {
            *session = Some(Session { recorder: Recorder::create(options.clone())?, filter });
            NUMBER.fetch_add(1, Ordering::Relaxed);
        }
    }
    RULES.fetch_add(1, Ordering::Relaxed);
    function::forget();
    RECORDING.store(true, Ordering::Relaxed);
    current::forget();
    Ok(())
}

/// Ends recording. Calls that are open stay so, or are recorded as if they returned now.
pub fn stop(finish_open_calls: bool) {
    RECORDING.store(false, Ordering::Relaxed);
    current::forget();
    if let Some(session) = read().as_ref().filter(|_| finish_open_calls) {
        session.recorder.close_frames(Kind::Return);
    }
}

/// Ends the session: seals the file and tells its path.
pub fn close() -> Option<PathBuf> {
    RECORDING.store(false, Ordering::Relaxed);
    current::forget();
    let session = write().take()?;
    let path = session.recorder.path().to_owned();
    session.recorder.close();
    Some(path)
}

/// Where the session's file is.
pub fn path() -> Option<PathBuf> {
    read().as_ref().map(|session| session.recorder.path().to_owned())
}

/// The error that ended the growth of the session's file, if one did.
pub fn failure() -> Option<i32> {
    read().as_ref().and_then(|session| session.recorder.failure())
}

/// Whether somebody has removed the session's file.
pub fn removed() -> bool {
    read().as_ref().is_some_and(|session| session.recorder.is_removed())
}

/// Marks this moment to align files by; tells whether another one was marked before, or that nothing is recorded.
pub fn mark_sync() -> Option<bool> {
    read().as_ref().map(|session| session.recorder.mark_sync())
}

/// The moment that was marked, in nanoseconds of `CLOCK_MONOTONIC`.
pub fn sync_marker() -> Option<u64> {
    read().as_ref().and_then(|session| session.recorder.sync_marker())
}

/// Writes the process's name.
pub fn name_process(name: &str) {
    if let Some(session) = &*read() {
        session.recorder.name_process(name);
    }
}

/// The id of a function.
pub fn function(function: &Function<'_>) -> u32 {
    read().as_ref().map_or(FUNCTION_UNKNOWN, |session| session.recorder.function(function))
}

/// Whether functions of this file are recorded.
pub fn includes(file: &str) -> bool {
    read().as_ref().is_some_and(|session| session.filter.includes(file))
}

/// The serial of a new asyncio task.
pub fn task(name: &str) -> Option<u32> {
    read().as_ref().map(|session| session.recorder.task(name))
}

/// Writes a task's name again.
pub fn name_task(serial: u32, name: &str) {
    if let Some(session) = &*read() {
        session.recorder.name_task(serial, name);
    }
}

/// A task has ended; the calling thread, whose recorder this is, was the last to run it.
pub fn end_task(serial: u32, recorder: &mut ThreadRecorder) {
    if let Some(session) = &*read() {
        session.recorder.end_task(serial, recorder);
    }
}

/// A recorder for the calling thread.
pub fn attach_thread() -> *mut ThreadRecorder {
    let Some(recorder) = read().as_ref().map(|session| session.recorder.attach()) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the recorder was just made for this thread.
    thread_name::name_current(unsafe { &*recorder }.serial());
    recorder
}

/// Writes a thread's name.
pub fn name_thread(serial: u32, name: &str) {
    if let Some(session) = &*read() {
        session.recorder.name_thread(serial, name);
    }
}

/// A thread ends, and with it its recorder, unless the session it was of has ended before.
pub fn retire_thread(session: u64, recorder: *mut ThreadRecorder) {
    let current = read();
    if NUMBER.load(Ordering::Relaxed) != session {
        return;
    }
    if let Some(session) = &*current {
        // SAFETY: recorders live as long as their session.
        session.recorder.retire(unsafe { &*recorder }.serial());
    }
}

/// What holds the session still while the process forks.
pub struct Held {
    session: RwLockWriteGuard<'static, Option<Session>>,
    inherited: Inherited,
}

/// The process is about to fork: notes what is open on the calling thread, and lets nobody change the session.
pub fn hold() -> Held {
    let session = write();
    let recorder = current::existing(NUMBER.load(Ordering::Relaxed));
    let inherited = match (&*session, recorder) {
        // SAFETY: the calling thread's own recorder, which it does not use meanwhile.
        (Some(session), Some(recorder)) => session.recorder.inherited(unsafe { &*recorder }),
        _ => Inherited::default(),
    };
    Held { session, inherited }
}

impl Held {
    /// In the child: lets go of the parent's file. Does only what a signal handler may do.
    pub fn release(self) -> Inherited {
        NUMBER.fetch_add(1, Ordering::Relaxed); // a thread that ends before `adopt` has no recorder to give back
        if let Some(session) = &*self.session {
            session.recorder.forget_descriptor();
        }
        self.inherited
    }
}

/// In a forked child: goes on in a file of its own, in which the parent's history is not repeated.
pub fn adopt(inherited: Inherited) -> Result<(), RecorderError> {
    let mut session = write();
    let Some(Session { recorder: parents, filter }) = session.take() else { return Ok(()) };
    let recorder = parents.fork();
    NUMBER.fetch_add(1, Ordering::Relaxed);
    RULES.fetch_add(1, Ordering::Relaxed);
    function::forget();
    *session = Some(Session { recorder: recorder.inspect_err(|_| RECORDING.store(false, Ordering::Relaxed))?, filter });
    drop(session);
    current::inherit(|recorder| {
        if let Some(session) = &*read() {
            session.recorder.inherit(recorder, inherited);
        }
    });
    Ok(())
}

fn read() -> RwLockReadGuard<'static, Option<Session>> {
    SESSION.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Option<Session>> {
    SESSION.write().unwrap_or_else(PoisonError::into_inner)
}
