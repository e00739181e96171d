//! CPython 3.12 and later: `sys.monitoring` (PEP 669).
//!
//! The callbacks are objects of a small type whose vectorcall slot is the callback itself: the interpreter's cheapest way
//! to call out, 7 ns per call below builtin functions. A location in code that is not recorded answers `DISABLE`
//! and costs nothing from then on; `restart_events` at the next start wakes it again.

use super::logged;
use super::wanted::Wanted;
use crate::function::{Builtin, Code, EXCLUDED};
use crate::thread::current;
use crate::thread::task;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use std::ffi::{c_int, c_ulong, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, ThreadRecorder};

/// Tool ids in the order in which we ask for them: the two without a meaning first, since `cProfile` in the traced program
/// knows no id but the profilers' own and fails if that is taken; then that one, the optimizers', and
/// those of coverage tools and debuggers.
const TOOL_IDS: [i32; 6] = [4, 3, 2, 5, 1, 0];

/// The tool id we have taken, -1 if none, and the events that we have asked for under it.
static TOOL: AtomicI32 = AtomicI32::new(-1);
static EVENTS: AtomicI32 = AtomicI32::new(0);
/// `sys.monitoring.DISABLE`.
static DISABLE: AtomicPtr<PyObject> = AtomicPtr::new(ptr::null_mut());
/// The object that our tool id is taken with, by which it is known from that of another tool, whatever its name; and the
/// type of our callbacks.
static NAME: PyOnceLock<Py<PyString>> = PyOnceLock::new();
static CALLBACK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Events, each with its callback.
type Events = [(&'static str, ffi::vectorcallfunc)];

/// Those of Python functions.
const PYTHON_EVENTS: &Events = &[
    ("PY_START", on_enter),
    ("PY_RESUME", on_enter),
    ("PY_THROW", on_throw),
    ("PY_RETURN", on_return),
    ("PY_YIELD", on_yield),
    ("PY_UNWIND", on_unwind),
];
/// The same, with an eye on tasks.
const TASK_EVENTS: &Events = &[
    ("PY_START", on_enter_in_task),
    ("PY_RESUME", on_enter_in_task),
    ("PY_THROW", on_throw_in_task),
    ("PY_RETURN", on_return_in_task),
    ("PY_YIELD", on_yield_in_task),
    ("PY_UNWIND", on_unwind_in_task),
];
/// The same, with arguments or return values logged.
const LOGGED_EVENTS: &Events = &[
    ("PY_START", on_enter_logged),
    ("PY_RESUME", on_enter_logged),
    ("PY_THROW", on_throw_logged),
    ("PY_RETURN", on_return_logged),
    ("PY_YIELD", on_yield_logged),
    ("PY_UNWIND", on_unwind_logged),
];
/// Those of C functions.
const C_EVENTS: &Events = &[("CALL", on_call), ("C_RETURN", on_c_return), ("C_RAISE", on_c_raise)];

/// Registers the callbacks and switches their events on. After an error everything is as before.
pub fn install(python: Python<'_>, wanted: Wanted) -> PyResult<()> {
    let monitoring = monitoring(python)?;
    let disable = monitoring.getattr("DISABLE")?;
    DISABLE.store(disable.as_ptr(), Ordering::Relaxed); // immortal, and a part of the interpreter
    let tool = acquire_tool(&monitoring)?;
    register(&monitoring, tool, wanted).inspect_err(|_| {
        let _ = uninstall(python);
    })
}

fn register(monitoring: &Bound<'_, PyAny>, tool: i32, wanted: Wanted) -> PyResult<()> {
    let names = monitoring.getattr("events")?;
    let kind = CALLBACK.get_or_try_init(monitoring.py(), || callback_type(monitoring.py()).map(Bound::unbind))?;
    let mut events = 0i32;
    let python_events = match (logged::prepare(wanted.tasks), wanted.tasks) {
        (true, _) => LOGGED_EVENTS,
        (false, true) => TASK_EVENTS,
        (false, false) => PYTHON_EVENTS,
    };
    for (name, callback) in python_events.iter().chain(if wanted.c_functions { C_EVENTS } else { &[] }) {
        let event: i32 = names.getattr(*name)?.extract()?;
        let callback = new_callback(kind.bind(monitoring.py()), *callback)?;
        monitoring.call_method1("register_callback", (tool, event, callback))?;
        events |= event;
    }
    // C_RETURN and C_RAISE come with CALL, and the interpreter does not tell of them when it is asked for the events.
    for name in ["C_RETURN", "C_RAISE"].iter().filter(|_| wanted.c_functions) {
        let event: i32 = names.getattr(*name)?.extract()?;
        events &= !event;
    }
    EVENTS.store(events, Ordering::Relaxed);
    monitoring.call_method1("set_events", (tool, events))?;
    monitoring.call_method0("restart_events")?;
    Ok(())
}

/// Switches our events off and gives the tool id back; tells whether all was as we had left it. Another tool that has
/// our id by now, or a callback of ours replaced, keeps what it has.
pub fn uninstall(python: Python<'_>) -> PyResult<bool> {
    let tool = TOOL.swap(-1, Ordering::Relaxed);
    if tool < 0 {
        return Ok(true);
    }
    let monitoring = monitoring(python)?;
    let is_ours = holder(&monitoring, tool)?.is_some_and(|holder| is_our_name(&holder));
    let mut is_whole = false;
    if is_ours {
        let events: i32 = monitoring.call_method1("get_events", (tool,))?.extract()?;
        is_whole = events == EVENTS.load(Ordering::Relaxed);
        monitoring.call_method1("set_events", (tool, 0))?;
    }
    // An audit hook may refuse that; the id is given back all the same.
    let unregistered = unregister(&monitoring, tool);
    if is_ours {
        monitoring.call_method1("free_tool_id", (tool,))?;
    }
    Ok(unregistered? && is_whole)
}

/// Takes an id anew if ours is gone, or switches our events on again.
pub fn mend(python: Python<'_>, wanted: Wanted) -> PyResult<bool> {
    let tool = TOOL.load(Ordering::Relaxed);
    if tool < 0 {
        return Ok(false);
    }
    let monitoring = monitoring(python)?;
    if holder(&monitoring, tool)?.is_some_and(|holder| is_our_name(&holder)) {
        let events: i32 = monitoring.call_method1("get_events", (tool,))?.extract()?;
        if events == EVENTS.load(Ordering::Relaxed) {
            return Ok(false);
        }
    }
    uninstall(python)?;
    install(python, wanted).map(|()| true)
}

/// Whether a profile function is our hook: never, here it is none.
pub fn is_hook(_: Python<'_>, _: *mut PyObject) -> bool {
    false
}

/// Takes our callbacks out; tells whether they were the only ones.
fn unregister(monitoring: &Bound<'_, PyAny>, tool: i32) -> PyResult<bool> {
    let names = monitoring.getattr("events")?;
    let none = monitoring.py().None();
    let mut only_ours = true;
    for (name, _) in PYTHON_EVENTS.iter().chain(C_EVENTS) {
        let event = names.getattr(*name)?;
        let callback = monitoring.call_method1("register_callback", (tool, &event, &none))?;
        if !callback.is_none() && !is_our_callback(&callback) {
            only_ours = false;
            monitoring.call_method1("register_callback", (tool, &event, callback))?;
        }
    }
    Ok(only_ours)
}

fn is_our_callback(callback: &Bound<'_, PyAny>) -> bool {
    CALLBACK.get(callback.py()).is_some_and(|kind| callback.get_type().is(kind))
}

/// `sys.monitoring`, without the help of `__import__`, which may be the program's.
fn monitoring(python: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: the GIL is held; the object is borrowed.
    let monitoring = unsafe { ffi::PySys_GetObject(c"monitoring".as_ptr()) };
    // SAFETY: NULL or a living object.
    let monitoring = unsafe { Bound::from_borrowed_ptr_or_opt(python, monitoring) };
    monitoring.ok_or_else(|| PyRuntimeError::new_err("sys.monitoring is gone"))
}

fn holder<'py>(monitoring: &Bound<'py, PyAny>, tool: i32) -> PyResult<Option<Bound<'py, PyAny>>> {
    let holder = monitoring.call_method1("get_tool", (tool,))?;
    Ok((!holder.is_none()).then_some(holder))
}

fn is_our_name(holder: &Bound<'_, PyAny>) -> bool {
    NAME.get(holder.py()).is_some_and(|name| holder.is(name))
}

/// Takes a free tool id, or one that we have; never somebody else's.
fn acquire_tool(monitoring: &Bound<'_, PyAny>) -> PyResult<i32> {
    let name = NAME.get_or_init(monitoring.py(), || PyString::new(monitoring.py(), "viztracer").unbind());
    let mut holders = Vec::new();
    for tool in TOOL_IDS {
        match holder(monitoring, tool)? {
            Some(holder) if !is_our_name(&holder) => holders.push(format!("{tool} by {holder}")),
            held => {
                if held.is_none() {
                    monitoring.call_method1("use_tool_id", (tool, name))?;
                }
                TOOL.store(tool, Ordering::Relaxed);
                return Ok(tool);
            }
        }
    }
    let holders = holders.join(", ");
    Err(PyRuntimeError::new_err(format!("no sys.monitoring tool id is free: {holders}; stop one of these tools first")))
}

/// An object that the interpreter calls through its vectorcall slot.
#[repr(C)]
struct Callback {
    object: PyObject,
    vectorcall: ffi::vectorcallfunc,
}

fn callback_type(python: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let mut members = [
        ffi::PyMemberDef {
            name: c"__vectorcalloffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: offset_of!(Callback, vectorcall) as ffi::Py_ssize_t,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        },
        ffi::PyMemberDef::default(),
    ];
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: ffi::PyVectorcall_Call as *mut c_void },
        ffi::PyType_Slot { slot: ffi::Py_tp_members, pfunc: members.as_mut_ptr().cast() },
        ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let flags = (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_VECTORCALL) as c_ulong as u32;
    let mut spec = ffi::PyType_Spec {
        name: c"viztracer.snaptrace.Callback".as_ptr(),
        basicsize: size_of::<Callback>() as c_int,
        itemsize: 0,
        flags,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the specification is complete, and the interpreter copies what it keeps of it.
    unsafe { Bound::from_owned_ptr_or_err(python, ffi::PyType_FromSpec(&raw mut spec)) }
}

fn new_callback<'py>(kind: &Bound<'py, PyAny>, callback: ffi::vectorcallfunc) -> PyResult<Bound<'py, PyAny>> {
    let kind_pointer = kind.as_ptr().cast::<ffi::PyTypeObject>();
    // SAFETY: a type whose objects have the size of `Callback`.
    let object = unsafe { Bound::from_owned_ptr_or_err(kind.py(), ffi::PyType_GenericAlloc(kind_pointer, 0)) }?;
    // SAFETY: just allocated with room for it.
    unsafe { (*object.as_ptr().cast::<Callback>()).vectorcall = callback };
    Ok(object)
}

/// `None`, which is immortal from 3.12 on and needs no count.
#[inline(always)]
fn none() -> *mut PyObject {
    // SAFETY: a static of the interpreter.
    unsafe { ffi::Py_None() }
}

#[cold]
fn disable() -> *mut PyObject {
    // SAFETY: `install` has stored it, and it lives as long as the interpreter.
    unsafe { ffi::Py_NewRef(DISABLE.load(Ordering::Relaxed)) }
}

/// The code object, the first argument of every callback.
#[inline(always)]
unsafe fn code(args: *const *mut PyObject) -> Code {
    // SAFETY: the interpreter passes at least this argument, a code object.
    unsafe { Code::new(*args) }
}

/// The C function that is called: the third argument of CALL, C_RETURN and C_RAISE, and its first argument, the fourth.
#[inline(always)]
unsafe fn builtin(args: *const *mut PyObject) -> Option<Builtin> {
    // SAFETY: the interpreter passes four living objects to these events.
    unsafe { Builtin::of_call(*args.add(2), *args.add(3)) }
}

/// Defines a callback by what it does with the interpreter's arguments.
macro_rules! callbacks {
    ($($(#[$doc:meta])* $name:ident = |$args:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        unsafe extern "C" fn $name(
            _: *mut PyObject,
            $args: *const *mut PyObject,
            _: usize,
            _: *mut PyObject,
        ) -> *mut PyObject {
            // SAFETY: these are the arguments that the interpreter passes with this event.
            unsafe { $body }
        }
    )*};
}

callbacks! {
    on_enter = |args| enter::<false>(args, true);
    on_enter_in_task = |args| enter::<true>(args, true);
    /// `generator.throw()`: this event cannot be disabled for a location.
    on_throw = |args| enter::<false>(args, false);
    on_throw_in_task = |args| enter::<true>(args, false);
    on_return = |args| leave::<false>(args, Kind::Return, true);
    on_return_in_task = |args| leave::<true>(args, Kind::Return, true);
    on_yield = |args| leave::<false>(args, Kind::Yield, true);
    on_yield_in_task = |args| leave::<true>(args, Kind::Yield, true);
    /// An exception leaves a function: this event cannot be disabled for a location, either.
    on_unwind = |args| leave::<false>(args, Kind::Raise, false);
    on_unwind_in_task = |args| leave::<true>(args, Kind::Raise, false);
    on_enter_logged = |args| enter_logged(args, true);
    on_throw_logged = |args| enter_logged(args, false);
    on_return_logged = |args| leave_logged(args, Kind::Return, true);
    on_yield_logged = |args| leave_logged(args, Kind::Yield, true);
    on_unwind_logged = |args| leave_logged(args, Kind::Raise, false);
    on_call = |args| enter_c(args);
    on_c_return = |args| leave_c(args, Kind::Return);
    on_c_raise = |args| leave_c(args, Kind::Raise);
}

// What follows keeps the rule of `recording`: a hook that finds both its thread and its function in the caches records
// at once. One that does not starts anew out of line: it prepares the thread, which may run Python, then looks for the
// function and then for the recorder, neither of which does.

/// A Python function's span begins.
#[inline(always)]
unsafe fn enter<const TASKS: bool>(args: *const *mut PyObject, can_disable: bool) -> *mut PyObject {
    // SAFETY: the caller passes a callback's arguments.
    let code = unsafe { code(args) };
    let Some(recorder) = current::seen() else { return enter_anew::<TASKS>(code, can_disable) };
    if recorder.is_null() {
        return none();
    }
    let Some(id) = code.known() else { return enter_anew::<TASKS>(code, can_disable) };
    // SAFETY: the recorder of this thread, not null, and nothing has run since it was found.
    unsafe { enter_known::<TASKS>(recorder, code, id, can_disable) }
}

#[cold]
#[inline(never)]
fn enter_anew<const TASKS: bool>(code: Code, can_disable: bool) -> *mut PyObject {
    if !current::is_recording() {
        return none();
    }
    let id = code.id_of_running();
    // SAFETY: as `is_recording` has found it; nothing has run Python since.
    current::seen().map_or(none(), |recorder| unsafe { enter_known::<TASKS>(recorder, code, id, can_disable) })
}

/// # Safety
/// It must be the calling thread's recorder, just found.
#[inline(always)]
unsafe fn enter_known<const TASKS: bool>(
    recorder: *mut ThreadRecorder,
    code: Code,
    id: u32,
    can_disable: bool,
) -> *mut PyObject {
    match id {
        EXCLUDED if can_disable => return disable(),
        EXCLUDED => {}
        _ if TASKS && code.is_coroutine() => task::enter(code),
        // SAFETY: as the caller promises; `enter` runs no Python and keeps the GIL.
        id => unsafe { &mut *recorder }.enter(id, code.tag()),
    }
    none()
}

/// A Python function's span ends.
#[inline(always)]
unsafe fn leave<const TASKS: bool>(args: *const *mut PyObject, kind: Kind, can_disable: bool) -> *mut PyObject {
    // SAFETY: the caller passes a callback's arguments.
    let code = unsafe { code(args) };
    // SAFETY: a hook; `leave` runs no Python and keeps the GIL, and the recorder is not used after it.
    let Some(recorder) = (unsafe { current::recorder() }) else { return none() };
    let answer = match recorder.leave(code.tag(), kind) {
        Left::Recorded => none(),
        Left::Unmatched => leave_unmatched(code, kind, can_disable),
    };
    if TASKS && code.is_coroutine() {
        task::leave(kind != Kind::Yield);
    }
    answer
}

#[cold]
#[inline(never)]
fn leave_unmatched(code: Code, kind: Kind, can_disable: bool) -> *mut PyObject {
    if code.id() != EXCLUDED {
        // SAFETY: a hook; `unwind_to` runs no Python and keeps the GIL.
        if let Some(recorder) = unsafe { current::recorder() } {
            recorder.unwind_to(code.tag(), kind);
        }
    } else if can_disable {
        return disable();
    }
    none()
}

/// A Python function's span begins, with its arguments logged.
unsafe fn enter_logged(args: *const *mut PyObject, can_disable: bool) -> *mut PyObject {
    // SAFETY: the caller passes a callback's arguments.
    let code = unsafe { code(args) };
    if logged::enter(code, false) || !can_disable { none() } else { disable() }
}

/// A Python function's span ends, with what it returns, yields or raises logged: the third argument of these events.
unsafe fn leave_logged(args: *const *mut PyObject, kind: Kind, can_disable: bool) -> *mut PyObject {
    // SAFETY: the caller passes a callback's arguments.
    let code = unsafe { code(args) };
    // SAFETY: the interpreter passes three living objects to these events.
    let is_wanted = unsafe { logged::leave(code, *args.add(2), kind) };
    if is_wanted || !can_disable { none() } else { disable() }
}

/// Something is called; if it is a C function, its span begins.
#[inline(always)]
unsafe fn enter_c(args: *const *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes the arguments of a CALL.
    let Some(builtin) = (unsafe { builtin(args) }) else { return none() };
    // SAFETY: as above.
    let caller = unsafe { code(args) };
    let Some(recorder) = current::seen() else { return enter_c_anew(caller, builtin) };
    if recorder.is_null() {
        return none();
    }
    let Some(caller_id) = caller.known() else { return enter_c_anew(caller, builtin) };
    if caller_id == EXCLUDED {
        return disable();
    }
    let Some(id) = builtin.known() else { return enter_c_anew(caller, builtin) };
    // SAFETY: the recorder of this thread, not null, and nothing has run since it was found.
    enter_known_c(unsafe { &mut *recorder }, builtin, id)
}

#[cold]
#[inline(never)]
fn enter_c_anew(caller: Code, builtin: Builtin) -> *mut PyObject {
    if !current::is_recording() {
        return none();
    }
    if caller.id_of_running() == EXCLUDED {
        return disable();
    }
    let id = builtin.id();
    // SAFETY: a hook; `enter_known_c` runs no Python and keeps the GIL.
    let Some(recorder) = (unsafe { current::recorder() }) else { return none() };
    enter_known_c(recorder, builtin, id)
}

#[inline(always)]
fn enter_known_c(recorder: &mut ThreadRecorder, builtin: Builtin, id: u32) -> *mut PyObject {
    if id != EXCLUDED {
        recorder.enter(id, builtin.tag());
    }
    none()
}

/// What was called is over.
#[inline(always)]
unsafe fn leave_c(args: *const *mut PyObject, kind: Kind) -> *mut PyObject {
    // SAFETY: the caller passes the arguments of a C_RETURN or C_RAISE.
    let Some(builtin) = (unsafe { builtin(args) }) else { return none() };
    // SAFETY: a hook; `leave` runs no Python and keeps the GIL, and the recorder is not used after it.
    let Some(recorder) = (unsafe { current::recorder() }) else { return none() };
    if recorder.leave(builtin.tag(), kind) == Left::Unmatched {
        // SAFETY: as above.
        leave_c_unmatched(unsafe { code(args) }, builtin, kind);
    }
    none()
}

#[cold]
#[inline(never)]
fn leave_c_unmatched(caller: Code, builtin: Builtin, kind: Kind) {
    if caller.id() == EXCLUDED || builtin.id() == EXCLUDED {
        return;
    }
    // SAFETY: a hook; `unwind_to` runs no Python and keeps the GIL.
    if let Some(recorder) = unsafe { current::recorder() } {
        recorder.unwind_to(builtin.tag(), kind);
    }
}
