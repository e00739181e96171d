//! Python functions, by their code objects.
//!
//! A code object keeps its id in an extra slot, which goes away with it. A direct-mapped cache by address saves the
//! call that reads the slot. One entry per code object that runs often is enough: 1024 entries, 16 KiB.

use super::id::{EXCLUDED, tag};
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

/// The index of our extra slot in code objects; -1: not requested yet, or the interpreter has none left.
static SLOT: AtomicIsize = AtomicIsize::new(-1);

/// What the slot points to.
struct Extra {
    code: usize,
    rules: u64,
    id: u32,
    is_coroutine: bool,
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
    fn of(name: Bound<'_, PyString>) -> ArgumentName {
        let text = name.to_string_lossy();
        let plain: String = text.chars().filter(|char| !matches!(char, '"' | '\\' | '\0'..'\u{20}')).collect();
        ArgumentName { key: format!("\"{plain}\":").into(), name: name.unbind() }
    }
}

/// A code object that a hook was called with.
#[derive(Clone, Copy)]
pub struct Code(*mut ffi::PyObject);

/// What is known of a function.
#[derive(Clone, Copy)]
pub struct LookedUp {
    /// Its id, or [`EXCLUDED`]. What is no code object is excluded.
    pub id: u32,
    /// Whether an asyncio task may begin with it.
    pub is_coroutine: bool,
    /// Whether it is seen for the first time under the rules that hold now.
    pub is_new: bool,
}

impl Code {
    /// Stands for the code object at this address.
    ///
    /// # Safety
    /// It must be a living object, and the GIL must be held as long as this is used.
    #[inline(always)]
    pub unsafe fn new(code: *mut ffi::PyObject) -> Code {
        Code(code)
    }

    /// Returns what its frames on the stack are known by.
    #[inline(always)]
    pub fn tag(self) -> u64 {
        tag(self.0 as usize)
    }

    /// Returns its function id, or [`EXCLUDED`], if that is in the cache.
    #[inline(always)]
    pub fn known(self) -> Option<u32> {
        let cached = cached(self.0 as usize);
        (cached.code.load(Ordering::Relaxed) == self.0 as usize).then(|| cached.id.load(Ordering::Relaxed))
    }

    /// Returns its function id, or [`EXCLUDED`]. Runs no Python and keeps the GIL: code objects are of one type, whose
    /// attributes C code reads, and no garbage is collected meanwhile.
    #[inline(always)]
    pub fn id(self) -> u32 {
        self.known().unwrap_or_else(|| self.look_up().id)
    }

    /// Whether an asyncio task may begin with it. Runs no Python, like [`Code::id`].
    #[inline(always)]
    pub fn is_coroutine(self) -> bool {
        let cached = cached(self.0 as usize);
        if cached.code.load(Ordering::Relaxed) != self.0 as usize {
            return self.look_up().is_coroutine;
        }
        cached.is_coroutine.load(Ordering::Relaxed)
    }

    /// Returns what is known of the function, and puts it into the cache. Runs no Python, like [`Code::id`].
    #[cold]
    #[inline(never)]
    pub fn look_up(self) -> LookedUp {
        // SAFETY: `new` demands a living object.
        if unsafe { ffi::PyCode_Check(self.0) } == 0 {
            return LookedUp { id: EXCLUDED, is_coroutine: false, is_new: false };
        }
        let extra = self.extra();
        let rules = recording::rules();
        // SAFETY: NULL or what `remember` has put into the slot, which is replaced or freed only with the GIL held.
        let known = unsafe { extra.as_ref() }.filter(|extra| extra.rules == rules);
        let found = match known {
            Some(known) => LookedUp { id: known.id, is_coroutine: known.is_coroutine, is_new: false },
            None => {
                let (id, is_coroutine) =
                    without_collector(self.python(), || (self.register(), self.has_coroutine_flag()));
                self.remember(extra, Extra { code: self.0 as usize, rules, id, is_coroutine, arguments: None });
                LookedUp { id, is_coroutine, is_new: true }
            }
        };
        let cached = cached(self.0 as usize);
        cached.id.store(found.id, Ordering::Relaxed);
        cached.is_coroutine.store(found.is_coroutine, Ordering::Relaxed);
        cached.code.store(self.0 as usize, Ordering::Relaxed);
        found
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
        // SAFETY: as in `look_up`.
        if let Some(known) = unsafe { self.extra().as_ref() }.and_then(|extra| extra.arguments.clone()) {
            return Some(known);
        }
        let names = without_collector(self.python(), || self.read_argument_names())?;
        // SAFETY: as in `look_up`; no reference into it is used any more.
        if let Some(extra) = unsafe { self.extra().as_mut() } {
            extra.arguments = Some(Arc::clone(&names));
        }
        Some(names)
    }

    fn read_argument_names(self) -> Option<ArgumentNames> {
        let code = self.object();
        let number = |attribute| code.getattr(attribute).ok()?.extract::<usize>().ok();
        let has = |flag: i32| usize::from(number("co_flags").is_some_and(|flags| flags & flag as usize != 0));
        let count = number("co_argcount")? + number("co_kwonlyargcount")?;
        let count = count + has(ffi::CO_VARARGS) + has(ffi::CO_VARKEYWORDS);
        let names = code.getattr("co_varnames").ok()?.cast_into::<PyTuple>().ok()?;
        Some(names.iter().take(count).filter_map(|name| Some(ArgumentName::of(name.cast_into().ok()?))).collect())
    }

    /// Whether a frame runs this code.
    pub fn is_run_by(self, frame: &Bound<'_, PyFrame>) -> bool {
        // SAFETY: a living frame; a new reference.
        let code = unsafe { Bound::from_owned_ptr(frame.py(), ffi::PyFrame_GetCode(frame.as_ptr().cast()).cast()) };
        code.as_ptr() == self.0
    }

    /// Whether it is that of the coroutine of an asyncio task.
    pub fn is_of_coroutine(self, task: &Bound<'_, PyAny>) -> bool {
        let coroutine = task.call_method0("get_coro");
        let code =
            coroutine.and_then(|coroutine| coroutine.getattr("cr_code").or_else(|_| coroutine.getattr("gi_code")));
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
        let last = frame.getattr("f_lasti").and_then(|last| last.extract::<usize>());
        let instructions = self.object().getattr("co_code").ok().and_then(|bytes| bytes.cast_into::<PyBytes>().ok());
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
        self.object().getattr("co_flags").and_then(|flags| flags.extract()).ok()
    }

    fn has_coroutine_flag(self) -> bool {
        self.flags().is_some_and(|flags| flags & COROUTINE_FLAGS != 0)
    }

    /// Decides whether the function is recorded, and writes its name.
    fn register(self) -> u32 {
        let code = self.object();
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
        // SAFETY: a code object, our slot or none, and a pointer to write to.
        let status = unsafe { ffi::PyUnstable_Code_GetExtra(self.0, slot(), &raw mut extra) };
        if status != 0 {
            // SAFETY: the GIL is held, see `new`. The exception is the one that was just set.
            unsafe { ffi::PyErr_Clear() };
        }
        extra.cast()
    }

    fn remember(self, old: *mut Extra, new: Extra) {
        // SAFETY: the slot's content, see `look_up`. No reference into it is used any more.
        if let Some(old) = unsafe { old.as_mut() } {
            *old = new;
            return;
        }
        let new = Box::into_raw(Box::new(new));
        // SAFETY: a code object, and our slot, whose `free` takes such boxes, or none.
        if unsafe { ffi::PyUnstable_Code_SetExtra(self.0, slot(), new.cast()) } != 0 {
            // SAFETY: the GIL is held, see `new`. The exception is the one that was just set.
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

/// Returns the index of our extra slot, which is requested once per process; negative if there is none.
fn slot() -> ffi::Py_ssize_t {
    if SLOT.load(Ordering::Relaxed) < 0 {
        // SAFETY: the GIL is held, since only `Code` uses this; and `free` takes what `remember` puts in.
        SLOT.store(unsafe { ffi::PyUnstable_Eval_RequestCodeExtraIndex(free) }, Ordering::Relaxed);
    }
    SLOT.load(Ordering::Relaxed)
}

/// Frees what the slot of a code object holds, when that is freed: its address may soon be another one's.
unsafe extern "C" fn free(extra: *mut c_void) {
    // SAFETY: the slot holds nothing else than what `remember` puts in, and gives it here once.
    let extra = unsafe { Box::from_raw(extra.cast::<Extra>()) };
    let _ = cached(extra.code).code.compare_exchange(extra.code, 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// Returns a `str` as UTF-8. Lone surrogates, as in names of files that are not UTF-8, become U+FFFD.
pub fn lossy(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.cast::<pyo3::types::PyString>()?.to_string_lossy().into_owned())
}
