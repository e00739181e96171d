//! C functions, by the definition that their module or type has of them.

use super::{EXCLUDED, tag};
use crate::session;
use crate::tracer::is_tracer;
use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_char};
use std::ptr::NonNull;
use viztracer_format::names::Function;

const CACHE_SIZE: usize = 512;

/// The head of `builtin_function_or_method` (Include/cpython/methodobject.h; unchanged from 3.10 to 3.14).
#[repr(C)]
struct CFunction {
    object: ffi::PyObject,
    definition: NonNull<ffi::PyMethodDef>,
    receiver: *mut ffi::PyObject,
    module: *mut ffi::PyObject,
}

/// A C function as it is called: its definition and what it belongs to. Two words, so that it stays in registers; an enum
/// in its place went through memory (a quarter of the samples of `on_call` in `perf annotate`).
#[derive(Clone, Copy)]
pub struct Builtin {
    pub(super) definition: NonNull<ffi::PyMethodDef>,
    pub(super) owner: Owner,
}

/// The type of the object that a method is called on; or, with [`MODULE`] set, the name of a function's module; or 0.
#[derive(Clone, Copy)]
pub(super) struct Owner(usize);

/// The bit that tells a module's name from a type: objects are aligned.
const MODULE: usize = 1;

/// What the name of a C function is made of, as addresses of its parts; equal keys mean equal names.
type Key = (usize, usize);

struct Cached {
    key: Key,
    id: u32,
}

struct Cache {
    front: [Cached; CACHE_SIZE],
    all: Option<HashMap<Key, u32>>,
}

struct Cell(UnsafeCell<Cache>);

// SAFETY: only used with the GIL held, and never across a call into the interpreter.
unsafe impl Sync for Cell {}

static CACHE: Cell =
    Cell(UnsafeCell::new(Cache { front: [const { Cached { key: (0, 0), id: 0 } }; CACHE_SIZE], all: None }));

impl Builtin {
    /// # Safety
    /// It must be a living `builtin_function_or_method`.
    #[inline(always)]
    pub unsafe fn of_c_function(function: *mut ffi::PyObject) -> Builtin {
        // SAFETY: the caller says so.
        let function = unsafe { &*function.cast::<CFunction>() };
        let owner = if !function.module.is_null() {
            Owner(function.module as usize | MODULE)
        } else if !function.receiver.is_null() {
            // SAFETY: a living object, kept by the function.
            Owner(unsafe { ffi::Py_TYPE(function.receiver) } as usize)
        } else {
            Owner(0)
        };
        Builtin { definition: function.definition, owner }
    }

    /// What its frames on the stack are known by.
    #[inline(always)]
    pub fn tag(self) -> u64 {
        tag(self.definition.as_ptr() as usize)
    }

    /// Its function id, or [`EXCLUDED`].
    #[inline(always)]
    pub fn id(self) -> u32 {
        let key = self.key();
        // SAFETY: the GIL is held; a short look.
        let cached = unsafe { &(*CACHE.0.get()).front[slot(key)] };
        if cached.key == key {
            return cached.id;
        }
        self.look_up(key)
    }

    /// The addresses of the two texts that its name is made of: a definition or a type that is freed and replaced by
    /// another one at the same place would still have to have its name at the same place to be mistaken.
    #[inline(always)]
    fn key(self) -> Key {
        // SAFETY: definitions live as long as their functions.
        let name = unsafe { self.definition.as_ref() }.ml_name as usize;
        match self.owner.kind() {
            // SAFETY: a living type.
            Some(kind) => (name, unsafe { (*kind).tp_name } as usize),
            None => (name, self.owner.0),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up(self, key: Key) -> u32 {
        // SAFETY: the GIL is held; a short look.
        let known = unsafe { &*CACHE.0.get() }.all.as_ref().and_then(|all| all.get(&key).copied());
        let id = known.unwrap_or_else(|| self.register());
        // SAFETY: the GIL is held, and `register` is over.
        let cache = unsafe { &mut *CACHE.0.get() };
        cache.all.get_or_insert_default().insert(key, id);
        cache.front[slot(key)] = Cached { key, id };
        id
    }

    /// Writes the function's name: `builtins.len`, `list.append`.
    fn register(self) -> u32 {
        // SAFETY: hooks run with the GIL held.
        let python = unsafe { Python::assume_attached() };
        // SAFETY: definitions live as long as their functions.
        let name = unsafe { text(self.definition.as_ref().ml_name) };
        let name = match (self.owner.kind(), self.owner.module()) {
            (Some(kind), _) if is_tracer(python, kind) => return EXCLUDED,
            // SAFETY: a living type.
            (Some(kind), _) => format!("{}.{name}", unsafe { text((*kind).tp_name) }),
            (None, Some(module)) => {
                // SAFETY: a living object, kept by the function.
                let module = unsafe { Bound::from_borrowed_ptr(python, module) };
                format!("{}.{name}", super::code::lossy(&module).unwrap_or_else(|_| "<unknown>".to_owned()))
            }
            (None, None) => name,
        };
        session::function(&Function { name: &name, file: "", line: 0, is_c: true })
    }
}

impl Owner {
    /// A type as an owner.
    #[cfg(Py_3_12)]
    #[inline(always)]
    pub(super) fn of_type(kind: *mut ffi::PyTypeObject) -> Owner {
        Owner(kind as usize)
    }

    #[inline(always)]
    fn kind(self) -> Option<*mut ffi::PyTypeObject> {
        (self.0 != 0 && self.0 & MODULE == 0).then_some(self.0 as *mut ffi::PyTypeObject)
    }

    fn module(self) -> Option<*mut ffi::PyObject> {
        (self.0 & MODULE != 0).then_some((self.0 & !MODULE) as *mut ffi::PyObject)
    }
}

/// Empties the cache.
pub fn forget() {
    // SAFETY: the GIL is held.
    let cache = unsafe { &mut *CACHE.0.get() };
    cache.all = None;
    for cached in &mut cache.front {
        cached.key = (0, 0);
    }
}

#[inline(always)]
fn slot((name, owner): Key) -> usize {
    (name >> 2 ^ name >> 11 ^ owner >> 4) % CACHE_SIZE
}

/// # Safety
/// `text` must be NULL or end with a NUL.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller says so.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
