//! The state of the recording: one lock and a few words beside it.

use crate::filter::Filter;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, shared, wait};
use std::path::PathBuf;
use viztracer_recorder::{Inherited, Recorder};

shared! {
    static STATE: Mutex<RecordingState> = Mutex::new(RecordingState::NOTHING);
    /// Is notified when a file has been closed.
    static CLOSED: Condvar = Condvar::new();
    /// The number of the newest recording; thread recorders are valid only in their own.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    /// Grows with every start; function ids and the filter's decisions are valid only under their own.
    static RULES: AtomicU64 = AtomicU64::new(0);
    /// Whether events are recorded now.
    static RECORDING: AtomicBool = AtomicBool::new(false);
    /// Whether calls are recorded now, too.
    static CALLS: AtomicBool = AtomicBool::new(false);
    /// Whether any function is elided, or was in an earlier recording.
    pub(super) static HAS_ELIDED: AtomicBool = AtomicBool::new(false);
    /// Whether this process was forked and has no file of its own yet.
    pub(super) static FORKED: AtomicBool = AtomicBool::new(false);
}

/// What the lock guards.
pub(super) struct RecordingState {
    pub owner: Option<Owner>,
    pub recording: Option<Recording>,
    /// The files of tracers that had stopped and not saved when another one began.
    pub set_aside: Vec<(u64, PathBuf)>,
    /// How many files are being closed, without the lock.
    closing: u32,
    /// What was open on the thread that forked this process.
    pub inherited: Option<Inherited>,
}

/// Which tracer has the recording.
pub(super) struct Owner {
    /// The number of the tracer.
    pub tracer: u64,
    pub phase: Phase,
}

/// How far a tracer is. During `Starting` and `Stopping`, the thread that does it may be inside of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It prepares to record.
    Starting,
    /// It records.
    Recording,
    /// It records nothing for now, since the session is paused.
    Paused,
    /// It takes the hooks out.
    Stopping,
    /// It goes on another time, in the same file.
    Stopped,
}

/// The file of the recording, and what is recorded into it.
pub(super) struct Recording {
    pub recorder: Recorder,
    pub filter: Filter,
}

/// A recording that has ended: nobody records into it any more.
pub struct Ended(Recorder);

/// Returns the number of the recording that goes on now, 0 if none does.
#[inline]
pub fn current() -> u64 {
    if RECORDING.load(Ordering::Acquire) { number() } else { 0 }
}

/// Whether calls are recorded now. If nothing else is said, what the program logs is recorded without them.
#[inline]
pub fn records_calls() -> bool {
    CALLS.load(Ordering::Acquire)
}

/// Returns the number of the recording whose file is open, even if nothing is recorded for now; 0 if there is none.
pub fn kept() -> u64 {
    if locked().recording.is_some() { number() } else { 0 }
}

/// Returns the number of the newest recording.
pub(super) fn number() -> u64 {
    NUMBER.load(Ordering::Relaxed)
}

/// Lets no thread's recorder be valid any more.
pub(super) fn count_recording() {
    NUMBER.fetch_add(1, Ordering::Relaxed);
}

/// Returns the number of the rules that hold now.
pub fn rules() -> u64 {
    RULES.load(Ordering::Relaxed)
}

/// Lets no function id and no decision of the filter be valid any more.
pub(super) fn count_rules() {
    RULES.fetch_add(1, Ordering::Relaxed);
}

/// Has events recorded from now on. The caller empties the caches first.
pub fn begin() {
    RECORDING.store(true, Ordering::Release);
    CALLS.store(true, Ordering::Release);
}

/// Has no events recorded from now on. The caller does so [`exclusively`](crate::exclusive::exclusively), or is the
/// only thread of the process.
pub fn end() {
    CALLS.store(false, Ordering::Relaxed);
    RECORDING.store(false, Ordering::Relaxed);
}

/// Has no calls recorded from now on, but what the program logs. The caller does so
/// [`exclusively`](crate::exclusive::exclusively).
pub(super) fn end_calls() {
    CALLS.store(false, Ordering::Relaxed);
}

/// Works with the recording; returns `none` if there is none.
pub(super) fn with<T>(none: T, work: impl FnOnce(&Recording) -> T) -> T {
    locked().recording.as_ref().map_or(none, work)
}

/// Works with the recording of this number; returns `None` if that is over.
pub(super) fn with_number<T>(of: u64, work: impl FnOnce(&Recording) -> T) -> Option<T> {
    let state = locked();
    state.recording.as_ref().filter(|_| number() == of).map(work)
}

/// Takes the lock of the state.
pub(super) fn locked() -> MutexGuard<'static, RecordingState> {
    lock(&STATE)
}

/// Takes the lock of the state once no file is being closed.
pub(super) fn locked_when_closed() -> MutexGuard<'static, RecordingState> {
    let mut state = locked();
    while state.closing > 0 {
        state = wait(&CLOSED, state);
    }
    state
}

impl RecordingState {
    const NOTHING: RecordingState =
        RecordingState { owner: None, recording: None, set_aside: Vec::new(), closing: 0, inherited: None };

    /// Returns how far this tracer is; `None`: the recording is not its own.
    pub fn phase_of(&self, tracer: u64) -> Option<Phase> {
        self.owner.as_ref().filter(|owner| owner.tracer == tracer).map(|owner| owner.phase)
    }

    /// Whether a tracer records now.
    pub fn is_recording(&self) -> bool {
        current() != 0 && self.owner.as_ref().is_some_and(|owner| owner.phase == Phase::Recording)
    }

    /// Whether it records no calls for now.
    pub fn is_resting(&self) -> bool {
        self.is_recording() && !records_calls()
    }

    /// Notes something in the file, unless that is the one of the process that has forked this one.
    pub fn note(&self, note: impl FnOnce(&Recorder)) {
        if !FORKED.load(Ordering::Relaxed)
            && let Some(recording) = &self.recording
        {
            note(&recording.recorder);
        }
    }

    /// Ends the recording and hands it out. The caller does so exclusively, and closes what it gets.
    pub fn take(&mut self) -> Option<Ended> {
        end();
        let recording = self.recording.take()?;
        self.closing += 1;
        Some(Ended(recording.recorder))
    }

    /// The same for the recording of a tracer that may ask for its file later.
    pub fn take_aside(&mut self) -> Option<Ended> {
        let owner = self.owner.take()?;
        let ended = self.take()?;
        self.set_aside.push((owner.tracer, ended.0.path().to_owned()));
        Some(ended)
    }
}

impl Ended {
    /// Closes the file and returns its path. Needs no GIL.
    pub fn close(self) -> PathBuf {
        let path = self.0.path().to_owned();
        self.0.close();
        let mut state = locked();
        state.closing = state.closing.saturating_sub(1);
        drop(state);
        CLOSED.notify_all();
        path
    }
}
