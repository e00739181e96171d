//! Instants that are due when a thread next looks: marks of the session, and ends of times in which nothing was recorded.

use crate::logged::event;
use crate::recording;
use crate::sync::{Mutex, lock};
use pyo3::prelude::*;
use std::collections::VecDeque;
use viztracer_format::clock::Anchor;
use viztracer_recorder::clock::monotonic;

/// Nobody runs Python with the lock.
static INSTANTS: Mutex<Option<Instants>> = Mutex::new(None);

struct Instants {
    /// An anchor from the import of this module.
    imported: Anchor,
    /// Time and name of each.
    due: VecDeque<(u64, String)>,
}

/// Forgets all instants. `imported` is an anchor from the import of this module.
pub fn begin(imported: Anchor) {
    *lock(&INSTANTS) = Some(Instants { imported, due: VecDeque::new() });
}

/// Has instants recorded that happened at these times of the monotonic clock, in ns.
pub fn note(instants: impl IntoIterator<Item = (u64, String)>) {
    if let Some(known) = &mut *lock(&INSTANTS) {
        known.due.extend(instants);
    }
}

/// Has an instant recorded that happens now.
pub fn note_now(name: &str) {
    note([(monotonic(), name.to_owned())]);
}

/// Records on the calling thread what is due. May run Python.
pub fn record(python: Python<'_>) {
    while recording::current() != 0
        && let Some((time, name, imported)) = next()
    {
        event::instant_at(python, &name, time, imported);
    }
}

fn next() -> Option<(u64, String, Anchor)> {
    let mut instants = lock(&INSTANTS);
    let instants = instants.as_mut()?;
    instants.due.pop_front().map(|(time, name)| (time, name, instants.imported))
}
