//! Snapshots that a process takes by itself, when something happens in it.
//!
//! ```text
//! a call took long         the record path has noted it, and the thread looks at the end of the hook
//! a child was killed       our function in the place of `os.waitpid` has seen it
//! a signal has arrived     our signal handler
//!   [`prepared`]           starts a command that was made ready when the recording began
//!     the command          merges the ring files, as of the time at which it happened
//! ```
//!
//! None of this runs Python in the process. So it changes nothing for the program, whose signal handlers and switches of
//! threads come where they would come anyway. An exception that nothing handles is seen in Python
//! (`viztracer/sessions/triggers.py`).

#[cfg_attr(windows, path = "snapshots/claim_on_windows.rs")]
mod claim;
mod prepared;
mod reason;
mod trigger;

use crate::background::Command;
use crate::recording;
use crate::signal::ORDERLY;
use crate::sync::{Mutex, lock};
use crate::thread::current;
use claim::Claim;
use prepared::{NOTE_SIZE, Prepared};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use reason::Reason;
use std::ffi::{OsString, c_int};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use trigger::{Cooldown, SlowCall, Trigger};
use viztracer_recorder::ThreadRecorder;
use viztracer_recorder::clock::monotonic;

/// When to take snapshots; `None`: never. Nobody runs Python with the lock.
static TRIGGERS: Mutex<Option<Arc<Triggers>>> = Mutex::new(None);
/// The signals that ask for snapshots, a bit for each. They stay until the process ends: none of them ends it any more.
static SIGNALS: AtomicU64 = AtomicU64::new(0);
/// Whether they are heard now.
static IS_LISTENING: AtomicBool = AtomicBool::new(false);
/// The last snapshot because of a signal.
static LAST_SIGNAL: Cooldown = Cooldown::new();

/// When to take snapshots, and how to know a child of the run.
struct Triggers {
    slow_calls: Vec<SlowCall>,
    has_killed: bool,
    last_killed: Cooldown,
    rings: Rings,
}

/// Where the ring files of the run are.
#[derive(FromPyObject)]
pub struct Rings {
    path: PathBuf,
    prefix: String,
    session_id: [u8; 16],
}

/// Raises `ValueError` if this is nothing that may take a snapshot.
#[pyfunction]
pub fn check_snapshot_trigger(trigger: &str) -> PyResult<()> {
    trigger.parse::<Trigger>().map(drop).map_err(PyValueError::new_err)
}

/// The shortest time, in ns, that a call with one of these triggers takes; 0: none of them is about calls.
pub fn shortest_time(triggers: &[String]) -> u64 {
    triggers.iter().filter_map(|trigger| trigger::time_of(trigger)).min().unwrap_or(0)
}

/// Has the process take up to `limit` snapshots of this run from now on. For each, the command runs, with a note as its
/// last argument: the time of the monotonic clock in ns, the process id, and why. The command shares a lock on the
/// directory of the ring files. The file `last_claim` is there when all processes together have taken as many.
///
/// Raises `ValueError`: the command is empty, or a text has a NUL.
#[pyfunction]
pub fn arm_snapshots(
    triggers: Vec<String>,
    command: Vec<OsString>,
    environment: Vec<OsString>,
    rings: Rings,
    limit: u64,
    last_claim: OsString,
) -> PyResult<()> {
    let command = Command::new(command, environment, rings.path.clone(), NOTE_SIZE)?;
    prepared::set(Box::new(Prepared::new(command, limit, Claim::new(last_claim)?)));
    let (mut slow_calls, mut has_killed, mut signals) = (Vec::new(), false, 0);
    for trigger in triggers.iter().filter_map(|trigger| trigger.parse().ok()) {
        match trigger {
            Trigger::SlowCall(call) => slow_calls.push(call),
            Trigger::Killed => has_killed = true,
            Trigger::Signal(signal) => signals |= bit(signal),
            Trigger::Exception => {}
        }
    }
    *lock(&TRIGGERS) = Some(Arc::new(Triggers { slow_calls, has_killed, last_killed: Cooldown::new(), rings }));
    SIGNALS.fetch_or(signals, Ordering::Relaxed);
    IS_LISTENING.store(true, Ordering::Relaxed);
    Ok(())
}

/// Takes no more snapshots. Returns how many were not taken since the last time, and why the last one could not begin;
/// `None`: there were enough.
#[pyfunction]
pub fn disarm_snapshots() -> (u64, Option<String>) {
    IS_LISTENING.store(false, Ordering::Relaxed);
    *lock(&TRIGGERS) = None;
    let (missed, error) = prepared::take_missed();
    (missed, (error != 0).then(|| io::Error::from_raw_os_error(error).to_string()))
}

/// The bit that stands for a signal.
fn bit(signal: c_int) -> u64 {
    1_u64.checked_shl(signal as u32).unwrap_or(0)
}

fn triggers() -> Option<Arc<Triggers>> {
    lock(&TRIGGERS).clone()
}

/// At a look of the calling thread: takes a snapshot if a call on it has taken long.
pub fn look(python: Python<'_>) {
    // SAFETY: `take_slow` reads and writes a list of numbers.
    let slow = unsafe { current::with_existing(python, ThreadRecorder::take_slow) }.unwrap_or_default();
    if !slow.is_empty()
        && let Some(triggers) = triggers()
    {
        let thread = current::serial().map_or(0, u64::from);
        slow.into_iter().for_each(|call| triggers.note_slow(thread, recording::slow_call(call)));
    }
}

/// Whether calls of the function with this name are waited for.
pub fn is_awaited(function: &str) -> bool {
    triggers().is_some_and(|triggers| triggers.slow_calls.iter().any(|slow| slow.function.is_match(function)))
}

/// Takes a snapshot if a traced child was killed in a way that nobody asks for.
pub fn child_was_killed(pid: c_int, signal: c_int) {
    if let Some(triggers) = triggers()
        && triggers.has_killed
        && !ORDERLY.contains(&signal)
        && triggers.rings.has_process(pid)
    {
        triggers.last_killed.start(0, u64::MAX, Reason::Killed(pid, signal));
    }
}

/// Whether this signal asks for snapshots.
pub fn is_asked_by(signal: c_int) -> bool {
    SIGNALS.load(Ordering::Relaxed) & bit(signal) != 0
}

/// Takes a snapshot if this signal asks for one; returns whether it does. A signal handler may call this.
pub fn was_asked_by(signal: c_int) -> bool {
    let is_asked = is_asked_by(signal);
    if is_asked && IS_LISTENING.load(Ordering::Relaxed) {
        LAST_SIGNAL.start(0, u64::MAX, Reason::Signal(signal));
    }
    is_asked
}

impl Triggers {
    /// Takes a snapshot if a call that took so many ns on this thread was slow. One that began before the last snapshot
    /// for the same trigger is in that one: a slow call inside of slow calls takes one.
    fn note_slow(&self, thread: u64, (function, duration): (String, u64)) {
        let began = monotonic().saturating_sub(duration);
        let is_slow = |slow: &&SlowCall| duration >= slow.time && slow.function.is_match(&function);
        for slow in self.slow_calls.iter().filter(is_slow) {
            slow.last.start(thread, began, Reason::SlowCall(&function, duration));
        }
    }
}

impl Rings {
    /// Whether a process of the run has or had this id.
    fn has_process(&self, pid: c_int) -> bool {
        let path = self.path.join(format!("{}_{pid}.bin", self.prefix));
        crate::ring_file::ring_session(path) == Some(self.session_id)
    }
}
