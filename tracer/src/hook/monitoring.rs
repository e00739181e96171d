//! CPython 3.12 and later: `sys.monitoring` (PEP 669).
//!
//! The callbacks are objects of a small type whose vectorcall slot is the callback itself: the interpreter's cheapest way
//! to call out, 7 ns per call below builtin functions. A location in code that is not recorded answers `DISABLE`
//! and costs nothing from then on; `restart_events` at the next start wakes it again.

use super::Wanted;
use crate::function::{Builtin, Code, EXCLUDED};
use crate::{current, task};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::ffi::{c_int, c_ulong, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::Left;

/// Tool ids in the order in which we ask for them: the two without a meaning first, since `cProfile` in the traced program
/// knows no id but the profilers' own and fails if that is taken; then that one, the optimizers', and
/// those of coverage tools and debuggers.
const TOOL_IDS: [i32; 6] = [4, 3, 2, 5, 1, 0];

/// The tool id we hold, -1 if none.
static TOOL: AtomicI32 = AtomicI32::new(-1);
/// `sys.monitoring.DISABLE`.
static DISABLE: AtomicPtr<PyObject> = AtomicPtr::new(ptr::null_mut());

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
/// Those of C functions.
const C_EVENTS: &Events = &[("CALL", on_call), ("C_RETURN", on_c_return), ("C_RAISE", on_c_raise)];

/// Registers the callbacks and switches their events on.
pub fn install(python: Python<'_>, wanted: Wanted) -> PyResult<()> {
    let monitoring = python.import("sys")?.getattr("monitoring")?;
    DISABLE.store(monitoring.getattr("DISABLE")?.into_ptr(), Ordering::Relaxed);
    let tool = acquire_tool(&monitoring)?;
    let names = monitoring.getattr("events")?;
    let kind = callback_type(python)?;
    let mut events = 0i32;
    let python_events = if wanted.tasks { TASK_EVENTS } else { PYTHON_EVENTS };
    for (name, callback) in python_events.iter().chain(if wanted.c_functions { C_EVENTS } else { &[] }) {
        let event: i32 = names.getattr(*name)?.extract()?;
        monitoring.call_method1("register_callback", (tool, event, new_callback(&kind, *callback)?))?;
        // C_RETURN and C_RAISE come with CALL and cannot be asked for alone.
        events |= event;
    }
    monitoring.call_method1("set_events", (tool, events))?;
    monitoring.call_method0("restart_events")?;
    Ok(())
}

/// Switches all events off and gives the tool id back.
pub fn uninstall(python: Python<'_>) -> PyResult<()> {
    let tool = TOOL.swap(-1, Ordering::Relaxed);
    if tool < 0 {
        return Ok(());
    }
    let monitoring = python.import("sys")?.getattr("monitoring")?;
    if monitoring.call_method1("get_tool", (tool,))?.is_none() {
        return Ok(()); // the program has freed it
    }
    monitoring.call_method1("set_events", (tool, 0))?;
    let names = monitoring.getattr("events")?;
    for (name, _) in PYTHON_EVENTS.iter().chain(C_EVENTS) {
        monitoring.call_method1("register_callback", (tool, names.getattr(*name)?, python.None()))?;
    }
    monitoring.call_method1("free_tool_id", (tool,))?;
    Ok(())
}

/// Takes a free tool id; never somebody else's.
fn acquire_tool(monitoring: &Bound<'_, PyAny>) -> PyResult<i32> {
    let mut holders = Vec::new();
    for tool in TOOL_IDS {
        let holder = monitoring.call_method1("get_tool", (tool,))?;
        if holder.is_none() {
            monitoring.call_method1("use_tool_id", (tool, "viztracer"))?;
            TOOL.store(tool, Ordering::Relaxed);
            return Ok(tool);
        }
        holders.push(format!("{tool} by {holder}"));
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
    // SAFETY: `install` has stored a reference that is never given back.
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
    on_call = |args| enter_c(args);
    on_c_return = |args| leave_c(args, Kind::Return);
    on_c_raise = |args| leave_c(args, Kind::Raise);
}

/// A Python function's span begins.
#[inline(always)]
unsafe fn enter<const TASKS: bool>(args: *const *mut PyObject, can_disable: bool) -> *mut PyObject {
    let Some(recorder) = current::recorder() else { return none() };
    // SAFETY: the caller passes a callback's arguments.
    let code = unsafe { code(args) };
    match code.id() {
        EXCLUDED if can_disable => return disable(),
        EXCLUDED => {}
        id if TASKS && code.is_coroutine() => task::enter(id, code.tag()),
        id => recorder.enter(id, code.tag()),
    }
    none()
}

/// A Python function's span ends.
#[inline(always)]
unsafe fn leave<const TASKS: bool>(args: *const *mut PyObject, kind: Kind, can_disable: bool) -> *mut PyObject {
    let Some(recorder) = current::recorder() else { return none() };
    // SAFETY: the caller passes a callback's arguments.
    let code = unsafe { code(args) };
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
        if let Some(recorder) = current::recorder() {
            recorder.unwind_to(code.tag(), kind);
        }
    } else if can_disable {
        return disable();
    }
    none()
}

/// Something is called; if it is a C function, its span begins.
#[inline(always)]
unsafe fn enter_c(args: *const *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes the arguments of a CALL.
    let Some(builtin) = (unsafe { builtin(args) }) else { return none() };
    let Some(recorder) = current::recorder() else { return none() };
    // SAFETY: as above.
    if unsafe { code(args) }.id() == EXCLUDED {
        return disable();
    }
    let id = builtin.id();
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
    let Some(recorder) = current::recorder() else { return none() };
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
    if let Some(recorder) = current::recorder() {
        recorder.unwind_to(builtin.tag(), kind);
    }
}
