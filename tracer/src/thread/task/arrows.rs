//! Arrows from the end of a task to where a task that waited for it goes on, and from where work is submitted to a pool
//! to where it starts.
//!
//! Both ends are OTHER events, flows of the Chrome trace format with an id of their own: one in the last call of the
//! task that ends, one in the first call of the slice in which the other one goes on; or one in the call that submits
//! the work, one in the call that runs it. An arrow to another process ends before that call begins.

use super::{awaiters, known, running};
use crate::function::Code;
use crate::preserve::preserving_exception;
use crate::recording;
use crate::sync::{Mutex, lock};
use crate::thread::current;
use pyo3::prelude::*;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
use viztracer_recorder::{LoggedEvent, ThreadRecorder};

/// Where an arrow leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The task of this serial.
    Task(u32),
    /// The work that the object at this address stands for.
    #[cfg_attr(not(Py_3_12), allow(dead_code, reason = "steps of work are found from 3.12 on"))]
    Work(usize),
}

impl Target {
    /// The category and the name of the events.
    fn name(self) -> &'static str {
        match self {
            Target::Task(_) => "await",
            Target::Work(_) => "submit",
        }
    }
}

/// The most arrows that may lead to one slice of a task.
const ARROWS_MAX: usize = 1024;
/// The most arrows that are open at a time. Those to a task that never goes on, since its loop has ended, stay here.
const OPEN_MAX: usize = 1 << 17;

/// How the JSON objects of both ends begin. An end is in the innermost call, or in the one that begins next.
const BEGIN: &str = r#"{"ph":"s""#;
const END: &str = r#"{"ph":"f","bp":"e""#;
#[cfg(Py_3_12)]
const END_IN_NEXT: &str = r#"{"ph":"f""#;

static ARROWS: Mutex<Arrows> = Mutex::new(Arrows { number: 0, base: 0, count: 0, coming: None });
/// How many arrows have begun and not ended.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The arrows of the recording of this number.
struct Arrows {
    number: u64,
    /// The upper half of the ids: random, so that the ids of other processes differ. A forked process inherits the
    /// random seed, so the pid and the time are in it, too.
    base: u64,
    count: u32,
    /// Those that have begun, by where they lead to.
    coming: Option<HashMap<Target, Vec<u64>>>,
}

/// Begins an arrow to each task that waits for the one that the thread runs, if that ends with a call of this code,
/// which is its first one. May run Python.
#[cold]
pub fn begin(python: Python<'_>, number: u64, code: Code) {
    let ids = preserving_exception(|python| {
        let task = running::task(python).filter(|task| code.is_of_coroutine(task))?;
        let waiting = awaiters::of(&task);
        let serials = waiting.iter().filter_map(|task| known::serial_of(number, task));
        Some(serials.filter_map(|serial| add(number, Target::Task(serial))).collect::<Vec<_>>())
    });
    record(python, number, BEGIN, "await", &ids.unwrap_or_default());
}

/// Begins the only arrow to a target.
#[cfg(Py_3_12)]
pub fn begin_at(python: Python<'_>, number: u64, target: Target) {
    take(number, target); // of an object that had the address before
    let id = add(number, target);
    record(python, number, BEGIN, target.name(), id.as_slice());
}

/// Begins arrows to other processes, with ids that both processes know.
#[cfg(Py_3_12)]
pub fn send(python: Python<'_>, number: u64, ids: &[u64]) {
    record(python, number, BEGIN, "submit", ids);
}

/// Ends arrows from another process, in the call that the calling thread begins next, unless that call may be left out
/// for being too short.
#[cfg(Py_3_12)]
pub fn receive(python: Python<'_>, number: u64, ids: &[u64]) {
    // SAFETY: `has_short_calls` reads an option of the recorder.
    let has_short_calls = unsafe { current::with(python, |recorder| recorder.has_short_calls()) };
    if has_short_calls == Some(true) {
        record(python, number, END_IN_NEXT, "submit", ids);
    }
}

/// Whether any arrows have begun and not ended.
#[inline]
pub fn are_open() -> bool {
    OPEN.load(Ordering::Relaxed) > 0
}

/// Ends the arrows that lead to a target: a task whose slice has just begun, or work that has just started.
pub fn end(python: Python<'_>, number: u64, target: Target) {
    record(python, number, END, target.name(), &take(number, target));
}

/// Returns the id of a new arrow; `None` if the recording has ended, or too many lead to that target.
fn add(number: u64, target: Target) -> Option<u64> {
    let mut arrows = lock(&ARROWS);
    if arrows.number != number {
        let base = RandomState::new().hash_one((number, std::process::id(), Instant::now())) << 32;
        *arrows = Arrows { number, base, count: 0, coming: None };
        OPEN.store(0, Ordering::Relaxed);
    }
    if OPEN.load(Ordering::Relaxed) >= OPEN_MAX {
        arrows.coming = None;
        OPEN.store(0, Ordering::Relaxed);
    }
    let id = arrows.base | u64::from(arrows.count);
    let coming = arrows.coming.get_or_insert_default().entry(target).or_default();
    if coming.len() == ARROWS_MAX {
        return None;
    }
    coming.push(id);
    arrows.count = arrows.count.wrapping_add(1);
    OPEN.fetch_add(1, Ordering::Relaxed);
    Some(id)
}

fn take(number: u64, target: Target) -> Vec<u64> {
    let mut arrows = lock(&ARROWS);
    let coming = if arrows.number == number { arrows.coming.as_mut() } else { None };
    let ids = coming.and_then(|coming| coming.remove(&target)).unwrap_or_default();
    OPEN.fetch_sub(ids.len(), Ordering::Relaxed);
    ids
}

/// Records ends of arrows in the innermost call of the calling thread. `head` is the begin of the JSON object.
fn record(python: Python<'_>, number: u64, head: &str, name: &str, ids: &[u64]) {
    if ids.is_empty() || !current::is_recording(python) || recording::current() != number {
        return;
    }
    let log = |recorder: &mut ThreadRecorder| {
        for id in ids {
            let json = format!(r#"{head},"cat":"{name}","name":"{name}","id":"{id:#x}"}}"#);
            let start = recorder.ticks();
            let event = LoggedEvent { kind: Kind::Other, function: FUNCTION_UNKNOWN, start, duration: 0 };
            recorder.log(event, json.as_bytes());
        }
    };
    // SAFETY: `log` runs no Python. Nor did anything since the questions above.
    unsafe { current::with(python, log) };
}
