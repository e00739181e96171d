//! Python functions, by their code objects.
//!
//! A code object keeps its id in an extra slot, which goes away with it. A direct-mapped cache by address saves the
//! call that reads the slot ([`cache`]).
//!
//! Without a GIL, several threads may see the same function for the first time. All of them get the same id, since the
//! names table gives equal functions one. A lock guards the slots, since the interpreter guards them only with the GIL.

use super::cache::{self, Cached};
#[cfg(Py_3_12)]
use super::elided;
use super::id::{EXCLUDED, tag};
use super::work::Step;
use crate::exclusive::HookCell;
use crate::fallible::{Text, lossy};
use crate::preserve::without_collector;
use crate::recording;
use pyo3::ffi;
use pyo3::prelude::*;
#[cfg(not(Py_3_12))]
use pyo3::types::PyBytes;
use pyo3::types::{PyFrame, PyString, PyTuple};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use viztracer_format::names::Function;
use viztracer_recorder::budget::Elided;

/// Flags of code objects whose frames a task may begin with (Include/cpython/code.h): coroutines, generators that stand
/// for them, and asynchronous generators.
const COROUTINE_FLAGS: u32 = (ffi::CO_COROUTINE | ffi::CO_ITERABLE_COROUTINE | ffi::CO_ASYNC_GENERATOR) as u32;

/// What a function is called in the report if the interpreter had no memory to tell its name.
const NAMELESS: &str = "<name unknown: no memory>";

/// The index of our extra slot in code objects; -1: the interpreter has none left.
static SLOT: AtomicIsize = AtomicIsize::new(-1);

/// The locks of the extra slots: a code object's address chooses one of them.
static SLOTS: [HookCell<()>; 16] = [const { HookCell::new(()) }; 16];

/// What the slot points to.
struct Extra {
    code: usize,
    rules: u64,
    /// What the cache has of it.
    cached: Cached,
    /// The names of the function's arguments, if they were needed.
    arguments: Option<ArgumentNames>,
}

/// The names of a function's arguments in the order of its variables.
pub type ArgumentNames = Arc<[ArgumentName]>;

/// The name of an argument.
pub struct ArgumentName {
    pub name: Py<PyString>,
    /// The name as a key of a JSON object, with its colon.
    pub key: Box<str>,
}

impl ArgumentName {
    /// Leaves out what JSON escapes. Names are identifiers, so only code objects that a program makes itself have that.
    fn of(name: Bound<'_, PyString>) -> Option<ArgumentName> {
        let text = lossy(&name).ok()?;
        let plain: String = text.chars().filter(|char| !matches!(char, '"' | '\\' | '\0'..'\u{20}')).collect();
        Some(ArgumentName { key: format!("\"{plain}\":").into(), name: name.unbind() })
    }
}

/// A code object that a hook was called with.
#[derive(Clone, Copy)]
pub struct Code(*mut ffi::PyObject);

/// What is known of a function.
#[derive(Clone, Copy)]
pub struct LookedUp {
    /// What the cache has of it from now on, if there was memory to read it. What is no code object is excluded.
    pub cached: Cached,
    /// Whether it is seen for the first time under the rules that hold now.
    pub is_new: bool,
}

impl LookedUp {
    /// What is known of a function while the interpreter has no memory to tell its name. The cache does not get it, so
    /// that the next call asks again.
    fn nameless() -> LookedUp {
        let id = recording::function(&Function { name: NAMELESS, file: "", line: 0, is_c: false });
        LookedUp { cached: Cached { id, is_async: false, hides_c_calls: false, is_elided: false }, is_new: false }
    }
}

impl Code {
    /// Whether the innermost Python function of the calling thread that was ever recorded is elided. Makes objects of
    /// frames, if anything is elided.
    pub fn is_running_elided(python: Python<'_>) -> bool {
        if !recording::has_elided() {
            return false;
        }
        without_collector(python, || {
            // SAFETY: `python` proves that the GIL is held. NULL or a borrowed frame.
            let mut next = unsafe { Bound::from_borrowed_ptr_or_opt(python, ffi::PyEval_GetFrame().cast()) };
            while let Some(frame) = next {
                // SAFETY: a living frame; a new reference.
                let code = unsafe { Bound::from_owned_ptr(python, ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast()) };
                let code = Code(code.as_ptr());
                if code.id() != EXCLUDED {
                    return false;
                }
                if code.is_elided() {
                    return true;
                }
                // SAFETY: a living frame; NULL or a new reference.
                let back = unsafe { ffi::PyFrame_GetBack(frame.as_ptr().cast()) };
                // SAFETY: as above.
                next = unsafe { Bound::from_owned_ptr_or_opt(python, back.cast()) };
            }
            // SAFETY: as above. Without memory for a frame, an exception is set, which is not the program's.
            unsafe { ffi::PyErr_Clear() };
            false
        })
    }

    /// Whether its function was recorded and is elided.
    #[inline(always)]
    pub fn is_elided(self) -> bool {
        let known = cache::get(self.0 as usize).or_else(|| self.look_up_again());
        known.is_some_and(|cached| cached.is_elided)
    }

    /// Stands for the code object at this address.
    ///
    /// # Safety
    /// It must be a living object, and the GIL must be held as long as this is used.
    #[inline(always)]
    pub unsafe fn new(code: *mut ffi::PyObject) -> Code {
        Code(code)
    }

    /// Returns the address of the code object.
    #[cfg(Py_3_12)]
    pub fn address(self) -> usize {
        self.0 as usize
    }

    /// Returns what its frames on the stack are known by.
    #[inline(always)]
    pub fn tag(self) -> u64 {
        tag(self.0 as usize)
    }

    /// Returns its function id, or [`EXCLUDED`], if that is in the cache.
    #[inline(always)]
    pub fn known(self) -> Option<u32> {
        cache::get(self.0 as usize).map(|cached| cached.id)
    }

    /// Returns its function id, or [`EXCLUDED`], under the rules that hold when this returns. Runs no Python: code
    /// objects are of one type, whose attributes C code reads, and no garbage is collected meanwhile.
    #[inline(always)]
    pub fn id(self) -> u32 {
        self.known().unwrap_or_else(|| self.look_up().cached.id)
    }

    /// Whether the C functions that it calls are not recorded, if that is in the cache.
    #[cfg(Py_3_12)]
    #[inline(always)]
    pub fn is_known_to_hide_c_calls(self) -> Option<bool> {
        cache::get(self.0 as usize).map(|cached| cached.hides_c_calls)
    }

    /// Whether the C functions that it calls are not recorded. Runs no Python, like [`Code::id`].
    #[cfg(Py_3_12)]
    pub fn hides_c_calls(self) -> bool {
        self.is_known_to_hide_c_calls().unwrap_or_else(|| self.look_up().cached.hides_c_calls)
    }

    /// Whether `log_async` looks at its calls: an asyncio task may begin with it, or it is a
    /// [step](super::work::Step) of a pool's work. Runs no Python, like [`Code::id`].
    #[inline(always)]
    pub fn is_async(self) -> bool {
        match cache::get(self.0 as usize) {
            Some(cached) => cached.is_async,
            None => self.look_up().cached.is_async,
        }
    }

    /// Returns what is known of the function, and puts it into the cache. Runs no Python, like [`Code::id`].
    #[cold]
    #[inline(never)]
    pub fn look_up(self) -> LookedUp {
        // SAFETY: `new` demands a living object.
        if unsafe { ffi::PyCode_Check(self.0) } == 0 {
            let cached = Cached { id: EXCLUDED, is_async: false, hides_c_calls: true, is_elided: false };
            return LookedUp { cached, is_new: false };
        }
        loop {
            let rules = recording::rules();
            let known = self.extra(|extra| Some(extra.filter(|extra| extra.rules == rules)?.cached));
            if let Some(cached) = known {
                cache::put(self.0 as usize, cached);
                return LookedUp { cached, is_new: false };
            }
            let registered = without_collector(self.python(), || Some((self.register()?, self.has_coroutine_flag()?)));
            let Some(((function, step), is_coroutine)) = registered else { return LookedUp::nameless() };
            let is_async = is_coroutine || step.is_some();
            if is_async && function != EXCLUDED {
                recording::keep_with_tasks(function);
            }
            let elided = recording::elided(function);
            let is_elided = elided == Some(Elided::Calls);
            let id = if is_elided { EXCLUDED } else { function };
            let hides_c_calls = id == EXCLUDED || elided == Some(Elided::CCalls);
            let cached = Cached { id, is_async, hides_c_calls, is_elided };
            // Without a GIL, a start may have come between. From here on none does.
            if recording::rules() == rules {
                if let Some(step) = step {
                    step.note(function, rules);
                }
                self.remember(Extra { code: self.0 as usize, rules, cached, arguments: None });
                // Only what the slot holds has the cache forget the code when it is freed.
                if self.extra(|extra| extra.is_some()) {
                    cache::put(self.0 as usize, cached);
                }
                #[cfg(Py_3_12)]
                if is_elided {
                    elided::note(&self.object(), function);
                }
                return LookedUp { cached, is_new: true };
            }
        }
    }

    /// Returns what is known of the function under the rules that hold now, if it has run before, under any rules.
    #[cold]
    #[inline(never)]
    fn look_up_again(self) -> Option<Cached> {
        self.extra(|extra| extra.is_some()).then(|| self.look_up().cached)
    }

    fn python(self) -> Python<'static> {
        // SAFETY: `new` demands that the GIL is held as long as this is used.
        unsafe { Python::assume_attached() }
    }

    fn object(&self) -> Bound<'_, PyAny> {
        // SAFETY: `new` demands a living object.
        unsafe { Bound::from_borrowed_ptr(self.python(), self.0) }
    }

    /// Returns the names of the function's arguments: positional ones, those by keyword only, `*args`, `**kwargs`.
    pub fn argument_names(self) -> Option<ArgumentNames> {
        if let Some(known) = self.extra(|extra| extra.and_then(|extra| extra.arguments.clone())) {
            return Some(known);
        }
        let names = without_collector(self.python(), || self.read_argument_names())?;
        let before = self.extra(|extra| extra.and_then(|extra| extra.arguments.replace(Arc::clone(&names))));
        drop(before); // another thread has read them, too
        Some(names)
    }

    fn read_argument_names(self) -> Option<ArgumentNames> {
        let code = self.object();
        let number = |attribute| code.getattr(Text(attribute)).ok()?.extract::<usize>().ok();
        let has = |flag: i32| usize::from(number("co_flags").is_some_and(|flags| flags & flag as usize != 0));
        let count = number("co_argcount")? + number("co_kwonlyargcount")?;
        let count = count + has(ffi::CO_VARARGS) + has(ffi::CO_VARKEYWORDS);
        let names = code.getattr(Text("co_varnames")).ok()?.cast_into::<PyTuple>().ok()?;
        names.iter().take(count).map(|name| ArgumentName::of(name.cast_into().ok()?)).collect()
    }

    /// Whether a frame runs this code.
    pub fn is_run_by(self, frame: &Bound<'_, PyFrame>) -> bool {
        // SAFETY: a living frame; a new reference.
        let code = unsafe { Bound::from_owned_ptr(frame.py(), ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast()) };
        code.as_ptr() == self.0
    }

    /// Whether it is that of the coroutine of an asyncio task.
    pub fn is_of_coroutine(self, task: &Bound<'_, PyAny>) -> bool {
        let coroutine = task.call_method0(Text("get_coro"));
        let code = coroutine
            .and_then(|coroutine| coroutine.getattr(Text("cr_code")).or_else(|_| coroutine.getattr(Text("gi_code"))));
        code.is_ok_and(|code| code.as_ptr() == self.0)
    }

    /// Whether its frames may resume after they were left: those of generators and coroutines.
    #[cfg(not(Py_3_12))]
    pub fn may_resume(self) -> bool {
        self.flags().is_none_or(|flags| flags & (COROUTINE_FLAGS | ffi::CO_GENERATOR as u32) != 0)
    }

    /// Whether a frame that is left has ended with this code, and does not only wait: its last instruction is a return.
    #[cfg(not(Py_3_12))]
    pub fn has_returned(self, frame: &Bound<'_, PyFrame>) -> bool {
        const RETURN_VALUE: u8 = 83; // in 3.10 and in 3.11
        let last = frame.getattr(Text("f_lasti")).and_then(|last| last.extract::<usize>());
        let instructions =
            self.object().getattr(Text("co_code")).ok().and_then(|bytes| bytes.cast_into::<PyBytes>().ok());
        let byte = instructions.and_then(|bytes| bytes.as_bytes().get(last.ok()?).copied());
        byte == Some(RETURN_VALUE)
    }

    /// Whether each call has variables of its own, which code of a module or of a class has not.
    #[cfg(not(Py_3_12))]
    pub fn has_own_locals(self) -> bool {
        const OWN_LOCALS: u32 = (ffi::CO_OPTIMIZED | ffi::CO_NEWLOCALS) as u32;
        self.flags().is_some_and(|flags| flags & OWN_LOCALS == OWN_LOCALS)
    }

    fn flags(self) -> Option<u32> {
        self.object().getattr(Text("co_flags")).and_then(|flags| flags.extract()).ok()
    }

    fn has_coroutine_flag(self) -> Option<bool> {
        self.flags().map(|flags| flags & COROUTINE_FLAGS != 0)
    }

    /// Decides whether the function is recorded, and writes its name. Also returns which step of a pool's work it is.
    /// `None` if the interpreter has no memory for that.
    fn register(self) -> Option<(u32, Option<Step>)> {
        let code = self.object();
        let text = |attribute| code.getattr(Text(attribute)).and_then(|value| lossy(&value)).ok();
        let file = text("co_filename")?;
        if !recording::includes(&file) {
            return Some((EXCLUDED, None));
        }
        let name = text(if cfg!(Py_3_11) { "co_qualname" } else { "co_name" })?;
        let line = code.getattr(Text("co_firstlineno")).ok()?.extract().ok()?;
        let step = if cfg!(Py_3_12) { Step::of_function(&name, &file) } else { None };
        Some((recording::function(&Function { name: &name, file: &file, line, is_c: false }), step))
    }

    /// Works with what the slot has, while no other thread does. `work` calls nothing of the interpreter.
    fn extra<T>(self, work: impl FnOnce(Option<&mut Extra>) -> T) -> T {
        // SAFETY: `work` keeps the caller's promise, and reading the slot is a look into the code object.
        unsafe { self.slots().with(self.python(), |()| work(self.slot_content())) }
    }

    /// Puts this into the slot, unless the interpreter has no memory for it.
    fn remember(self, new: Extra) {
        // SAFETY: the slot is read and set without Python. What another thread has put in meanwhile is replaced.
        let rest = unsafe {
            self.slots().with(self.python(), |()| match self.slot_content() {
                Some(old) => Some(std::mem::replace(old, new)),
                None => self.set_slot(new),
            })
        };
        drop(rest); // names of arguments may die, but not under the lock
    }

    fn slots(self) -> &'static HookCell<()> {
        &SLOTS[(self.0 as usize >> 4 ^ self.0 as usize >> 10) % SLOTS.len()]
    }

    /// # Safety
    /// The lock of the slot must be held as long as the answer is used.
    unsafe fn slot_content<'a>(self) -> Option<&'a mut Extra> {
        let mut extra: *mut c_void = ptr::null_mut();
        // SAFETY: a code object, our slot or none, and a pointer to write to.
        let status = unsafe { ffi::PyUnstable_Code_GetExtra(self.0, SLOT.load(Ordering::Relaxed), &raw mut extra) };
        if status != 0 {
            // SAFETY: the thread is attached, see `new`. The exception is the one that was just set.
            unsafe { ffi::PyErr_Clear() };
        }
        // SAFETY: NULL or what `set_slot` has put into the slot, of which nobody else knows while the lock is held.
        unsafe { extra.cast::<Extra>().as_mut() }
    }

    /// Fills the empty slot. Returns what the slot did not take. The lock of the slot must be held.
    fn set_slot(self, new: Extra) -> Option<Extra> {
        let new = Box::into_raw(Box::new(new));
        // SAFETY: a code object, and our slot, whose `free` takes such boxes, or none.
        if unsafe { ffi::PyUnstable_Code_SetExtra(self.0, SLOT.load(Ordering::Relaxed), new.cast()) } == 0 {
            return None;
        }
        // SAFETY: the thread is attached, see `new`. The exception is the one that was just set.
        unsafe { ffi::PyErr_Clear() };
        // SAFETY: the slot did not take it.
        Some(*unsafe { Box::from_raw(new) })
    }
}

/// Asks the interpreter for our extra slot, once per process, when this module is imported. A program may import it
/// again, after it has removed it from `sys.modules`.
pub fn request_slot(_: Python<'_>) {
    if SLOT.load(Ordering::Relaxed) >= 0 {
        return;
    }
    // SAFETY: the thread is attached, as the argument proves; and `free` takes what `set_slot` puts in.
    SLOT.store(unsafe { ffi::PyUnstable_Eval_RequestCodeExtraIndex(free) }, Ordering::Relaxed);
}

/// Frees what the slot of a code object holds, when that is freed. The slot is empty if only others have used theirs.
unsafe extern "C" fn free(extra: *mut c_void) {
    if extra.is_null() {
        return;
    }
    // SAFETY: the slot holds nothing else than what `set_slot` puts in, and gives it here once.
    let extra = unsafe { Box::from_raw(extra.cast::<Extra>()) };
    cache::remove(extra.code);
}
