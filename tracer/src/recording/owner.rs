//! The tracer that has the recording: it claims it, opens its file, ends it.

use super::state::{self, Ended, Owner, Phase, Recording, locked, locked_when_closed};
use crate::filter::Filter;
use std::path::PathBuf;
use viztracer_format::record::Kind;
use viztracer_recorder::{Options, Recorder, RecorderError};

/// Gives the process's recording to this tracer, which must be about to start; `None` if another one has it, or this
/// one already. Returns what a tracer that has stopped did not save yet: the caller closes it. The caller does this
/// exclusively, like all that may end a recording.
pub fn claim(tracer: u64) -> Option<Option<Ended>> {
    let mut state = locked();
    let is_mine = match &state.owner {
        Some(owner) if owner.phase != Phase::Stopped => return None,
        Some(owner) => owner.tracer == tracer,
        None => true,
    };
    let ended = if is_mine { None } else { state.take_aside() };
    state.owner = Some(Owner { tracer, phase: Phase::Starting });
    Some(ended)
}

/// Takes a claim back: the tracer does not start after all.
pub fn release(tracer: u64) {
    let mut state = locked();
    if state.phase_of(tracer) == Some(Phase::Starting) {
        let has_file = state.recording.is_some();
        state.owner = has_file.then_some(Owner { tracer, phase: Phase::Stopped });
    }
}

/// Returns how far this tracer is; `None`: the recording is not its own.
pub fn phase(tracer: u64) -> Option<Phase> {
    locked().phase_of(tracer)
}

/// Moves this tracer from one phase to another; false if it is not in the first one.
pub fn advance(tracer: u64, from: Phase, to: Phase) -> bool {
    let mut state = locked();
    let is_there = state.phase_of(tracer) == Some(from);
    if is_there {
        state.owner = Some(Owner { tracer, phase: to });
    }
    is_there
}

/// Has the tracer that records record nothing for now; false if none does. The caller does so exclusively and
/// forgets all notes.
pub fn pause() -> bool {
    let mut state = locked();
    let owner = state.owner.as_mut().filter(|owner| owner.phase == Phase::Recording && state::current() != 0);
    let Some(owner) = owner else { return false };
    owner.phase = Phase::Paused;
    state::end();
    state.note(|recorder| {
        recorder.end_rest();
        recorder.note_paused(true);
        recorder.note_recording(false);
    });
    true
}

/// Has the tracer that is paused record again; false if none is. The caller does so exclusively and forgets all notes.
pub fn resume() -> bool {
    let mut state = locked();
    let Some(owner) = state.owner.as_mut().filter(|owner| owner.phase == Phase::Paused) else { return false };
    owner.phase = Phase::Recording;
    state.note(|recorder| {
        recorder.note_paused(false);
        recorder.note_recording(true);
    });
    state::begin();
    true
}

/// Has the tracer that records record no calls for now, as they have cost too much; false if none records calls. The
/// caller does so exclusively and forgets all notes.
pub fn begin_rest() -> bool {
    let state = locked();
    let records = state.is_recording() && state::records_calls();
    if records {
        state::end_calls();
        state.note(Recorder::begin_rest);
    }
    records
}

/// Has the tracer that rests record calls again; false if none rests. The caller does so exclusively and forgets all
/// notes.
pub fn end_rest() -> bool {
    let state = locked();
    let rests = state.is_resting();
    if rests {
        state.note(Recorder::end_rest);
        state::begin();
    }
    rests
}

/// Whether a tracer records, but no calls for now.
pub fn is_resting() -> bool {
    locked().is_resting()
}

/// Whether a tracer is paused.
pub fn is_paused() -> bool {
    locked().owner.as_ref().is_some_and(|owner| owner.phase == Phase::Paused)
}

/// Returns the tracer that records or is paused.
pub fn tracer() -> Option<u64> {
    let state = locked();
    let owner = state.owner.as_ref().filter(|owner| matches!(owner.phase, Phase::Recording | Phase::Paused));
    owner.map(|owner| owner.tracer)
}

/// Takes the file of this tracer, which has stopped, out of the process's state, for good. The tracer may ask for it
/// later. The caller does so exclusively, and closes what it gets.
pub fn take_stopped(tracer: u64) -> Option<Ended> {
    let mut state = locked();
    if state.phase_of(tracer) == Some(Phase::Stopped) { state.take_aside() } else { None }
}

/// Opens a file, or goes on in the one there is; returns whether it is new. Events are not recorded before
/// [`begin`](super::begin).
pub fn open(options: &Options, filter: Filter) -> Result<bool, RecorderError> {
    let mut state = locked();
    state::count_rules();
    if let Some(recording) = &mut state.recording {
        // What was open at the stop has ended unseen, or goes on as a call that began before this start. No thread uses
        // its recorder now: nothing records since the stop, which fell into no hook.
        recording.recorder.close_frames(Kind::Open);
        recording.recorder.end_rest();
        recording.recorder.note_recording(true);
        recording.filter = filter;
        return Ok(false);
    }
    state.recording = Some(Recording { recorder: Recorder::create(options.clone())?, filter });
    state::count_recording();
    Ok(true)
}

/// Ends a tracer's recording and takes it out of the process's state. The caller does so exclusively, so no thread is
/// inside a hook, and lets no thread's note of a recorder hold any more.
pub fn take(tracer: u64) -> Option<Ended> {
    let mut state = locked();
    if matches!(state.phase_of(tracer), None | Some(Phase::Starting)) {
        return None;
    }
    state.owner = None;
    state.take()
}

/// The same for a tracer that has opened its file and could not start.
pub fn take_back(tracer: u64) -> Option<Ended> {
    let mut state = locked();
    if state.phase_of(tracer) == Some(Phase::Starting) { state.take() } else { None }
}

/// Returns the newest file of this tracer that was set aside, and forgets all of them. Waits until it is closed, so the
/// caller should not be attached.
pub fn set_aside(tracer: u64) -> Option<PathBuf> {
    let mut state = locked_when_closed();
    let last = state.set_aside.iter().rev().find(|(owner, _)| *owner == tracer).map(|(_, path)| path.clone());
    state.set_aside.retain(|(owner, _)| *owner != tracer);
    last
}
