//! Arrows from the end of a task to where a task that waited for it goes on.
//!
//! Both ends are OTHER events, flows of the Chrome trace format with an id of their own: one in the last call of the
//! task that ends, one in the first call of the slice in which the other one goes on.

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

/// The most arrows that may lead to one slice of a task.
const ARROWS_MAX: usize = 1024;
/// The most arrows that are open at a time. Those to a task that never goes on, since its loop has ended, stay here.
const OPEN_MAX: usize = 1 << 17;

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
    /// Those that have begun, by the serial of the task that they lead to.
    coming: Option<HashMap<u32, Vec<u64>>>,
}

/// Begins an arrow to each task that waits for the one that the thread runs, if that ends with a call of this code,
/// which is its first one. May run Python.
#[cold]
pub fn begin(python: Python<'_>, number: u64, code: Code) {
    let ids = preserving_exception(|python| {
        let task = running::task(python).filter(|task| code.is_of_coroutine(task))?;
        let waiting = awaiters::of(&task);
        let serials = waiting.iter().filter_map(|task| known::serial_of(number, task));
        Some(serials.filter_map(|serial| add(number, serial)).collect::<Vec<_>>())
    });
    record(python, number, r#"{"ph":"s""#, &ids.unwrap_or_default());
}

/// Whether any arrows have begun and not ended.
#[inline]
pub fn are_open() -> bool {
    OPEN.load(Ordering::Relaxed) > 0
}

/// Ends the arrows that lead to a task, whose slice has just begun.
pub fn end(python: Python<'_>, number: u64, serial: u32) {
    record(python, number, r#"{"ph":"f","bp":"e""#, &take(number, serial));
}

/// Returns the id of a new arrow to a task; `None` if the recording has ended, or too many lead to that task.
fn add(number: u64, serial: u32) -> Option<u64> {
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
    let coming = arrows.coming.get_or_insert_default().entry(serial).or_default();
    if coming.len() == ARROWS_MAX {
        return None;
    }
    coming.push(id);
    arrows.count = arrows.count.wrapping_add(1);
    OPEN.fetch_add(1, Ordering::Relaxed);
    Some(id)
}

fn take(number: u64, serial: u32) -> Vec<u64> {
    let mut arrows = lock(&ARROWS);
    let coming = if arrows.number == number { arrows.coming.as_mut() } else { None };
    let ids = coming.and_then(|coming| coming.remove(&serial)).unwrap_or_default();
    OPEN.fetch_sub(ids.len(), Ordering::Relaxed);
    ids
}

/// Records ends of arrows in the innermost call of the calling thread. `head` is the begin of the JSON object.
fn record(python: Python<'_>, number: u64, head: &str, ids: &[u64]) {
    if ids.is_empty() || !current::is_recording(python) || recording::current() != number {
        return;
    }
    let log = |recorder: &mut ThreadRecorder| {
        for id in ids {
            let json = format!(r#"{head},"cat":"await","name":"await","id":"{id:#x}"}}"#);
            let start = recorder.ticks();
            let event = LoggedEvent { kind: Kind::Other, function: FUNCTION_UNKNOWN, start, duration: 0 };
            recorder.log(event, json.as_bytes());
        }
    };
    // SAFETY: `log` runs no Python. Nor did anything since the questions above.
    unsafe { current::with(python, log) };
}
