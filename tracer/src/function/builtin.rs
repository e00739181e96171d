//! C functions, by the definition that their module or type has of them.

use super::greenlet;
use super::id::{EXCLUDED, tag};
use crate::exclusive::HookCell;
use crate::fallible::lossy;
use crate::preserve::without_collector;
use crate::recording;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use std::collections::HashMap;
use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use viztracer_format::names::Function;

const CACHE_SIZE: usize = 512;
/// So many names of classes and modules are kept alive; C functions of further ones are looked up by text each time.
const HELD_MAX: usize = 1 << 16;

/// The beginning of `builtin_function_or_method` (Include/cpython/methodobject.h; unchanged from 3.10 to 3.15).
#[repr(C)]
struct CFunction {
    object: ffi::PyObject,
    definition: NonNull<ffi::PyMethodDef>,
    receiver: *mut ffi::PyObject,
    module: *mut ffi::PyObject,
}

/// A C function as it is called: its definition and what it belongs to. Two words, so that it stays in registers; an
/// enum in its place went through memory (a quarter of the samples of `on_call` in `perf annotate`).
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

/// What the name of a C function is made of, as addresses of its parts. Equal keys mean equal names: what an address in
/// the cache belongs to is kept alive, so that nothing else gets that address ([`Builtin::hold`]).
///
/// One thing cannot be kept alive: a definition that a C library frees with its function. Nearly all libraries have
/// static ones. A definition at the address of a freed one, whose name is also at the address of the first one's name,
/// is taken for the first.
type Key = (usize, usize);

/// A function whose name has been written. It stays as it is until the cache is emptied, when no hook uses it.
struct Entry {
    key: Key,
    id: u32,
}

/// What the cache has before it has anything: the key of no function.
static NOTHING: Entry = Entry { key: (0, 0), id: 0 };

/// The small cache in front: entries that `ALL` keeps.
static FRONT: [AtomicPtr<Entry>; CACHE_SIZE] = [const { AtomicPtr::new((&raw const NOTHING).cast_mut()) }; CACHE_SIZE];

/// All functions whose names have been written.
static ALL: HookCell<Written> = HookCell::new(Written { entries: None, held: Vec::new() });

struct Written {
    entries: Option<HashMap<Key, Arc<Entry>>>,
    /// What keeps the addresses in the keys from being used again.
    held: Vec<Py<PyAny>>,
}

/// What the caches do not know any more. May run Python when it is dropped: names die.
pub struct Forgotten {
    _written: Written,
}

/// The types whose methods, and those of their subtypes, are not recorded.
static LEFT_OUT: [AtomicPtr<ffi::PyTypeObject>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// Returns the definition of a C function: what the interpreter calls when the function is called.
pub fn definition(function: &Bound<'_, PyCFunction>) -> NonNull<ffi::PyMethodDef> {
    // SAFETY: every object of this type begins so, and `function` keeps it alive.
    unsafe { (*function.as_ptr().cast::<CFunction>()).definition }
}

impl Builtin {
    /// Stands for a C function.
    ///
    /// # Safety
    /// It must be a living `builtin_function_or_method`, and the GIL must be held as long as the answer is used.
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

    fn python(self) -> Python<'static> {
        // SAFETY: what makes a `Builtin` demands that the GIL is held as long as it is used.
        unsafe { Python::assume_attached() }
    }

    /// Returns what its frames on the stack are known by.
    #[inline(always)]
    pub fn tag(self) -> u64 {
        tag(self.definition.as_ptr() as usize)
    }

    /// Returns its function id, or [`EXCLUDED`], if that is in the cache.
    #[inline(always)]
    pub fn known(self) -> Option<u32> {
        let key = self.key();
        // SAFETY: an entry that lives until `forget`, which falls into no hook.
        let entry = unsafe { &*FRONT[slot(key)].load(Ordering::Acquire) };
        (entry.key == key).then_some(entry.id)
    }

    /// Returns its function id, or [`EXCLUDED`], under the rules that hold when this returns. Runs no Python: names of
    /// types and modules are read where they stand, and no garbage is collected meanwhile.
    #[inline(always)]
    pub fn id(self) -> u32 {
        self.known().unwrap_or_else(|| self.look_up())
    }

    /// Returns the addresses of the two texts that its name is made of.
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
    fn look_up(self) -> u32 {
        let python = self.python();
        loop {
            let (rules, key) = (recording::rules(), self.key());
            // SAFETY: a look into a map.
            if let Some(id) = unsafe { ALL.with(python, |all| all.put_in_front(key)) } {
                return id;
            }
            let (id, held) = without_collector(python, || (self.register(), self.hold()));
            // Without a GIL, a start may have come between, or the class has a new name. From here on no start comes.
            if recording::rules() == rules && self.key() == key {
                // SAFETY: nothing is dropped: what is not kept comes back.
                let rest = unsafe { ALL.with(python, |all| all.add(Entry { key, id }, held)) };
                drop(rest);
                return id;
            }
        }
    }

    /// Returns a reference to the object that the second address of the key is of, or in; none if that never goes away.
    fn hold(self) -> Option<Py<PyAny>> {
        let owner = match self.owner.kind() {
            // SAFETY: a living type.
            Some(kind) if unsafe { ffi::PyType_HasFeature(kind, ffi::Py_TPFLAGS_HEAPTYPE) } != 0 => {
                // SAFETY: a living type of this kind has this layout.
                let (name, text) = unsafe { ((*kind.cast::<ffi::PyHeapTypeObject>()).ht_name, (*kind).tp_name) };
                // A class's name stands in the object that it was named by, which classes may share and which weighs
                // little; that of a C library's type elsewhere in the type.
                // SAFETY: a living `str`.
                let utf8 = unsafe { ffi::PyUnicode_AsUTF8AndSize(name, ptr::null_mut()) };
                if utf8.is_null() {
                    // SAFETY: the GIL is held. The exception is the one that was just set.
                    unsafe { ffi::PyErr_Clear() };
                }
                if utf8 == text { name } else { kind.cast() }
            }
            Some(_) => return None,
            None => self.owner.module()?,
        };
        // SAFETY: NULL or a living object: a type, its name, or a function's module.
        unsafe { Bound::from_borrowed_ptr_or_opt(self.python(), owner) }.map(Bound::unbind)
    }

    /// Writes the function's name: `builtins.len`, `list.append`.
    fn register(self) -> u32 {
        let python = self.python();
        // SAFETY: definitions live as long as their functions.
        let name = unsafe { text(self.definition.as_ref().ml_name) };
        let name = match (self.owner.kind(), self.owner.module()) {
            (Some(kind), _) if is_left_out(kind) => return EXCLUDED,
            (Some(kind), _) => {
                // SAFETY: a living type.
                if unsafe { greenlet::is_switch(&name, kind) } {
                    recording::note_switch();
                }
                // SAFETY: as above.
                format!("{}.{name}", unsafe { text((*kind).tp_name) })
            }
            (None, Some(module)) => {
                // SAFETY: a living object, kept by the function.
                let module = unsafe { Bound::from_borrowed_ptr(python, module) };
                format!("{}.{name}", lossy(&module).unwrap_or_else(|_| "<unknown>".to_owned()))
            }
            (None, None) => name,
        };
        recording::function(&Function { name: &name, file: "", line: 0, is_c: true })
    }
}

impl Owner {
    /// Stands for a type.
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

/// Leaves the methods of these types and their subtypes out of the recording. The types must live for ever.
pub fn leave_out(kinds: [*mut ffi::PyTypeObject; 2]) {
    for (left_out, kind) in LEFT_OUT.iter().zip(kinds) {
        left_out.store(kind, Ordering::Relaxed);
    }
}

fn is_left_out(kind: *mut ffi::PyTypeObject) -> bool {
    LEFT_OUT.iter().map(|left_out| left_out.load(Ordering::Relaxed)).any(|left_out| {
        // SAFETY: a living type, and one that lives for ever.
        !left_out.is_null() && unsafe { ffi::PyType_IsSubtype(kind, left_out) != 0 }
    })
}

impl Written {
    /// Returns the id of the function with this key, and puts the function into the small cache.
    fn put_in_front(&mut self, key: Key) -> Option<u32> {
        let entry = self.entries.as_ref()?.get(&key)?;
        FRONT[slot(key)].store(Arc::as_ptr(entry).cast_mut(), Ordering::Release);
        Some(entry.id)
    }

    /// Adds a function, and what keeps its addresses; returns that if it is not needed.
    fn add(&mut self, entry: Entry, held: Option<Py<PyAny>>) -> Option<Py<PyAny>> {
        let (key, entries) = (entry.key, self.entries.get_or_insert_default());
        if self.held.len() >= HELD_MAX || entries.contains_key(&key) {
            return held; // another thread may have been faster
        }
        entries.insert(key, Arc::new(entry));
        self.held.extend(held);
        self.put_in_front(key);
        None
    }
}

/// Empties the cache. No hook may be under way.
pub fn forget(python: Python<'_>) -> Forgotten {
    FRONT.iter().for_each(|entry| entry.store((&raw const NOTHING).cast_mut(), Ordering::Release));
    let nothing = Written { entries: None, held: Vec::new() };
    // SAFETY: nothing is dropped here.
    Forgotten { _written: unsafe { ALL.with(python, |all| std::mem::replace(all, nothing)) } }
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
