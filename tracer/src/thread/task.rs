//! The asyncio or trio task that the calling thread runs, for `log_async`. It is asked for whenever a coroutine is
//! entered. [`work`] adds arrows from the submit of a pool's work to its start.
//!
//! A thread runs a task in slices: from the entry of the task's coroutine until that waits or ends. The recorder learns
//! where slices begin and end. The interpreter raises no events while it is in a hook, so what is called here leaves no
//! trace.

mod arrows;
mod awaiters;
mod known;
mod running;
#[cfg(Py_3_12)]
mod work;

use crate::function::{Code, EXCLUDED};
use crate::preserve::preserving_exception;
use crate::recording;
use crate::thread::current::{self, LastEvent};
use pyo3::Borrowed;
use pyo3::prelude::*;
use std::cell::Cell;
use viztracer_recorder::ThreadRecorder;

/// Records the entry of a coroutine; if a slice of a task begins with it, that comes first. Also records the entry of a
/// step of a pool's work, with one end of the arrow from its submit to its start.
#[inline(never)]
pub fn enter(python: Python<'_>, code: Code) {
    #[cfg(Py_3_12)]
    if let Some(step) = crate::function::Step::of_id(code.id()) {
        return work::enter(python, code, step);
    }
    let begun = if cfg!(not(Py_3_12)) && LAST.get().awaits(python) { None } else { begin_slice(python) };
    // Python has run, so everything is looked up now: another thread may have ended the recording.
    if !current::is_recording(python) {
        return;
    }
    let id = code.id();
    if id == EXCLUDED {
        return;
    }
    // Not `current::with`: where the thread has to be prepared, the id may be of another recording.
    let LastEvent::Recording(found) = current::last_event(python) else { return };
    // SAFETY: just found; neither operation runs Python.
    let top = unsafe {
        found.with(|recorder| {
            recorder.enter(id, code.tag());
            recorder.top()
        })
    };
    LAST.set(Last { top, ..LAST.get() });
    if let Some((number, serial)) = begun.filter(|_| arrows::are_open() && is_first_call(python, code)) {
        arrows::end(python, number, arrows::Target::Task(serial));
    }
}

/// Begins a slice of a task, if one begins now. Returns the number of the recording and the serial of the task.
fn begin_slice(python: Python<'_>) -> Option<(u64, u32)> {
    let number = recording::current();
    let running = recorded_task(python);
    let begun = preserving_exception(|python| {
        let task = running::task(python)?;
        // Most coroutines are awaited by one in the same slice. Its task lives, so no other task has its address.
        let address = task.as_ptr() as usize;
        if running != 0 && LAST.get().is(number, address, running) {
            return None;
        }
        let serial = known::serial_of(number, &task)?;
        LAST.set(Last { number, task: address, serial, ..LAST.get() });
        Some(serial)
    });
    let begun = begun.filter(|begun| *begun != running)?;
    if !(current::is_recording(python) && recording::current() == number) {
        return None;
    }
    // SAFETY: `resume_task` runs no Python. Nor did anything since the questions above, so the serial belongs to this
    // recording.
    unsafe { current::with(python, |recorder| recorder.resume_task(begun)) };
    Some((number, begun))
}

/// Whether the innermost open call is of this code, and the first one of the task that runs.
fn is_first_call(python: Python<'_>, code: Code) -> bool {
    let is_first = |recorder: &mut ThreadRecorder| recorder.has_short_calls() && recorder.is_first_of_task(code.tag());
    // SAFETY: `is_first` reads the recorder.
    unsafe { current::with(python, is_first) }.unwrap_or(false)
}

/// Begins arrows to the tasks that wait for the one that runs, if the call of this code that is about to end is its
/// first one. If the code is a step of a pool's work, records its end of the arrow instead. May run Python.
#[inline(never)]
pub fn end(python: Python<'_>, code: Code, value: Option<Borrowed<'_, '_, PyAny>>) {
    #[cfg(Py_3_12)]
    if let Some(step) = crate::function::Step::of_id(code.id()) {
        return value.into_iter().for_each(|value| work::end(python, code, step, value));
    }
    #[cfg(not(Py_3_12))]
    let _ = value;
    let number = recording::current();
    if is_first_call(python, code) {
        arrows::begin(python, number, code);
    }
}

/// Returns the serial of the task that the calling thread's recorder knows to run, 0 if none.
fn recorded_task(python: Python<'_>) -> u32 {
    // SAFETY: reads a number of the recorder.
    unsafe { current::with(python, |recorder| recorder.task()) }.unwrap_or(0)
}

/// Ends the slice that ended with a coroutine's end, if one did. A task that may be over has its name read again.
#[inline(never)]
pub fn leave(python: Python<'_>, may_be_over: bool) {
    let number = recording::current();
    // SAFETY: no operation in it runs Python.
    let has_ended = unsafe {
        current::with(python, |recorder| {
            let before = recorder.task();
            recorder.suspend_task();
            recorder.task() != before
        })
    };
    if may_be_over && has_ended == Some(true) {
        preserving_exception(|python| known::serial_of(number, &running::task(python)?));
    }
}

/// The task that began a slice last on a thread, and where the stack ended after the last coroutine was entered.
#[derive(Clone, Copy)]
struct Last {
    /// The number of the recording.
    number: u64,
    /// The address of the task; it is only compared.
    task: usize,
    serial: u32,
    top: usize,
}

std::thread_local! {
    static LAST: Cell<Last> = const { Cell::new(Last { number: 0, task: 0, serial: 0, top: 0 }) };
}

impl Last {
    /// Whether the innermost call is a coroutine of this task, so that one entered now is awaited by it. From 3.12 on
    /// it may also be an eager task's. Before, this saves half of the questions, each of which costs a system call.
    fn awaits(self, python: Python<'_>) -> bool {
        // SAFETY: reads two numbers of the recorder.
        let recorded = unsafe { current::with(python, |recorder| (recorder.task(), recorder.top())) };
        let (running, top) = recorded.unwrap_or((0, 0));
        self.number == recording::current() && self.serial != 0 && self.serial == running && self.top == top
    }

    fn is(self, number: u64, task: usize, serial: u32) -> bool {
        (self.number, self.task, self.serial) == (number, task, serial)
    }
}
