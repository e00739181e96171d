//! The code objects of elided functions, as far as they have run since.

use crate::recording;
use crate::sync::{Mutex, lock};
use pyo3::ffi;
use pyo3::prelude::*;
use std::collections::HashMap;

/// The most code objects that are kept: waking one takes some microseconds.
const CODES_MAX: usize = 256;

/// By address. Nobody runs Python with the lock.
static CODES: Mutex<Option<Codes>> = Mutex::new(None);

/// Code objects of one recording.
struct Codes {
    recording: u64,
    /// Weak references to them, with the ids of their functions.
    by_address: HashMap<usize, (Py<PyAny>, u32)>,
}

/// Notes the code object of an elided function. Makes a weak reference, which collects no garbage from 3.12 on.
pub fn note(code: &Bound<'_, PyAny>, function: u32) {
    let recording = recording::current();
    // SAFETY: a living object, and no callback. A new reference, or NULL with an exception set.
    let reference = unsafe { ffi::PyWeakref_NewRef(code.as_ptr(), std::ptr::null_mut()) };
    // SAFETY: as above.
    let Ok(reference) = (unsafe { Bound::from_owned_ptr_or_err(code.py(), reference) }) else { return };
    let mut all = lock(&CODES);
    let before = if all.as_ref().is_some_and(|codes| codes.recording == recording) { None } else { all.take() };
    let codes = all.get_or_insert_with(|| Codes { recording, by_address: HashMap::new() });
    let address = code.as_ptr() as usize;
    let replaced = if codes.by_address.len() < CODES_MAX || codes.by_address.contains_key(&address) {
        codes.by_address.insert(address, (reference.unbind(), function))
    } else {
        None
    };
    drop(all);
    drop((before, replaced)); // not under the lock
}

/// The code objects of the recording that goes on, with the ids of their functions. There are none if there are too many
/// to wake all of them.
pub fn elided_codes(python: Python<'_>) -> Vec<(Bound<'_, PyAny>, u32)> {
    let mut gone = Vec::new();
    let mut living = Vec::new();
    if let Some(codes) = lock(&CODES).as_mut().filter(|codes| codes.recording == recording::current()) {
        if codes.by_address.len() >= CODES_MAX {
            return living;
        }
        gone.extend(codes.by_address.extract_if(|_, (reference, _)| code_of(reference.bind(python)).is_none()));
        let known = codes.by_address.values();
        living.extend(known.filter_map(|(reference, function)| Some((code_of(reference.bind(python))?, *function))));
    }
    drop(gone); // not under the lock
    living
}

/// The object that a weak reference leads to.
fn code_of<'py>(reference: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    use pyo3::types::{PyWeakref, PyWeakrefMethods};
    reference.cast::<PyWeakref>().ok()?.upgrade()
}
