//! Which task the calling thread runs, for `log_async`: asked of asyncio, or trio, whenever a coroutine is entered.
//!
//! A task gets its serial when it is first seen. What is kept of it is a weak reference, so that tracing lets no task live
//! longer than the program does. The interpreter raises no events while it is in a hook, so what is called here
//! leaves no trace.

use crate::{current, session};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyWeakrefMethods, PyWeakrefReference};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use viztracer_format::record::RECORD_SIZE;
use viztracer_recorder::ThreadRecorder;

/// Tasks that are known before dead ones are looked for.
const KNOWN_MIN: usize = 1024;

static TASKS: Mutex<Tasks> = Mutex::new(Tasks { session: 0, known: None, crowded: KNOWN_MIN });

/// The tasks of one session.
struct Tasks {
    session: u64,
    /// By address, which another task may have once this one is gone.
    known: Option<HashMap<usize, Known>>,
    /// How many make it worth to look for dead ones.
    crowded: usize,
}

struct Known {
    task: Py<PyWeakrefReference>,
    serial: u32,
    /// The address of the name that was written; a task keeps the object until it is renamed.
    name: usize,
}

/// A coroutine is entered; if that begins a step of a task, the recorder is told of that first.
#[inline(never)]
pub fn enter(function: u32, tag: u64) {
    if !(cfg!(not(Py_3_12)) && current::recorder().is_some_and(|recorder| LAST.awaits(recorder))) {
        begin_step();
    }
    // Asked for anew: while Python ran, another thread may have ended the recording.
    if let Some(recorder) = current::recorder() {
        LAST.top.store(recorder.top() + RECORD_SIZE, Ordering::Relaxed);
        recorder.enter(function, tag);
    }
}

fn begin_step() {
    let running = current::recorder().map_or(0, |recorder| recorder.task());
    let begun = undisturbed(|python| {
        let task = running_task(python)?;
        // Most coroutines are awaited by one of the same step; its task lives, so its address is its own.
        let is_known = running != 0 && LAST.is(task.as_ptr() as usize, running);
        let serial = if is_known { None } else { serial_of(&task) };
        serial.inspect(|serial| LAST.set(task.as_ptr() as usize, *serial))
    });
    if let (Some(serial), Some(recorder)) = (begun.filter(|serial| *serial != running), current::recorder()) {
        recorder.begin_step(serial);
    }
}

/// A coroutine was left: if that ends a step, the recorder is told, and at the task's end its name is read again.
#[inline(never)]
pub fn leave(may_be_over: bool) {
    let Some(recorder) = current::recorder() else { return };
    let before = recorder.task();
    recorder.end_step();
    if may_be_over && recorder.task() != before {
        undisturbed(|python| serial_of(&LAST.of(before, python).or_else(|| running_task(python))?));
    }
}

/// The task that began a step last, by address, its serial, and the top of the stack with the last coroutine on it.
struct Last {
    task: AtomicUsize,
    serial: AtomicU32,
    top: AtomicUsize,
}

static LAST: Last = Last { task: AtomicUsize::new(0), serial: AtomicU32::new(0), top: AtomicUsize::new(0) };

impl Last {
    /// Whether the innermost call is a coroutine of this task, so that one entered now is awaited by it. From 3.12 on it
    /// may also be an eager task's; before, this saves half of the questions, each of which costs a system call.
    fn awaits(&self, recorder: &ThreadRecorder) -> bool {
        let serial = self.serial.load(Ordering::Relaxed);
        serial != 0 && serial == recorder.task() && self.top.load(Ordering::Relaxed) == recorder.top()
    }

    fn is(&self, task: usize, serial: u32) -> bool {
        self.task.load(Ordering::Relaxed) == task && self.serial.load(Ordering::Relaxed) == serial
    }

    /// The task, if it is this one, a step of which has just ended.
    fn of<'py>(&self, serial: u32, python: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let task = self.task.load(Ordering::Relaxed);
        if !self.is(task, serial) {
            return None;
        }
        // SAFETY: a step of it is about to end, so it lives; the GIL is held.
        unsafe { Bound::from_borrowed_ptr_or_opt(python, task as *mut ffi::PyObject) }
    }

    fn set(&self, task: usize, serial: u32) {
        self.task.store(task, Ordering::Relaxed);
        self.serial.store(serial, Ordering::Relaxed);
    }
}

/// Calls Python as if nothing had happened: the exception that is under way, if any, stays so.
fn undisturbed<T>(call: impl FnOnce(Python<'_>) -> Option<T>) -> Option<T> {
    // SAFETY: hooks run with the GIL held.
    let python = unsafe { Python::assume_attached() };
    let error = PyErr::take(python);
    let result = call(python);
    let _ = PyErr::take(python);
    if let Some(error) = error {
        error.restore(python);
    }
    result
}

/// The task that the calling thread runs.
fn running_task(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    asyncio_task(python).or_else(|| trio_task(python))
}

fn asyncio_task(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let running_loop = attribute(python, &RUNNING_LOOP, "asyncio", "_get_running_loop")?.call0().ok()?;
    let task = (!running_loop.is_none()).then(|| task_of_loop(running_loop)).flatten()?;
    (!task.is_none()).then_some(task)
}

#[cfg(Py_3_12)]
fn task_of_loop(running_loop: Bound<'_, PyAny>) -> Option<Bound<'_, PyAny>> {
    static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    attribute(running_loop.py(), &CURRENT_TASK, "asyncio", "current_task")?.call1((running_loop,)).ok()
}

/// Before 3.12 `asyncio.current_task` is Python code for a look into a dictionary, which is done here at once.
#[cfg(not(Py_3_12))]
fn task_of_loop(running_loop: Bound<'_, PyAny>) -> Option<Bound<'_, PyAny>> {
    static CURRENT_TASKS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    attribute(running_loop.py(), &CURRENT_TASKS, "asyncio.tasks", "_current_tasks")?.get_item(running_loop).ok()
}

fn trio_task(python: Python<'_>) -> Option<Bound<'_, PyAny>> {
    static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    attribute(python, &CURRENT_TASK, "trio.lowlevel", "current_task")?.call0().ok()
}

/// What a module has under this name, if the program has imported it.
fn attribute<'py>(
    python: Python<'py>,
    known: &'static PyOnceLock<Py<PyAny>>,
    module: &str,
    name: &str,
) -> Option<&'py Bound<'py, PyAny>> {
    let found = known.get_or_try_init(python, || {
        let modules = python.import("sys")?.getattr("modules")?;
        PyResult::Ok(modules.get_item(module)?.getattr(name)?.unbind())
    });
    found.ok().map(|found| found.bind(python))
}

/// The task's serial; writes its name if it has got another one.
fn serial_of(task: &Bound<'_, PyAny>) -> Option<u32> {
    let name = name_of(task)?;
    if let Some(serial) = known_serial(task, &name) {
        return Some(serial);
    }
    // Not under the lock: making an object may collect garbage, which may let other threads run.
    let reference = PyWeakrefReference::new(task).ok()?.unbind();
    let serial = session::task(&text(&name))?;
    let mut tasks = tasks();
    let known = Known { task: reference, serial, name: name.as_ptr() as usize };
    let replaced = tasks.known.get_or_insert_default().insert(task.as_ptr() as usize, known);
    let mut dead = tasks.forget_the_dead(task.py());
    dead.extend(replaced.map(|known| known.serial)); // another one had its address
    drop(tasks);
    if let Some(recorder) = current::recorder() {
        dead.into_iter().for_each(|serial| session::end_task(serial, recorder));
    }
    Some(serial)
}

fn known_serial(task: &Bound<'_, PyAny>, name: &Bound<'_, PyAny>) -> Option<u32> {
    let mut tasks = tasks();
    let known = tasks.known.as_mut()?.get_mut(&(task.as_ptr() as usize));
    let known = known.filter(|known| is(known.task.bind(task.py()), task))?;
    if known.name != name.as_ptr() as usize {
        known.name = name.as_ptr() as usize;
        session::name_task(known.serial, &text(name));
    }
    Some(known.serial)
}

fn is(reference: &Bound<'_, PyWeakrefReference>, task: &Bound<'_, PyAny>) -> bool {
    reference.upgrade().is_some_and(|living| living.is(task))
}

/// asyncio's tasks have a method for it, trio's an attribute.
fn name_of<'py>(task: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    task.call_method0("get_name").or_else(|_| task.getattr("name")).ok()
}

fn text(name: &Bound<'_, PyAny>) -> String {
    let name: Option<&Bound<'_, PyString>> = name.cast().ok();
    name.map_or_else(|| "Task".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The tasks of this session; those of another one are forgotten.
fn tasks() -> MutexGuard<'static, Tasks> {
    let mut tasks = TASKS.lock().unwrap_or_else(PoisonError::into_inner);
    let session = session::current();
    if tasks.session != session {
        *tasks = Tasks { session, known: None, crowded: KNOWN_MIN };
    }
    tasks
}

impl Tasks {
    /// Lets go of tasks that are no more, from time to time, so that it costs little per task; gives their serials.
    fn forget_the_dead(&mut self, python: Python<'_>) -> Vec<u32> {
        let Some(known) = self.known.as_mut().filter(|known| known.len() > self.crowded) else { return Vec::new() };
        let mut dead = Vec::new();
        known.retain(|_, known| {
            let is_alive = known.task.bind(python).upgrade().is_some();
            dead.extend((!is_alive).then_some(known.serial));
            is_alive
        });
        self.crowded = KNOWN_MIN.max(known.len() * 2);
        dead
    }
}

/// Flags of code objects whose frames a task may begin with (Include/cpython/code.h): coroutines, generators that stand
/// for them, and asynchronous generators.
pub const COROUTINE_FLAGS: u32 = (ffi::CO_COROUTINE | ffi::CO_ITERABLE_COROUTINE | ffi::CO_ASYNC_GENERATOR) as u32;
