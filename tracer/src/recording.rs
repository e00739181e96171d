//! The one recording that a process can have at a time: whose it is, its file, its rules.
//!
//! State and nothing else: what begins and ends a recording is in [`crate::process::lifecycle`], above this.
//!
//! **Why no thread uses memory that is gone.** A hook is a critical section of the GIL: between the moment when it finds
//! its thread's recorder and the moment when it leaves it, it runs no Python and keeps the GIL. [`take`] is called with
//! the GIL held, too. So when it has said that nothing records, no hook is inside, and each that comes later finds
//! that out; only then is anything freed. The lock is for those who come without the GIL: a thread that ends and gives
//! its recorder back, and `fork`.

use crate::filter::Filter;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, shared};
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::PoisonError;
use viztracer_format::names::Function;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
use viztracer_recorder::{Inherited, Options, Recorder, RecorderError, ThreadRecorder};

shared! {
    static STATE: Mutex<State> = Mutex::new(State::NOTHING);
    /// Is told when a file has been closed.
    static CLOSED: Condvar = Condvar::new();
    /// The number of the newest recording; thread recorders are valid only in their own.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    /// Grows with every start; function ids and the filter's decisions are valid only under their own.
    static RULES: AtomicU64 = AtomicU64::new(0);
    /// Whether events are to be recorded now.
    static RECORDING: AtomicBool = AtomicBool::new(false);
    /// Whether this process was forked and has no file of its own yet.
    static FORKED: AtomicBool = AtomicBool::new(false);
}

struct State {
    owner: Option<Owner>,
    recording: Option<Recording>,
    /// The files of tracers that had stopped and not saved when another one began.
    set_aside: Vec<(u64, PathBuf)>,
    /// Files that are being closed, without the lock.
    closing: u32,
    /// What was open on the thread that forked this process.
    inherited: Option<Inherited>,
}

/// Whose the recording is: the number of a tracer.
struct Owner {
    tracer: u64,
    phase: Phase,
}

/// How far a tracer is. In the first and the third, the thread that does it may be inside of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It prepares to record.
    Starting,
    /// It records.
    Recording,
    /// It takes the hooks out.
    Stopping,
    /// It goes on another time, in the same file.
    Stopped,
}

struct Recording {
    recorder: Recorder,
    filter: Filter,
}

/// A recording that has ended: nobody records into it any more.
pub struct Ended(Recorder);

/// The number of the recording that goes on now, 0 if none does.
#[inline]
pub fn current() -> u64 {
    if RECORDING.load(Ordering::Relaxed) { NUMBER.load(Ordering::Relaxed) } else { 0 }
}

/// The number of the rules that hold now.
pub fn rules() -> u64 {
    RULES.load(Ordering::Relaxed)
}

/// Gives the process's recording to this tracer, which must be about to start; false if another one has it, or this one
/// already. What a tracer that has stopped did not save yet is set aside, to be closed by the caller.
pub fn claim(tracer: u64) -> Option<Option<Ended>> {
    let mut state = lock();
    let mine = match &state.owner {
        Some(owner) if owner.phase != Phase::Stopped => return None,
        Some(owner) => owner.tracer == tracer,
        None => true,
    };
    let ended = if mine { None } else { state.set_aside() };
    state.owner = Some(Owner { tracer, phase: Phase::Starting });
    Some(ended)
}

/// A tracer that has claimed the recording does not start after all.
pub fn release(tracer: u64) {
    let mut state = lock();
    if state.phase_of(tracer) == Some(Phase::Starting) {
        let has_file = state.recording.is_some();
        state.owner = has_file.then_some(Owner { tracer, phase: Phase::Stopped });
    }
}

/// How far this tracer is; `None`: the recording is not its own.
pub fn phase(tracer: u64) -> Option<Phase> {
    lock().phase_of(tracer)
}

/// Moves this tracer from one phase to another; false if it is not in the first one.
pub fn advance(tracer: u64, from: Phase, to: Phase) -> bool {
    let mut state = lock();
    let is_there = state.phase_of(tracer) == Some(from);
    if is_there {
        state.owner = Some(Owner { tracer, phase: to });
    }
    is_there
}

/// Opens a file, or goes on in the one there is; tells whether it is new. Events are not recorded before [`begin`].
pub fn open(options: &Options, filter: Filter) -> Result<bool, RecorderError> {
    let mut state = lock();
    RULES.fetch_add(1, Ordering::Relaxed);
    if let Some(recording) = &mut state.recording {
        // What was open at the stop has ended unseen, or goes on as a call that began before this start.
        // No thread records now, and `RECORDING` tells each that comes; the caller holds the GIL.
        recording.recorder.close_frames(Kind::Open);
        recording.filter = filter;
        return Ok(false);
    }
    state.recording = Some(Recording { recorder: Recorder::create(options.clone())?, filter });
    NUMBER.fetch_add(1, Ordering::Relaxed);
    Ok(true)
}

/// From now on events are recorded. The caller holds the GIL and empties the caches.
pub fn begin() {
    RECORDING.store(true, Ordering::Relaxed);
}

/// From now on none are. The caller holds the GIL.
pub fn end() {
    RECORDING.store(false, Ordering::Relaxed);
}

/// Records what is open on all threads as if it returned now. Only after [`end`], and with the GIL held: so no thread
/// is inside a hook.
pub fn finish_open_calls() {
    with((), |recording| recording.recorder.close_frames(Kind::Return));
}

/// Records what is open on all threads as calls whose end is unknown. The hook is gone, and the GIL is held: so no thread
/// is inside a hook.
pub fn abandon_open_calls() {
    with((), |recording| recording.recorder.close_frames(Kind::Open));
}

/// Ends a tracer's recording and takes it out of the process's state. The caller holds the GIL, so no thread is inside a
/// hook, and none finds a recorder from now on.
pub fn take(tracer: u64) -> Option<Ended> {
    let mut state = lock();
    if matches!(state.phase_of(tracer), None | Some(Phase::Starting)) {
        return None;
    }
    state.owner = None;
    state.take()
}

/// The newest file of this tracer that was set aside. Waits until it is closed, so the caller should not hold the GIL.
pub fn set_aside(tracer: u64) -> Option<PathBuf> {
    let mut state = lock_when_closed();
    let last = state.set_aside.iter().rev().find(|(owner, _)| *owner == tracer).map(|(_, path)| path.clone());
    state.set_aside.retain(|(owner, _)| *owner != tracer);
    last
}

/// The same for a tracer that has opened its file and could not start.
pub fn take_back(tracer: u64) -> Option<Ended> {
    let mut state = lock();
    if state.phase_of(tracer) == Some(Phase::Starting) { state.take() } else { None }
}

impl State {
    const NOTHING: State = State { owner: None, recording: None, set_aside: Vec::new(), closing: 0, inherited: None };

    fn phase_of(&self, tracer: u64) -> Option<Phase> {
        self.owner.as_ref().filter(|owner| owner.tracer == tracer).map(|owner| owner.phase)
    }

    fn take(&mut self) -> Option<Ended> {
        RECORDING.store(false, Ordering::Relaxed);
        let recording = self.recording.take()?;
        self.closing += 1;
        Some(Ended(recording.recorder))
    }

    fn set_aside(&mut self) -> Option<Ended> {
        let owner = self.owner.take()?;
        let ended = self.take()?;
        self.set_aside.push((owner.tracer, ended.0.path().to_owned()));
        Some(ended)
    }
}

impl Ended {
    /// Closes the file and tells its path. Needs no GIL.
    pub fn close(self) -> PathBuf {
        let path = self.0.path().to_owned();
        self.0.close();
        lock().closing -= 1;
        CLOSED.notify_all();
        path
    }
}

/// Where the file is.
pub fn path() -> Option<PathBuf> {
    with(None, |recording| Some(recording.recorder.path().to_owned()))
}

/// The error that ended the growth of the file, if one did.
pub fn failure() -> Option<i32> {
    with(None, |recording| recording.recorder.failure())
}

/// Whether somebody has removed the file.
pub fn removed() -> bool {
    with(false, |recording| recording.recorder.is_removed())
}

/// Marks this moment to align files by; tells whether another one was marked before, or that nothing is recorded.
pub fn mark_sync() -> Option<bool> {
    with(None, |recording| Some(recording.recorder.mark_sync()))
}

/// The moment that was marked, in nanoseconds of `CLOCK_MONOTONIC`.
pub fn sync_marker() -> Option<u64> {
    with(None, |recording| recording.recorder.sync_marker())
}

/// Returns that fitted no open call.
pub fn unmatched() -> u64 {
    with(0, |recording| recording.recorder.unmatched())
}

/// Counts a time in which the hook was somebody else's.
pub fn count_gap() {
    with((), |recording| recording.recorder.count_gap());
}

/// The program switches between several stacks inside of its threads.
pub fn note_switch() {
    with((), |recording| recording.recorder.note_switch());
}

/// Whether that has been noted.
pub fn is_switched() -> bool {
    with(false, |recording| recording.recorder.is_switched())
}

/// Writes the process's name.
pub fn name_process(name: &str) {
    with((), |recording| recording.recorder.name_process(name));
}

/// The process has waited for a child that has ended; the status is as waitpid(2) gives it. In a forked process that has
/// no file of its own yet it is not written: there is only the parent's.
pub fn child_ended(pid: u32, status: u32) {
    if !FORKED.load(Ordering::Relaxed) {
        with((), |recording| recording.recorder.child_ended(pid, status));
    }
}

/// The id of a function.
pub fn function(function: &Function<'_>) -> u32 {
    with(FUNCTION_UNKNOWN, |recording| recording.recorder.function(function))
}

/// Whether functions of this file are recorded.
pub fn includes(file: &str) -> bool {
    with(false, |recording| recording.filter.includes(file))
}

/// The serial of a new asyncio task in the recording of this number, if that still goes on.
pub fn task(number: u64, name: &str) -> Option<u32> {
    of_number(number, |recording| recording.recorder.task(name))
}

/// Writes a task's name again.
pub fn name_task(number: u64, serial: u32, name: &str) {
    of_number(number, |recording| recording.recorder.name_task(serial, name));
}

/// Tasks have ended; the calling thread, whose recorder this is, was the last to run them.
pub fn end_tasks(number: u64, serials: &[u32], thread: &mut ThreadRecorder) {
    of_number(number, |recording| serials.iter().for_each(|serial| recording.recorder.end_task(*serial, thread)));
}

/// A recorder for the calling thread in the recording that goes on, its serial, and the recording's number.
pub fn attach_thread() -> Option<(u64, u32, NonNull<ThreadRecorder>)> {
    with(None, |recording| {
        let thread = recording.recorder.attach();
        // SAFETY: made just now, and not given to anybody yet.
        let serial = unsafe { thread.as_ref() }.serial();
        Some((NUMBER.load(Ordering::Relaxed), serial, thread))
    })
}

/// Writes a thread's name.
pub fn name_thread(number: u64, serial: u32, name: &str) {
    of_number(number, |recording| recording.recorder.name_thread(serial, name));
}

/// A thread ends, and with it its recorder, unless the recording it was of has ended before.
pub fn retire_thread(number: u64, serial: u32) {
    of_number(number, |recording| recording.recorder.retire(serial));
}

/// What holds the state still while the process forks.
pub struct Held {
    state: MutexGuard<'static, State>,
    inherited: Inherited,
}

/// The process is about to fork: notes what is open on the calling thread, whose recorder `of` knows by the recording's
/// number, and lets nobody change anything. Waits for files that are being closed: a child would keep them locked.
pub fn hold(of: impl FnOnce(u64) -> Option<NonNull<ThreadRecorder>>) -> Held {
    let state = lock_when_closed();
    let inherited = match (&state.recording, of(NUMBER.load(Ordering::Relaxed))) {
        // SAFETY: the calling thread's own recorder, which lives as long as the recording of its number; the thread is
        // in `fork`, and a hook that runs Python uses no recorder meanwhile.
        (Some(recording), Some(thread)) => recording.recorder.inherited(unsafe { thread.as_ref() }),
        _ => Inherited::default(),
    };
    Held { state, inherited }
}

impl Held {
    /// In the child: lets go of the parent's file. Does only what a signal handler may do.
    pub fn release(self) {
        let Held { mut state, inherited } = self;
        NUMBER.fetch_add(1, Ordering::Relaxed); // a thread that ends before `adopt` has no recorder to give back
        // Forked again before it has settled: what it inherited the first time holds.
        if !FORKED.swap(true, Ordering::Relaxed) {
            if let Some(recording) = &state.recording {
                recording.recorder.forget_descriptor();
            }
            state.inherited = Some(inherited);
        }
        // The thread that was about to start or to stop is not here, unless it is this one, which says so itself.
        if let Some(owner) = &mut state.owner
            && matches!(owner.phase, Phase::Starting | Phase::Stopping)
        {
            owner.phase = Phase::Stopped;
            RECORDING.store(false, Ordering::Relaxed);
        }
    }
}

/// In a forked child, once: goes on in a file of its own, in which the parent's history is not repeated. Tells what was
/// open. The caller empties the caches.
pub fn adopt() -> Option<Result<Inherited, RecorderError>> {
    if !FORKED.load(Ordering::Relaxed) || !FORKED.swap(false, Ordering::Relaxed) {
        return None;
    }
    let mut state = lock();
    state.set_aside.clear();
    let inherited = state.inherited.take().unwrap_or_default();
    RULES.fetch_add(1, Ordering::Relaxed);
    NUMBER.fetch_add(1, Ordering::Relaxed);
    if let Some(Recording { recorder: parents, filter }) = state.recording.take() {
        match parents.fork() {
            Ok(recorder) => state.recording = Some(Recording { recorder, filter }),
            Err(error) => {
                RECORDING.store(false, Ordering::Relaxed);
                state.owner = None;
                return Some(Err(error));
            }
        }
    }
    Some(Ok(inherited))
}

/// Opens on a thread what was open on the one that forked.
pub fn inherit(thread: &mut ThreadRecorder, inherited: Inherited) {
    with((), |recording| recording.recorder.inherit(thread, inherited));
}

fn with<T>(none: T, of: impl FnOnce(&Recording) -> T) -> T {
    lock().recording.as_ref().map_or(none, of)
}

fn of_number<T>(number: u64, of: impl FnOnce(&Recording) -> T) -> Option<T> {
    let state = lock();
    state.recording.as_ref().filter(|_| NUMBER.load(Ordering::Relaxed) == number).map(of)
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same once no file is being closed.
fn lock_when_closed() -> MutexGuard<'static, State> {
    let mut state = lock();
    while state.closing > 0 {
        state = CLOSED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state
}
