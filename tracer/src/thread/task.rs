//! Which task the calling thread runs, for `log_async`: asked of asyncio, or trio, whenever a coroutine is entered.
//!
//! A task gets its serial when it is first seen. What is kept of it is a weak reference, so that tracing lets no task live
//! longer than the program does. The interpreter raises no events while it is in a hook, so what is called here
//! leaves no trace.

use crate::aside::aside;
use crate::function::{Code, EXCLUDED};
use crate::recording;
use crate::thread::current;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyString, PyWeakrefMethods, PyWeakrefReference};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tasks that are known before dead ones are looked for.
const KNOWN_MIN: usize = 1024;

static TASKS: Mutex<Tasks> = Mutex::new(Tasks { number: 0, known: None, crowded: KNOWN_MIN });

/// The tasks of the recording of this number.
struct Tasks {
    number: u64,
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
pub fn enter(code: Code) {
    if !(cfg!(not(Py_3_12)) && LAST.awaits()) {
        begin_step();
    }
    // Python has run, so everything is looked up now: another thread may have ended the recording.
    if !current::is_recording() {
        return;
    }
    let id = code.id();
    // SAFETY: a hook; since the question above, nothing has run Python.
    if let Some(recorder) = unsafe { current::recorder() }.filter(|_| id != EXCLUDED) {
        recorder.enter(id, code.tag());
        LAST.top.store(recorder.top(), Ordering::Relaxed);
    }
}

fn begin_step() {
    let number = recording::current();
    let running = running_serial();
    let begun = aside(|python| {
        let task = running_task(python)?;
        // Most coroutines are awaited by one of the same step; its task lives, so its address is its own.
        let address = task.as_ptr() as usize;
        if running != 0 && LAST.is(number, address, running) {
            return None;
        }
        serial_of(number, &task).inspect(|serial| LAST.set(number, address, *serial))
    });
    let Some(begun) = begun.filter(|begun| *begun != running) else { return };
    if current::is_recording() && recording::current() == number {
        // SAFETY: a hook; since the questions above, nothing has run Python.
        if let Some(recorder) = unsafe { current::recorder() } {
            recorder.resume_task(begun);
        }
    }
}

/// The serial of the task that the recorder knows to run on the calling thread, 0 if none.
fn running_serial() -> u32 {
    // SAFETY: a hook, which only reads a number.
    unsafe { current::recorder() }.map_or(0, |recorder| recorder.task())
}

/// A coroutine was left: if that ends a step, the recorder is told, and at the task's end its name is read again.
#[inline(never)]
pub fn leave(may_be_over: bool) {
    let number = recording::current();
    // SAFETY: a hook; what may run Python comes when the recorder is not used any more.
    let Some(recorder) = (unsafe { current::recorder() }) else { return };
    let before = recorder.task();
    recorder.suspend_task();
    if may_be_over && recorder.task() != before {
        aside(|python| serial_of(number, &running_task(python)?));
    }
}

/// The task that began a step last, by the recording's number, its address and its serial, and the top of the stack with
/// the last coroutine on it. The address is only compared.
struct Last {
    number: AtomicU64,
    task: AtomicUsize,
    serial: AtomicU32,
    top: AtomicUsize,
}

static LAST: Last =
    Last { number: AtomicU64::new(0), task: AtomicUsize::new(0), serial: AtomicU32::new(0), top: AtomicUsize::new(0) };

impl Last {
    /// Whether the innermost call is a coroutine of this task, so that one entered now is awaited by it. From 3.12 on it
    /// may also be an eager task's; before, this saves half of the questions, each of which costs a system call.
    fn awaits(&self) -> bool {
        let serial = self.serial.load(Ordering::Relaxed);
        // SAFETY: a hook, which only reads two numbers.
        let (running, top) =
            unsafe { current::recorder() }.map_or((0, 0), |recorder| (recorder.task(), recorder.top()));
        let is_current = self.number.load(Ordering::Relaxed) == recording::current();
        is_current && serial != 0 && serial == running && self.top.load(Ordering::Relaxed) == top
    }

    fn is(&self, number: u64, task: usize, serial: u32) -> bool {
        self.number.load(Ordering::Relaxed) == number
            && self.task.load(Ordering::Relaxed) == task
            && self.serial.load(Ordering::Relaxed) == serial
    }

    fn set(&self, number: u64, task: usize, serial: u32) {
        self.number.store(number, Ordering::Relaxed);
        self.task.store(task, Ordering::Relaxed);
        self.serial.store(serial, Ordering::Relaxed);
    }
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
        // SAFETY: the GIL is held; the dictionary is borrowed.
        let modules = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyImport_GetModuleDict()) };
        let modules = modules.as_ref().and_then(|modules| modules.cast::<PyDict>().ok()).ok_or(())?;
        let module = modules.get_item(module).ok().flatten().ok_or(())?;
        let found = module.cast::<PyModule>().map_err(drop)?.dict().get_item(name);
        found.ok().flatten().map(Bound::unbind).ok_or(())
    });
    found.ok().map(|found| found.bind(python))
}

/// The task's serial in the recording of this number; writes its name if it has got another one.
fn serial_of(number: u64, task: &Bound<'_, PyAny>) -> Option<u32> {
    let name = name_of(task)?;
    if let Some(serial) = known_serial(number, task, &name) {
        return Some(serial);
    }
    // Not under the lock: making an object may collect garbage, which may let other threads run.
    let reference = PyWeakrefReference::new(task).ok()?.unbind();
    let serial = recording::task(number, &text(&name))?;
    let mut tasks = tasks(number);
    let known = Known { task: reference, serial, name: name.as_ptr() as usize };
    let replaced = tasks.known.get_or_insert_default().insert(task.as_ptr() as usize, known);
    let mut dead = tasks.forget_the_dead(task.py());
    dead.extend(replaced.map(|known| known.serial)); // another one had its address
    drop(tasks);
    if !dead.is_empty()
        // SAFETY: a hook; `end_tasks` runs no Python and keeps the GIL, and the recorder is not used after it.
        && let Some(recorder) = unsafe { current::recorder() }
    {
        recording::end_tasks(number, &dead, recorder);
    }
    Some(serial)
}

fn known_serial(number: u64, task: &Bound<'_, PyAny>, name: &Bound<'_, PyAny>) -> Option<u32> {
    let mut tasks = tasks(number);
    let known = tasks.known.as_mut()?.get_mut(&(task.as_ptr() as usize));
    let known = known.filter(|known| is(known.task.bind(task.py()), task))?;
    if known.name != name.as_ptr() as usize {
        known.name = name.as_ptr() as usize;
        recording::name_task(number, known.serial, &text(name));
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

/// The tasks of the recording of this number; those of another one are forgotten. No object dies under the lock but weak
/// references, which have no callbacks.
fn tasks(number: u64) -> MutexGuard<'static, Tasks> {
    let mut tasks = TASKS.lock().unwrap_or_else(PoisonError::into_inner);
    if tasks.number != number {
        *tasks = Tasks { number, known: None, crowded: KNOWN_MIN };
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
