//! Follows the switches of the session: the process pauses, resumes or stops its recording, and records marks.
//!
//! While it records, [`follow`] looks at the control block now and then, at the end of a hook. While it is paused, the
//! [`watcher`] looks. Every change is made with the GIL held.

use super::lifecycle;
use super::watcher::{self, INTERVAL};
use crate::daemon::sleep_if_thread_ends;
use crate::exclusive::exclusively;
use crate::logged::event;
use crate::recording;
use crate::sync::{Mutex, lock};
use crate::thread::{current, name};
use crate::{budget, due, hook, snapshots, stderr};
use pyo3::prelude::*;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use viztracer_format::clock::Anchor;
use viztracer_format::control::MARK_SLOTS;
use viztracer_recorder::clock::monotonic;
use viztracer_recorder::switches::{self, OpenBlock, Switches, Wanted};

/// The time between two looks of a paused process that does not find its block.
const LOST_INTERVAL: Duration = Duration::from_secs(1);

/// The session that this process follows. Nobody runs Python with the lock.
static SESSION: Mutex<Option<Session>> = Mutex::new(None);

/// How this process knows its session.
#[derive(Clone)]
pub struct Address {
    /// The name of its control block.
    pub block: String,
    /// Its id.
    pub id: [u8; 16],
}

struct Session {
    address: Address,
    /// An anchor from the import of this module.
    imported: Anchor,
    /// The time of the last look, by the monotonic clock, in ns.
    looked: u64,
    /// How many marks are recorded, or were there at the first look; `None`: it has not succeeded yet.
    marks: Option<u64>,
    /// Whether a line has said that no look succeeds, or that the process cannot pause. Each is said once.
    is_lost: bool,
    cannot_pause: bool,
    /// Instants that are to be recorded: time and name.
    instants: VecDeque<(u64, String)>,
}

impl Session {
    fn look(&self) -> io::Result<Switches> {
        switches::look(&self.address.block, self.address.id)
    }
}

/// Follows this session from now on, if it has a control block. Returns what it wants.
pub fn join(address: Option<Address>, imported: Anchor) -> Wanted {
    due::register(look);
    let mut session = lock(&SESSION);
    let Some(address) = address else {
        *session = None;
        return Wanted::Recording;
    };
    let found = switches::look(&address.block, address.id).ok();
    if session.as_ref().is_none_or(|session| session.address.block != address.block) {
        let marks = found.as_ref().map(|found| found.marks);
        let instants = VecDeque::new();
        *session = Some(Session { address, imported, looked: 0, marks, is_lost: false, cannot_pause: false, instants });
    }
    found.unwrap_or_default().wanted
}

/// What a thread does now and then at the end of a hook. Runs Python and may give up the GIL.
fn look(python: Python<'_>) {
    snapshots::look(python);
    budget::keep(python);
    follow(python);
}

/// Looks at the switches, if the last look is old enough, and does what they want. Runs Python and may give up the GIL.
pub fn follow(python: Python<'_>) {
    if recording::current() == 0 {
        return watch_in_child(python);
    }
    record_instants(python);
    let Some(found) = look_if_due() else { return };
    note_marks(&found);
    record_instants(python);
    match found.wanted {
        Wanted::Recording => {}
        Wanted::Paused => pause(python),
        Wanted::Stopped => stop(python),
    }
}

/// A look at the block of the session; `None` if the last one is not old enough, or the block says nothing.
fn look_if_due() -> Option<Switches> {
    let mut session = lock(&SESSION);
    let session = session.as_mut()?;
    let now = monotonic();
    if now.saturating_sub(session.looked) < INTERVAL.as_nanos() as u64 {
        return None;
    }
    session.looked = now;
    let found = session.look().ok()?;
    session.cannot_pause &= found.wanted == Wanted::Paused;
    Some(found)
}

/// Notes the marks that are new. The newest one must be whole, or it is still being written, and of the past, or it is
/// garbage.
fn note_marks(found: &Switches) {
    let mut session = lock(&SESSION);
    let Some(session) = session.as_mut() else { return };
    let before = *session.marks.get_or_insert(found.marks);
    if before == found.marks {
        return;
    }
    let Ok(later) = session.look() else { return };
    let now = monotonic();
    if found.mark(found.marks, &later).is_none_or(|newest| newest.time > now) {
        return;
    }
    let first = found.marks.saturating_sub(MARK_SLOTS as u64).max(before.min(found.marks));
    let marks = Vec::from_iter((first + 1..=found.marks).filter_map(|number| found.mark(number, &later)));
    let missed = found.marks.saturating_sub(before).saturating_sub(marks.len() as u64);
    if missed > 0 {
        session.instants.push_back((now, format!("{missed} marks missed")));
    }
    session.instants.extend(marks.into_iter().map(|mark| (mark.time.min(now), mark.name)));
    session.marks = Some(found.marks);
}

/// Records the instants that are due on the calling thread. May run Python.
fn record_instants(python: Python<'_>) {
    while recording::current() != 0
        && let Some((time, name, imported)) = next_instant()
    {
        event::instant_at(python, &name, time, imported);
    }
}

fn next_instant() -> Option<(u64, String, Anchor)> {
    let mut session = lock(&SESSION);
    let session = session.as_mut()?;
    session.instants.pop_front().map(|(time, name)| (time, name, session.imported))
}

/// Starts the thread that looks during a pause. Returns whether there is one; a line says once why there is none.
fn is_watched() -> bool {
    let Some(address) = lock(&SESSION).as_ref().map(|session| session.address.clone()) else { return false };
    let mut block = OpenBlock::new(address.block, address.id);
    watcher::start(move |is_ended| watch(&mut block, is_ended)).unwrap_or_else(|error| {
        let is_said = lock(&SESSION).as_mut().is_some_and(|session| mem::replace(&mut session.cannot_pause, true));
        if !is_said {
            stderr::complain(&format!("process {} cannot pause or resume: {error}", std::process::id()));
        }
        false
    })
}

/// In a child that a paused process has forked: starts the thread that looks, once the child is older than an interval
/// and so is not about to call `exec`. In between, what it runs may be possible only with one thread, such as
/// `unshare(CLONE_NEWUSER)`.
fn watch_in_child(python: Python<'_>) {
    if !recording::is_paused() {
        return due::wait(false);
    }
    if look_if_due().is_none() {
        return;
    }
    current::ensure_own_file(python);
    if recording::is_paused() && is_watched() {
        due::wait(false);
        let _ = hook::pause(python); // as in `pause`
    }
}

/// Takes a `hold_watcher` back after a fork. If the process is paused, it has its thread again; a child begins with
/// [`watch_in_child`].
#[pyfunction]
pub fn release_watcher(python: Python<'_>, in_child: bool) {
    watcher::release(in_child);
    if !recording::is_paused() {
        return;
    }
    if !in_child {
        is_watched();
        return;
    }
    if let Some(session) = &mut *lock(&SESSION) {
        session.looked = monotonic();
    }
    if let Err(error) = hook::wake(python) {
        stderr::complain(&format!("process {} stays paused: {error}", std::process::id()));
    }
}

/// Records nothing for now. Calls that are open are recorded as calls whose end is unknown.
pub fn pause(python: Python<'_>) {
    if !is_watched() {
        return;
    }
    name::renew(current::serial());
    let imported = lock(&SESSION).as_ref().map(|session| session.imported);
    if let Some(imported) = imported {
        event::instant_at(python, "paused", monotonic(), imported);
    }
    let is_paused = exclusively(python, || {
        let is_paused = recording::pause();
        if is_paused {
            current::forget();
            recording::abandon_open_calls();
        }
        is_paused
    });
    if !is_paused {
        return; // it has stopped meanwhile
    }
    // If that fails, the hook is called and records nothing.
    let _ = hook::pause(python);
}

/// Ends a pause, on a thread that is none of the program's.
fn resume(python: Python<'_>) {
    current::ensure_own_file(python);
    let is_resumed = exclusively(python, || {
        current::forget();
        recording::resume()
    });
    if !is_resumed {
        return; // it has stopped meanwhile
    }
    if let Some(session) = &mut *lock(&SESSION) {
        session.looked = 0;
        session.is_lost = false;
        session.instants.push_back((monotonic(), "resumed".to_owned()));
    }
    if let Err(error) = hook::resume(python) {
        stderr::complain(&format!("process {} cannot record again: {error}", std::process::id()));
    }
}

/// Closes the file for good. It stays the tracer's, which may save it.
fn stop(python: Python<'_>) {
    current::ensure_own_file(python);
    let Some(tracer) = recording::tracer() else { return };
    let _ = lifecycle::stop(python, tracer, false);
    let (ended, forgotten) = exclusively(python, || (recording::take_stopped(tracer), lifecycle::forget(python)));
    drop(forgotten); // may run Python
    if let Some(ended) = ended {
        python.detach(|| ended.close());
    }
}

/// The look of a paused process, on the watcher's thread. Returns the time until the next one, if the pause goes on.
fn watch(block: &mut OpenBlock, is_ended: &AtomicBool) -> Option<Duration> {
    let change: fn(Python<'_>) = match block.look().map(|found| found.wanted) {
        Ok(Wanted::Paused) => {
            note_lost(None);
            return Some(INTERVAL);
        }
        Ok(Wanted::Recording) => resume,
        Ok(Wanted::Stopped) => stop,
        Err(error) => {
            note_lost(Some(&error));
            return Some(LOST_INTERVAL);
        }
    };
    current::pause(); // nothing of this thread is recorded
    sleep_if_thread_ends(|| {
        Python::try_attach(|python| {
            if !is_ended.load(Ordering::Relaxed) {
                change(python);
            }
        })
    });
    None
}

/// Notes whether the look of a paused process has failed. A line says so once, unless the ring file is removed, too: the
/// session is over then. The process stays paused, and looks on: it may have changed its user or its root for a time.
fn note_lost(error: Option<&io::Error>) {
    let was_lost = lock(&SESSION).as_mut().map(|session| mem::replace(&mut session.is_lost, error.is_some()));
    if let (Some(false), Some(error)) = (was_lost, error)
        && !recording::removed()
    {
        let process = std::process::id();
        stderr::complain(&format!(
            "process {process} stays paused as long as it cannot read the control block of its session: {error}"
        ));
    }
}
