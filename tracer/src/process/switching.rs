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
use crate::thread::current;
use crate::{due, hook, stderr};
use pyo3::prelude::*;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::clock::Anchor;
use viztracer_format::control::MARK_SLOTS;
use viztracer_recorder::clock::monotonic;
use viztracer_recorder::switches::{self, Switches, Wanted};

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
    /// How many marks are recorded, or were there before this process.
    marks: u64,
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
    due::register(follow);
    let mut session = lock(&SESSION);
    let Some(address) = address else {
        *session = None;
        return Wanted::Recording;
    };
    let found = switches::look(&address.block, address.id).unwrap_or_default();
    if session.as_ref().is_none_or(|session| session.address.block != address.block) {
        let marks = found.marks;
        *session = Some(Session { address, imported, looked: 0, marks, instants: VecDeque::new() });
    }
    found.wanted
}

/// Looks at the switches, if the last look is old enough, and does what they want. Runs Python and may give up the GIL.
pub fn follow(python: Python<'_>) {
    if recording::current() == 0 {
        return;
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
    session.look().ok()
}

/// Notes the marks that are new. The newest one must be whole, or it is still being written, and of the past, or it is
/// garbage.
fn note_marks(found: &Switches) {
    let mut session = lock(&SESSION);
    let Some(session) = session.as_mut().filter(|session| session.marks != found.marks) else { return };
    let Ok(later) = session.look() else { return };
    let now = monotonic();
    if found.mark(found.marks, &later).is_none_or(|newest| newest.time > now) {
        return;
    }
    let first = found.marks.saturating_sub(MARK_SLOTS as u64).max(session.marks.min(found.marks));
    let marks = Vec::from_iter((first + 1..=found.marks).filter_map(|number| found.mark(number, &later)));
    let missed = found.marks.saturating_sub(session.marks).saturating_sub(marks.len() as u64);
    if missed > 0 {
        session.instants.push_back((now, format!("{missed} marks missed")));
    }
    session.instants.extend(marks.into_iter().map(|mark| (mark.time.min(now), mark.name)));
    session.marks = found.marks;
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

/// Records nothing for now. Calls that are open are recorded as calls whose end is unknown.
pub fn pause(python: Python<'_>) {
    if let Err(error) = watcher::start(watch) {
        return stderr::complain(&format!("process {} cannot pause: {error}", std::process::id()));
    }
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

/// The look of a paused process, on the watcher's thread. Returns whether the pause goes on.
fn watch(is_ended: &AtomicBool) -> bool {
    let address = lock(&SESSION).as_ref().map(|session| session.address.clone());
    let Some(address) = address else { return false };
    let change: fn(Python<'_>) = match switches::look(&address.block, address.id).map(|found| found.wanted) {
        Ok(Wanted::Paused) => return true,
        Ok(Wanted::Recording) => resume,
        Ok(Wanted::Stopped) => stop,
        Err(error) => return !is_gone(&error),
    };
    current::pause(); // nothing of this thread is recorded
    Python::try_attach(|python| {
        sleep_if_thread_ends(|| {
            if !is_ended.load(Ordering::Relaxed) {
                change(python);
            }
        });
    });
    false
}

/// Whether a look has failed because the block is gone, so that none will succeed. The process stays paused then. A line
/// says so if its file is still there: the session is not over.
fn is_gone(error: &io::Error) -> bool {
    let is_link = error.raw_os_error() == Some(libc::ELOOP);
    let kinds = [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::InvalidData];
    let is_gone = is_link || kinds.contains(&error.kind());
    if is_gone && recording::path().is_some_and(|path| path.exists()) {
        let process = std::process::id();
        stderr::complain(&format!("the control block of the session is gone; process {process} stays paused"));
    }
    is_gone
}
