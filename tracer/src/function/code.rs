//! Python functions, by their code objects.
//!
//! A code object keeps its id in an extra slot, which goes away with it; a direct-mapped cache by address saves the
//! call that reads it. One entry per code object that runs often is enough: 1024 entries, 16 KiB.

use super::id::{EXCLUDED, tag};
use crate::aside::without_collector;
use crate::{greenlets, recording};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU32, AtomicUsize, Ordering};
use viztracer_format::names::Function;

/// Flags of code objects whose frames a task may begin with (Include/cpython/code.h): coroutines, generators that stand
/// for them, and asynchronous generators.
const COROUTINE_FLAGS: u32 = (ffi::CO_COROUTINE | ffi::CO_ITERABLE_COROUTINE | ffi::CO_ASYNC_GENERATOR) as u32;

const CACHE_SIZE: usize = 1024;

struct Cached {
    code: AtomicUsize,
    id: AtomicU32,
    is_coroutine: AtomicBool,
}
const _: () = assert!(size_of::<Cached>() == 16);

static CACHE: [Cached; CACHE_SIZE] =
    [const { Cached { code: AtomicUsize::new(0), id: AtomicU32::new(0), is_coroutine: AtomicBool::new(false) } };
        CACHE_SIZE];

/// The index of our extra slot in code objects; -1: not asked for yet.
static SLOT: AtomicIsize = AtomicIsize::new(-1);

/// What the slot points to.
struct Extra {
    code: usize,
    rules: u64,
    id: u32,
    is_coroutine: bool,
    /// The names of its arguments, once they were asked for.
    arguments: Option<ArgumentNames>,
}

/// The names of a function's arguments in the order of its variables.
pub type ArgumentNames = Arc<[ArgumentName]>;

/// The name of an argument.
pub struct ArgumentName {
    /// The name.
    pub name: Py<PyString>,
    /// The name as a key of a JSON object, with its colon.
    pub key: Box<str>,
}

impl ArgumentName {
    /// Names are identifiers, so only code objects that a program makes itself have names that JSON escapes.
    fn of(name: Bound<'_, PyString>) -> ArgumentName {
        let text = name.to_string_lossy();
        let plain: String = text.chars().filter(|char| !matches!(char, '"' | '\\' | '\0'..'\u{20}')).collect();
        ArgumentName { key: format!("\"{plain}\":").into(), name: name.unbind() }
    }
}

/// A code object that a hook was called with.
#[derive(Clone, Copy)]
pub struct Code(*mut ffi::PyObject);

impl Code {
    /// The code object at this address.
    ///
    /// # Safety
    /// It must be a living code object, and the GIL must be held as long as this is used.
    #[inline(always)]
    pub unsafe fn new(code: *mut ffi::PyObject) -> Code {
        Code(code)
    }

    /// What its frames on the stack are known by.
    #[inline(always)]
    pub fn tag(self) -> u64 {
        tag(self.0 as usize)
    }

    /// Its function id, or [`EXCLUDED`], if it is in the cache.
    #[inline(always)]
    pub fn known(self) -> Option<u32> {
        let cached = cached(self.0 as usize);
        (cached.code.load(Ordering::Relaxed) == self.0 as usize).then(|| cached.id.load(Ordering::Relaxed))
    }

    /// Its function id, or [`EXCLUDED`]. Runs no Python and keeps the GIL: code objects are of one type, whose attributes
    /// are read by C code, and no garbage is collected meanwhile.
    #[inline(always)]
    pub fn id(self) -> u32 {
        self.known().unwrap_or_else(|| self.look_up(false))
    }

    /// The same of the function that runs now: if it was never seen before, it may be the first one of a greenlet.
    #[inline]
    pub fn id_of_running(self) -> u32 {
        self.known().unwrap_or_else(|| self.look_up(true))
    }

    /// Whether an asyncio task may begin with it. Runs no Python, like [`Code::id`].
    #[inline(always)]
    pub fn is_coroutine(self) -> bool {
        let cached = cached(self.0 as usize);
        if cached.code.load(Ordering::Relaxed) != self.0 as usize {
            self.look_up(false);
        }
        cached.is_coroutine.load(Ordering::Relaxed)
    }

    #[cold]
    #[inline(never)]
    fn look_up(self, runs: bool) -> u32 {
        let extra = self.extra();
        let rules = recording::rules();
        // SAFETY: what the slot holds was put there by `remember` and is freed only with the code object.
        let known = unsafe { extra.as_ref() }.filter(|extra| extra.rules == rules);
        let (id, is_coroutine) = known.map(|extra| (extra.id, extra.is_coroutine)).unwrap_or_else(|| {
            let (id, is_coroutine) = without_collector(|| (self.register(), self.has_coroutine_flag()));
            if runs {
                greenlets::notice_function(self.tag());
            }
            self.remember(extra, Extra { code: self.0 as usize, rules, id, is_coroutine, arguments: None });
            (id, is_coroutine)
        });
        let cached = cached(self.0 as usize);
        cached.id.store(id, Ordering::Relaxed);
        cached.is_coroutine.store(is_coroutine, Ordering::Relaxed);
        cached.code.store(self.0 as usize, Ordering::Relaxed);
        id
    }

    /// The names of the function's arguments: positional ones, those by keyword only, `*args`, `**kwargs`.
    pub fn argument_names(self, python: Python<'_>) -> Option<ArgumentNames> {
        // SAFETY: what the slot holds was put there by `remember` and is freed only with the code object.
        if let Some(known) = unsafe { self.extra().as_ref() }.and_then(|extra| extra.arguments.clone()) {
            return Some(known);
        }
        // SAFETY: `new` demands a living object.
        let code = unsafe { Bound::from_borrowed_ptr(python, self.0) };
        let number = |attribute| code.getattr(attribute).ok()?.extract::<usize>().ok();
        let has = |flag: i32| usize::from(number("co_flags").is_some_and(|flags| flags & flag as usize != 0));
        let count = number("co_argcount")? + number("co_kwonlyargcount")?;
        let count = count + has(ffi::CO_VARARGS) + has(ffi::CO_VARKEYWORDS);
        let names = code.getattr("co_varnames").ok()?.cast_into::<PyTuple>().ok()?;
        let names = names.iter().take(count).filter_map(|name| Some(ArgumentName::of(name.cast_into().ok()?)));
        let names: ArgumentNames = names.collect();
        // SAFETY: as above.
        if let Some(extra) = unsafe { self.extra().as_mut() } {
            extra.arguments = Some(Arc::clone(&names));
        }
        Some(names)
    }

    /// Whether a frame runs this code.
    pub fn is_of(self, frame: &Bound<'_, PyAny>) -> bool {
        // SAFETY: a living frame; the reference that this makes is given back.
        let code = unsafe { Bound::from_owned_ptr(frame.py(), ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast()) };
        code.as_ptr() == self.0
    }

    /// Whether its frames may go on after they were left: generators and coroutines.
    #[cfg(not(Py_3_12))]
    pub fn may_resume(self, python: Python<'_>) -> bool {
        // SAFETY: `new` demands a living object.
        let code = unsafe { Bound::from_borrowed_ptr(python, self.0) };
        let flags: Option<u32> = code.getattr("co_flags").and_then(|flags| flags.extract()).ok();
        flags.is_none_or(|flags| flags & (COROUTINE_FLAGS | ffi::CO_GENERATOR as u32) != 0)
    }

    fn has_coroutine_flag(self) -> bool {
        // SAFETY: hooks run with the GIL held.
        let python = unsafe { Python::assume_attached() };
        // SAFETY: `new` demands a living object.
        let code = unsafe { Bound::from_borrowed_ptr(python, self.0) };
        let flags: Option<u32> = code.getattr("co_flags").and_then(|flags| flags.extract()).ok();
        flags.is_some_and(|flags| flags & COROUTINE_FLAGS != 0)
    }

    /// Decides whether the function is recorded, and writes its name.
    fn register(self) -> u32 {
        // SAFETY: hooks run with the GIL held.
        let python = unsafe { Python::assume_attached() };
        // SAFETY: `new` demands a living object.
        let code = unsafe { Bound::from_borrowed_ptr(python, self.0) };
        let text = |attribute| code.getattr(attribute).and_then(|value| lossy(&value));
        let file = text("co_filename").unwrap_or_default();
        if !recording::includes(&file) {
            return EXCLUDED;
        }
        let name = text(if cfg!(Py_3_11) { "co_qualname" } else { "co_name" }).unwrap_or_default();
        let line = code.getattr("co_firstlineno").and_then(|line| line.extract()).unwrap_or(0);
        recording::function(&Function { name: &name, file: &file, line, is_c: false })
    }

    fn extra(self) -> *mut Extra {
        let mut extra: *mut c_void = ptr::null_mut();
        // SAFETY: a code object, a slot we own, and a place for the answer.
        let status = unsafe { ffi::PyUnstable_Code_GetExtra(self.0, slot(), &raw mut extra) };
        if status != 0 {
            // SAFETY: the GIL is held.
            unsafe { ffi::PyErr_Clear() };
        }
        extra.cast()
    }

    fn remember(self, old: *mut Extra, new: Extra) {
        // SAFETY: the slot's content, see `look_up`.
        if let Some(old) = unsafe { old.as_mut() } {
            *old = new;
            return;
        }
        let new = Box::into_raw(Box::new(new));
        // SAFETY: a code object, and a slot whose `free` takes such boxes.
        if unsafe { ffi::PyUnstable_Code_SetExtra(self.0, slot(), new.cast()) } != 0 {
            // SAFETY: the GIL is held.
            unsafe { ffi::PyErr_Clear() };
            // SAFETY: the slot did not take it.
            drop(unsafe { Box::from_raw(new) });
        }
    }
}

/// Empties the cache.
pub fn forget() {
    for cached in &CACHE {
        cached.code.store(0, Ordering::Relaxed);
    }
}

#[inline(always)]
fn cached(code: usize) -> &'static Cached {
    &CACHE[(code >> 4 ^ code >> 14) % CACHE_SIZE]
}

/// The index of our extra slot, asked for once per process.
fn slot() -> ffi::Py_ssize_t {
    if SLOT.load(Ordering::Relaxed) < 0 {
        // SAFETY: the GIL is held, and `free` takes what `remember` puts in.
        SLOT.store(unsafe { ffi::PyUnstable_Eval_RequestCodeExtraIndex(free) }, Ordering::Relaxed);
    }
    SLOT.load(Ordering::Relaxed)
}

/// A code object is freed: its address may soon be another one's.
unsafe extern "C" fn free(extra: *mut c_void) {
    // SAFETY: the slot holds nothing else than what `remember` puts in, and gives it here once.
    let extra = unsafe { Box::from_raw(extra.cast::<Extra>()) };
    let _ = cached(extra.code).code.compare_exchange(extra.code, 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// A `str` as UTF-8; lone surrogates, as in names of files that are not UTF-8, become U+FFFD.
pub fn lossy(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.cast::<pyo3::types::PyString>()?.to_string_lossy().into_owned())
}
