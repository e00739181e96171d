//! The tasks of the recording, with their serials and names.
//!
//! A task gets its serial when it is first seen. What is kept of it is a weak reference, so tracing lets no task live
//! longer than the program does.

use crate::fallible::{Text, lossy};
use crate::recording;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::thread::current;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// How many tasks are known before dead ones are looked for.
const CROWDED_MIN: usize = 1024;

/// Locked for a look alone: no object dies meanwhile, not even a weak reference, and no Python runs.
static TASKS: Mutex<Tasks> = Mutex::new(Tasks { number: 0, known: None, crowded: CROWDED_MIN });

/// The tasks of the recording of this number.
struct Tasks {
    number: u64,
    /// By address, which another task may have once this one is gone.
    known: Option<HashMap<usize, KnownTask>>,
    /// How many known tasks are worth a search for dead ones.
    crowded: usize,
}

struct KnownTask {
    task: Py<PyWeakrefReference>,
    serial: u32,
    /// The address of the name that was written. A task keeps that object until it is renamed.
    name: usize,
}

/// Returns the task's serial in the recording of this number, if that still goes on. Writes the task's name if it has
/// changed. May run Python.
pub fn serial_of(number: u64, task: &Bound<'_, PyAny>) -> Option<u32> {
    let name = name_of(task)?;
    if let Some(serial) = known_serial(number, task, &name) {
        return Some(serial);
    }
    // Not under the lock: making an object may collect garbage, which may let other threads run.
    let reference = PyWeakrefReference::new(task).ok()?.unbind();
    let serial = recording::task(number, &text(&name))?;
    let known = KnownTask { task: reference, serial, name: name.as_ptr() as usize };
    let replaced = tasks(number)?.known.get_or_insert_default().insert(task.as_ptr() as usize, known);
    let mut dead = forget_the_dead(number, task.py());
    dead.extend(replaced.map(|known| known.serial)); // another task had this address
    end(number, &dead, task.py());
    Some(serial)
}

/// Records that these tasks have ended; the calling thread may have been the last to run them.
fn end(number: u64, serials: &[u32], python: Python<'_>) {
    if !serials.is_empty() {
        // SAFETY: `end_tasks` runs no Python.
        unsafe { current::with(python, |recorder| recording::end_tasks(number, serials, recorder)) };
    }
}

fn known_serial(number: u64, task: &Bound<'_, PyAny>, name: &Bound<'_, PyAny>) -> Option<u32> {
    let address = task.as_ptr() as usize;
    let known = tasks(number)?.known.as_ref()?.get(&address)?.copy(task.py());
    if !is(known.task.bind(task.py()), task) {
        return None;
    }
    if known.name != name.as_ptr() as usize {
        recording::name_task(number, known.serial, &text(name));
        if let Some(known) = tasks(number)?.known.as_mut()?.get_mut(&address) {
            known.name = name.as_ptr() as usize;
        }
    }
    Some(known.serial)
}

fn is(reference: &Bound<'_, PyWeakrefReference>, task: &Bound<'_, PyAny>) -> bool {
    reference.upgrade().is_some_and(|living| living.is(task))
}

/// Returns the name of a task: asyncio's have a method for it, trio's an attribute.
fn name_of<'py>(task: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    task.call_method0(Text("get_name")).or_else(|_| task.getattr(Text("name"))).ok()
}

fn text(name: &Bound<'_, PyAny>) -> String {
    lossy(name).unwrap_or_else(|_| "Task".to_owned())
}

/// Returns the tasks of the recording of this number, and forgets those of an earlier one; `None` if that recording has
/// ended.
fn tasks(number: u64) -> Option<MutexGuard<'static, Tasks>> {
    loop {
        if recording::current() != number {
            return None;
        }
        let mut tasks = lock(&TASKS);
        if tasks.number == number {
            return Some(tasks);
        }
        let earlier = std::mem::replace(&mut *tasks, Tasks { number, known: None, crowded: CROWDED_MIN });
        drop(tasks);
        drop(earlier); // not under the lock: weak references die
    }
}

/// Lets go of tasks that are no more, from time to time, so that it costs little per task; returns their serials.
fn forget_the_dead(number: u64, python: Python<'_>) -> Vec<u32> {
    let Some(known) = tasks(number).and_then(|tasks| tasks.if_crowded(python)) else { return Vec::new() };
    // Not under the lock: a task that is asked for may die with the answer.
    let is_dead = |known: &KnownTask| known.task.bind(python).upgrade().is_none();
    let dead: Vec<_> = known.into_iter().filter(|(_, known)| is_dead(known)).collect();
    let removed = tasks(number).map_or_else(Vec::new, |mut tasks| tasks.remove(&dead));
    removed.iter().map(|known| known.serial).collect()
}

impl Tasks {
    /// Returns a copy of all that is known, if that is much.
    fn if_crowded(&self, python: Python<'_>) -> Option<Vec<(usize, KnownTask)>> {
        let known = self.known.as_ref().filter(|known| known.len() > self.crowded)?;
        Some(known.iter().map(|(address, known)| (*address, known.copy(python))).collect())
    }

    /// Removes these tasks; returns those that were there.
    fn remove(&mut self, dead: &[(usize, KnownTask)]) -> Vec<KnownTask> {
        let Some(known) = &mut self.known else { return Vec::new() };
        let mut removed = Vec::new();
        for (address, KnownTask { serial, .. }) in dead {
            if let Entry::Occupied(entry) = known.entry(*address)
                && entry.get().serial == *serial
            {
                removed.push(entry.remove());
            }
        }
        self.crowded = CROWDED_MIN.max(known.len() * 2);
        removed
    }
}

impl KnownTask {
    fn copy(&self, python: Python<'_>) -> KnownTask {
        KnownTask { task: self.task.clone_ref(python), serial: self.serial, name: self.name }
    }
}
