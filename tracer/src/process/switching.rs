//! Follows the switches of the session: the process pauses, resumes or stops its recording, and records marks.
//!
//! While it records, [`follow`] looks at the control block now and then, at the end of a hook. While it is paused, or
//! rests, the [`watcher`] looks. Every change is made with the GIL held.

use super::counting::{self, Next, Schedule};
use super::watcher::{self, INTERVAL};
use super::{instants, lifecycle, resting};
use crate::daemon::sleep_if_thread_ends;
use crate::exclusive::exclusively;
use crate::logged::event;
use crate::recording;
use crate::sync::{Mutex, lock};
use crate::thread::{current, name};
use crate::{budget, due, hook, snapshots, stderr};
use pyo3::prelude::*;
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

/// The shortest time between two looks of a resting process.
const REST_LOOK_MIN: Duration = Duration::from_millis(1);

/// The time from what the watcher has done to its next look.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

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
    /// The time of the last look, by the monotonic clock, in ns.
    looked: u64,
    /// How many marks are recorded, or were there at the first look; `None`: it has not succeeded yet.
    marks: Option<u64>,
    /// Whether a line has said that no look succeeds. It is said once.
    is_lost: bool,
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
        instants::begin(imported);
        return Wanted::Recording;
    };
    let found = switches::look(&address.block, address.id).ok();
    if session.as_ref().is_none_or(|session| session.address.block != address.block) {
        let marks = found.as_ref().map(|found| found.marks);
        *session = Some(Session { address, looked: 0, marks, is_lost: false });
        instants::begin(imported);
    }
    found.unwrap_or_default().wanted
}

/// What a thread does now and then at the end of a hook. Runs Python and may give up the GIL.
fn look(python: Python<'_>) {
    snapshots::look(python);
    if budget::keep(python) && is_watched() {
        resting::begin(python);
    }
    see_to_counting();
    follow(python);
}

/// Looks at the switches, if the last look is old enough, and does what they want. Runs Python and may give up the GIL.
pub fn follow(python: Python<'_>) {
    if recording::current() == 0 {
        return watch_in_child(python);
    }
    if !recording::records_calls() && !watcher::runs() {
        resting::end_in_child(python);
    }
    instants::record(python);
    let Some(found) = look_if_due() else { return };
    note_marks(&found);
    instants::record(python);
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
    let Some(session) = session.as_mut() else { return };
    let before = *session.marks.get_or_insert(found.marks);
    if before == found.marks {
        return;
    }
    let (Ok(between), Ok(last)) = (session.look(), session.look()) else { return };
    let whole = |number| between.mark(number, found, &last);
    let now = monotonic();
    if whole(found.marks).is_none_or(|newest| newest.time > now) {
        return;
    }
    let first = found.marks.saturating_sub(MARK_SLOTS as u64).max(before.min(found.marks));
    let marks = Vec::from_iter((first + 1..=found.marks).filter_map(whole));
    let missed = found.marks.saturating_sub(before).saturating_sub(marks.len() as u64);
    if missed > 0 {
        instants::note([(now, format!("{missed} marks missed"))]);
    }
    instants::note(marks.into_iter().map(|mark| (mark.time.min(now), mark.name)));
    session.marks = Some(found.marks);
}

/// Starts the thread that looks during a pause or a rest. Returns whether there is one; a line says once why there is
/// none.
fn is_watched() -> bool {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    let started = start_watcher();
    let is_said = IS_SAID.swap(started.is_err(), Ordering::Relaxed);
    started.unwrap_or_else(|error| {
        if !is_said {
            stderr::complain(&format!("process {} cannot pause or resume: {error}", std::process::id()));
        }
        false
    })
}

/// Starts the thread that begins bursts of counting, if there is anything to count. Without it, there are no estimates.
fn see_to_counting() {
    if counting::is_wanted() && !watcher::runs() {
        let _ = start_watcher();
    }
}

fn start_watcher() -> io::Result<bool> {
    let address = lock(&SESSION).as_ref().map(|session| session.address.clone());
    let mut block = address.map(|address| OpenBlock::new(address.block, address.id));
    let mut schedule = Schedule::new();
    watcher::start(move |is_ended| watch(block.as_mut(), &mut schedule, is_ended))
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

/// Takes a `hold_watcher` back after a fork. If the process pauses or rests, it has its thread again. A child of a paused
/// one begins with [`watch_in_child`]; one of a resting one records.
#[pyfunction]
pub fn release_watcher(python: Python<'_>, in_child: bool) {
    watcher::release(in_child);
    if in_child {
        counting::begin_in_child();
    }
    let (rests, pauses) = (recording::is_resting(), recording::is_paused());
    if !rests && !pauses {
        if !in_child {
            see_to_counting();
        }
        return;
    }
    if !in_child {
        is_watched();
        return;
    }
    if rests {
        return resting::end_in_child(python);
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
    event::instant_now(python, "paused");
    record_nothing(python);
}

/// Makes a pause of a rest, on a thread that is none of the program's.
fn pause_instead(python: Python<'_>) {
    instants::note_now("paused");
    record_nothing(python);
}

fn record_nothing(python: Python<'_>) {
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
    }
    instants::note_now("resumed");
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

/// The look of a process that pauses, rests, or has calls to count, on the watcher's thread. Returns the time until the
/// next one, if that goes on.
fn watch(block: Option<&mut OpenBlock>, schedule: &mut Schedule, is_ended: &AtomicBool) -> Option<Duration> {
    let look = |block: &mut OpenBlock| block.look().map(|found| found.wanted);
    let next = match recording::is_paused() {
        true => watch_pause(block.map(look)),
        false if recording::is_resting() => watch_rest(block.map(look)),
        // A process that records looks at the control block itself.
        false if counting::is_wanted() => schedule.look(),
        false => Next::Do(|_| ()), // so that the thread ends
    };
    let act = match next {
        Next::Look(time) => return Some(time),
        Next::Do(act) => act,
    };
    current::pause(); // nothing of this thread is recorded
    let goes_on = sleep_if_thread_ends(|| {
        Python::try_attach(|python| {
            if !is_ended.load(Ordering::Relaxed) {
                act(python);
            }
            let goes_on = recording::is_paused() || recording::is_resting() || counting::is_wanted();
            is_ended.fetch_or(!goes_on, Ordering::Relaxed);
            goes_on
        })
    });
    current::resume();
    (goes_on == Some(true)).then_some(LOOK_AGAIN)
}

fn watch_pause(found: Option<io::Result<Wanted>>) -> Next {
    match found {
        Some(Ok(Wanted::Paused)) => {
            note_lost(None);
            Next::Look(INTERVAL)
        }
        Some(Err(error)) => {
            note_lost(Some(&error));
            Next::Look(LOST_INTERVAL)
        }
        Some(Ok(Wanted::Stopped)) => Next::Do(stop),
        Some(Ok(Wanted::Recording)) | None => Next::Do(resume),
    }
}

/// A process that cannot read the control block rests on, as it would record on.
fn watch_rest(found: Option<io::Result<Wanted>>) -> Next {
    match found {
        Some(Ok(Wanted::Paused)) => Next::Do(pause_instead),
        Some(Ok(Wanted::Stopped)) => Next::Do(stop),
        Some(Ok(Wanted::Recording) | Err(_)) | None => match recording::rest_left() {
            Some(left) => Next::Look(left.clamp(REST_LOOK_MIN, INTERVAL)),
            None => Next::Do(resting::end),
        },
    }
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
