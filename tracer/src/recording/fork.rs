//! What becomes of the recording when the process forks.

use super::state::{self, FORKED, Phase, Recording, RecordingState, locked, locked_when_closed, with};
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;
use std::ptr::NonNull;
use viztracer_recorder::{Inherited, RecorderError, ThreadRecorder};

/// Holds the state still while the process forks.
pub struct ForkGuard {
    state: MutexGuard<'static, RecordingState>,
    inherited: Inherited,
}

/// Prepares for a fork: notes what is open on the calling thread, and lets nobody change the state. `recorder_of` knows
/// the thread's recorder by the recording's number. Waits for files that are being closed, which a child would keep
/// locked.
pub fn before_fork(recorder_of: impl FnOnce(u64) -> Option<NonNull<ThreadRecorder>>) -> ForkGuard {
    let state = locked_when_closed();
    let inherited = match (&state.recording, recorder_of(state::number())) {
        // SAFETY: the calling thread's own recorder, which lives as long as the recording of its number. The thread is
        // in `fork` and so in no operation on its recorder, nor is a hook that has called `repr`; others reach the
        // recorder only with the lock that is held.
        (Some(recording), thread) => recording.recorder.inherited(thread.map(|thread| unsafe { thread.as_ref() })),
        (None, _) => Inherited::default(),
    };
    ForkGuard { state, inherited }
}

impl ForkGuard {
    /// In the child: lets go of the parent's file. Does only what a signal handler may do.
    pub fn release_in_child(self) {
        let ForkGuard { mut state, inherited } = self;
        state::count_recording(); // a thread that ends before `adopt` has no recorder to give back
        // A process that forks again before it has a file of its own: what it inherited the first time holds.
        if !FORKED.swap(true, Ordering::Release) {
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
            state::end();
        }
    }
}

/// In a forked child, once: goes on in a file of its own, which does not repeat the parent's history. Returns what was
/// open. `forget` empties the caches. Other threads of the child that come here wait until all that has happened.
pub fn adopt(forget: impl FnOnce()) -> Option<Result<Inherited, RecorderError>> {
    if !FORKED.load(Ordering::Acquire) {
        return None;
    }
    let mut state = locked();
    if !FORKED.load(Ordering::Relaxed) {
        return None; // another thread has done it
    }
    forget();
    let adopted = adopt_locked(&mut state);
    FORKED.store(false, Ordering::Release); // not before the rest is to be seen
    Some(adopted)
}

fn adopt_locked(state: &mut RecordingState) -> Result<Inherited, RecorderError> {
    state.set_aside.clear();
    let inherited = state.inherited.take().unwrap_or_default();
    state::count_rules();
    state::count_recording();
    if let Some(Recording { recorder: parents, filter }) = state.recording.take() {
        match parents.fork() {
            Ok(recorder) => {
                recorder.inherit_elided(&inherited);
                recorder.note_paused(state.owner.as_ref().is_some_and(|owner| owner.phase == Phase::Paused));
                if state.is_resting() {
                    recorder.begin_rest();
                }
                state.recording = Some(Recording { recorder, filter });
            }
            Err(error) => {
                state::end();
                state.owner = None;
                return Err(error);
            }
        }
    }
    Ok(inherited)
}

/// Opens on a thread what was open on the one that forked.
pub fn inherit(thread: &mut ThreadRecorder, inherited: Inherited) {
    with((), |recording| recording.recorder.inherit(thread, inherited));
}
