//! The callbacks of `sys.monitoring`: what happens at each event.
//!
//! They keep the rule of [`crate::recording`]. A callback that finds both its thread and its function in the caches
//! records at once. One that does not starts anew out of line: it prepares the thread, which may run Python, then looks
//! for the function and then for the recorder, neither of which does.

use super::counting;
use crate::due;
use crate::fallible::Text;
use crate::function::{Builtin, Code, EXCLUDED};
use crate::greenlets;
use crate::hook::logged;
use crate::recording;
use crate::thread::current::{self, Found, LastEvent};
use crate::thread::{calls, task};
use pyo3::Borrowed;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use viztracer_format::record::Kind;
use viztracer_recorder::Left;

/// `sys.monitoring.DISABLE`.
static DISABLE: AtomicPtr<PyObject> = AtomicPtr::new(ptr::null_mut());

/// An event by its name in `sys.monitoring.events`, with its callback.
pub struct Event {
    pub name: &'static str,
    pub callback: ffi::vectorcallfunc,
    /// Whether it is an event to ask for. C_RETURN and C_RAISE come with CALL, and the interpreter does not list them.
    pub is_shown: bool,
}

const fn event(name: &'static str, callback: ffi::vectorcallfunc) -> Event {
    Event { name, callback, is_shown: true }
}

const fn with_call(name: &'static str, callback: ffi::vectorcallfunc) -> Event {
    Event { name, callback, is_shown: false }
}

/// The events at which a Python function begins, or goes on.
pub const ENTRIES: &[Event] = &[event("PY_START", on_enter), event("PY_RESUME", on_enter), event("PY_THROW", on_throw)];
/// The same events, with callbacks that distinguish asyncio's tasks.
pub const TASK_ENTRIES: &[Event] =
    &[event("PY_START", on_enter_in_task), event("PY_RESUME", on_enter_in_task), event("PY_THROW", on_throw_in_task)];
/// The same events, with callbacks that log arguments.
pub const LOGGED_ENTRIES: &[Event] =
    &[event("PY_START", on_enter_logged), event("PY_RESUME", on_enter_logged), event("PY_THROW", on_throw_logged)];
/// The events at which a Python function ends, or waits.
pub const EXITS: &[Event] =
    &[event("PY_RETURN", on_return), event("PY_YIELD", on_yield), event("PY_UNWIND", on_unwind)];
/// The same events, with callbacks that distinguish asyncio's tasks.
pub const TASK_EXITS: &[Event] = &[
    event("PY_RETURN", on_return_in_task),
    event("PY_YIELD", on_yield_in_task),
    event("PY_UNWIND", on_unwind_in_task),
];
/// The same events, with callbacks that log return values.
pub const LOGGED_EXITS: &[Event] =
    &[event("PY_RETURN", on_return_logged), event("PY_YIELD", on_yield_logged), event("PY_UNWIND", on_unwind_logged)];
/// The events of C functions.
pub const C_EVENTS: &[Event] =
    &[event("CALL", on_call), with_call("C_RETURN", on_c_return), with_call("C_RAISE", on_c_raise)];

/// The events at which a call of an elided function is counted.
pub const COUNTED: [&str; 2] = ["PY_START", "PY_RESUME"];

/// Looks up what a callback answers at a location that is not recorded.
pub fn know_disable(monitoring: &Bound<'_, PyAny>) -> PyResult<()> {
    let disable = monitoring.getattr(Text("DISABLE"))?;
    if DISABLE.load(Ordering::Relaxed) != disable.as_ptr() {
        // A reference for ever, wherever the program puts its own: a hook may be about to answer the one before.
        DISABLE.store(disable.into_ptr(), Ordering::Release);
    }
    Ok(())
}

/// Returns `None`, which is immortal from 3.12 on and needs no count.
#[inline(always)]
fn none() -> *mut PyObject {
    // SAFETY: a static of the interpreter.
    unsafe { ffi::Py_None() }
}

#[cold]
fn disable() -> *mut PyObject {
    // SAFETY: `know_disable` has stored it before the first callback was registered, and keeps a reference.
    unsafe { ffi::Py_NewRef(DISABLE.load(Ordering::Acquire)) }
}

/// The arguments of a callback: so many living objects, of which each event has more than its callback reads.
#[derive(Clone, Copy)]
struct Arguments<const COUNT: usize>(*const *mut PyObject);

impl<const COUNT: usize> Arguments<COUNT> {
    /// # Safety
    /// They must be the arguments of a vectorcall that goes on, with this number and flag of it.
    #[inline(always)]
    unsafe fn new(arguments: *const *mut PyObject, count: usize) -> Option<Arguments<COUNT>> {
        // A program may take a callback out of `sys.monitoring` and call it with whatever it likes.
        // The flag is the highest bit, which the shift drops.
        (count << 1 >= COUNT << 1).then_some(Arguments(arguments))
    }

    /// The code object whose event it is.
    #[inline(always)]
    fn code(self) -> Code {
        // SAFETY: `new` has seen at least one argument. It lives until the callback is left, and the GIL is held.
        unsafe { Code::new(*self.0) }
    }
}

impl Arguments<3> {
    /// The value that the function returns, yields or raises: the third argument of PY_RETURN, PY_YIELD and PY_UNWIND.
    fn value(self) -> *mut PyObject {
        // SAFETY: `new` has seen three arguments.
        unsafe { *self.0.add(2) }
    }

    /// The value that the function returns, if it does.
    fn returned<'a>(self, python: Python<'a>, kind: Kind) -> Option<Borrowed<'a, 'a, PyAny>> {
        // SAFETY: an object that lives until the callback is left.
        (kind == Kind::Return).then(|| unsafe { Borrowed::from_ptr(python, self.value()) })
    }
}

impl Arguments<4> {
    /// The C function that is called: the third argument of CALL, C_RETURN and C_RAISE; its first argument is the
    /// fourth.
    #[inline(always)]
    fn builtin(self) -> Option<Builtin> {
        // SAFETY: `new` has seen four arguments.
        let (callable, first) = unsafe { (*self.0.add(2), *self.0.add(3)) };
        // SAFETY: they live until the callback is left, and the GIL is held.
        unsafe { Builtin::of_call(callable, first) }
    }

    /// Whether an elided Python function is called, or a class whose `__init__` is elided: the third argument of CALL.
    fn calls_elided(self, python: Python<'_>) -> bool {
        // SAFETY: `new` has seen four arguments. They live until the callback is left.
        let code = unsafe { Code::of_call(python, *self.0.add(2)) };
        code.is_some_and(Code::is_elided)
    }
}

/// Defines callbacks by what each does with its arguments.
macro_rules! callbacks {
    ($($(#[$doc:meta])* $public:vis $name:ident = |$python:ident, $arguments:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        $public unsafe extern "C" fn $name(
            _: *mut PyObject,
            arguments: *const *mut PyObject,
            count: usize,
            _: *mut PyObject,
        ) -> *mut PyObject {
            // SAFETY: the interpreter calls on an attached thread.
            let $python = unsafe { Python::assume_attached() };
            // SAFETY: this is a vectorcall, whose arguments these are.
            let Some($arguments) = (unsafe { Arguments::new(arguments, count) }) else { return none() };
            $body
        }
    )*};
}

callbacks! {
    on_enter = |python, arguments| enter::<false>(python, arguments, true);
    on_enter_in_task = |python, arguments| enter::<true>(python, arguments, true);
    /// `generator.throw()`: this event cannot be disabled for a location. CPython 3.15 accepts `DISABLE`, but goes on
    /// with what `set_events` asks for.
    on_throw = |python, arguments| enter::<false>(python, arguments, false);
    on_throw_in_task = |python, arguments| enter::<true>(python, arguments, false);
    on_return = |python, arguments| leave::<false>(python, arguments, Kind::Return, true);
    on_return_in_task = |python, arguments| leave::<true>(python, arguments, Kind::Return, true);
    on_yield = |python, arguments| leave::<false>(python, arguments, Kind::Yield, true);
    on_yield_in_task = |python, arguments| leave::<true>(python, arguments, Kind::Yield, true);
    /// An exception leaves a function: this event cannot be disabled for a location, either.
    on_unwind = |python, arguments| leave::<false>(python, arguments, Kind::Raise, false);
    on_unwind_in_task = |python, arguments| leave::<true>(python, arguments, Kind::Raise, false);
    on_enter_logged = |python, arguments| enter_logged(python, arguments, true);
    on_throw_logged = |python, arguments| enter_logged(python, arguments, false);
    on_return_logged = |python, arguments| leave_logged(python, arguments, Kind::Return, true);
    on_yield_logged = |python, arguments| leave_logged(python, arguments, Kind::Yield, true);
    on_unwind_logged = |python, arguments| leave_logged(python, arguments, Kind::Raise, false);
    on_call = |python, arguments| enter_c(python, arguments);
    on_c_return = |python, arguments| leave_c(python, arguments, Kind::Return);
    on_c_raise = |python, arguments| leave_c(python, arguments, Kind::Raise);
    /// An elided function is entered, in a burst.
    pub on_counted = |python, arguments| {
        let arguments: Arguments<1> = arguments;
        counting::count(python, arguments.code().address());
        none()
    };
}

/// A Python function is entered.
#[inline(always)]
fn enter<const TASKS: bool>(python: Python<'_>, arguments: Arguments<1>, can_disable: bool) -> *mut PyObject {
    let code = arguments.code();
    let found = match current::last_event(python) {
        LastEvent::Unknown => return enter_anew::<TASKS>(python, code, can_disable),
        LastEvent::NotRecording => return none(),
        LastEvent::Recording(found) => found,
    };
    let Some(id) = code.known() else { return enter_anew::<TASKS>(python, code, can_disable) };
    // SAFETY: nothing has run since it was found: `known` reads a cache.
    unsafe { enter_known::<TASKS>(python, found, code, id, can_disable) }
}

#[cold]
#[inline(never)]
fn enter_anew<const TASKS: bool>(python: Python<'_>, code: Code, can_disable: bool) -> *mut PyObject {
    if !current::is_recording(python) {
        return none();
    }
    let id = greenlets::id_of_running(python, code);
    match current::last_event(python) {
        // SAFETY: just found.
        LastEvent::Recording(found) => unsafe { enter_known::<TASKS>(python, found, code, id, can_disable) },
        LastEvent::NotRecording | LastEvent::Unknown => none(),
    }
}

/// # Safety
/// No Python has run since the recorder was found.
#[inline(always)]
unsafe fn enter_known<const TASKS: bool>(
    python: Python<'_>,
    found: Found<'_>,
    code: Code,
    id: u32,
    can_disable: bool,
) -> *mut PyObject {
    match id {
        EXCLUDED if can_disable => return disable(),
        EXCLUDED => {}
        _ if TASKS && code.is_async() => task::enter(python, code),
        // SAFETY: as the caller promises, and `is_async` runs no Python; nor does `enter`.
        id => unsafe { found.with(|recorder| recorder.enter(id, code.tag())) },
    }
    none()
}

/// A Python function is left.
#[inline(always)]
fn leave<const TASKS: bool>(
    python: Python<'_>,
    arguments: Arguments<3>,
    kind: Kind,
    can_disable: bool,
) -> *mut PyObject {
    let code = arguments.code();
    if TASKS && kind != Kind::Yield && code.is_async() {
        task::end(python, code, arguments.returned(python, kind));
    }
    let (answer, is_due) = match calls::leave(python, code.tag(), kind) {
        None => return none(),
        Some(Left::Recorded) => (none(), false),
        Some(Left::Due) => (none(), true),
        Some(Left::Unmatched) => leave_unmatched(python, code, kind, can_disable),
    };
    if TASKS && code.is_async() {
        task::leave(python, kind != Kind::Yield);
    }
    if is_due {
        due::act();
    }
    answer
}

/// Returns what the callback answers, and whether it is time to look at the session's switches.
#[cold]
#[inline(never)]
fn leave_unmatched(python: Python<'_>, code: Code, kind: Kind, can_disable: bool) -> (*mut PyObject, bool) {
    match code.id() {
        EXCLUDED if can_disable => (disable(), false),
        EXCLUDED => (none(), false),
        _ => (none(), calls::unwind_to(python, code.tag(), kind)),
    }
}

/// A Python function is entered, and its arguments are logged.
fn enter_logged(python: Python<'_>, arguments: Arguments<1>, can_disable: bool) -> *mut PyObject {
    if logged::enter(python, arguments.code(), false) || !can_disable { none() } else { disable() }
}

/// A Python function is left, and its value is logged.
fn leave_logged(python: Python<'_>, arguments: Arguments<3>, kind: Kind, can_disable: bool) -> *mut PyObject {
    if kind != Kind::Yield && logged::is_of_task(arguments.code()) {
        task::end(python, arguments.code(), arguments.returned(python, kind));
    }
    // SAFETY: an argument of the callback, which lives until the callback is left.
    let is_included = unsafe { logged::leave(python, arguments.code(), arguments.value(), kind) };
    if is_included || !can_disable { none() } else { disable() }
}

/// A Python function, a type or the like is called. PY_START records it. A place that calls an elided function is switched
/// off, since each event there takes time. It may call a C function later, so the file says that calls of C functions by
/// this caller may be missing.
#[inline(always)]
fn call_python(python: Python<'_>, arguments: Arguments<4>) -> *mut PyObject {
    if recording::has_elided() && arguments.calls_elided(python) { switch_off(arguments.code()) } else { none() }
}

#[cold]
#[inline(never)]
fn switch_off(caller: Code) -> *mut PyObject {
    if recording::elide_some_c_calls(caller.id()) { disable() } else { none() }
}

/// Something is called; only C functions are recorded here. In code that is left out no call matters, whatever it calls
/// the next time, so the first one at each location switches the event off.
#[inline(always)]
fn enter_c(python: Python<'_>, arguments: Arguments<4>) -> *mut PyObject {
    match arguments.code().is_known_to_hide_c_calls() {
        Some(false) => {}
        Some(true) => return disable(),
        None => return enter_c_anew(python, arguments),
    }
    let Some(builtin) = arguments.builtin() else { return call_python(python, arguments) };
    let found = match current::last_event(python) {
        LastEvent::Unknown => return enter_c_anew(python, arguments),
        LastEvent::NotRecording => return none(),
        LastEvent::Recording(found) => found,
    };
    let Some(id) = builtin.known() else { return enter_c_anew(python, arguments) };
    if id != EXCLUDED {
        // SAFETY: nothing has run since it was found: `known` reads a cache. `enter` runs no Python.
        unsafe { found.with(|recorder| recorder.enter(id, builtin.tag())) };
    }
    none()
}

#[cold]
#[inline(never)]
fn enter_c_anew(python: Python<'_>, arguments: Arguments<4>) -> *mut PyObject {
    if !current::is_recording(python) {
        return none();
    }
    greenlets::id_of_running(python, arguments.code());
    if arguments.code().hides_c_calls() {
        return disable();
    }
    let Some(builtin) = arguments.builtin() else { return none() };
    let id = builtin.id();
    if id != EXCLUDED {
        calls::enter(python, id, builtin.tag());
    }
    none()
}

/// What was called is over. The interpreter also says so of the call whose begin has switched its place off.
#[inline(always)]
fn leave_c(python: Python<'_>, arguments: Arguments<4>, kind: Kind) -> *mut PyObject {
    if arguments.code().is_known_to_hide_c_calls() == Some(true) {
        return none();
    }
    let Some(builtin) = arguments.builtin() else { return none() };
    match calls::leave(python, builtin.tag(), kind) {
        None | Some(Left::Recorded) => {}
        Some(Left::Due) => due::act(),
        Some(Left::Unmatched) => leave_c_unmatched(python, arguments, kind),
    }
    none()
}

/// Looks at what was called once more: `calls::leave` may have run Python, which can replace a type or a module's name.
#[cold]
#[inline(never)]
fn leave_c_unmatched(python: Python<'_>, arguments: Arguments<4>, kind: Kind) {
    if arguments.code().hides_c_calls() {
        return;
    }
    let Some(builtin) = arguments.builtin() else { return };
    if builtin.id() != EXCLUDED && calls::unwind_to(python, builtin.tag(), kind) {
        due::act();
    }
}
