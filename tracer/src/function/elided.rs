//! The code objects of elided functions, as far as they have run since.

use crate::recording;
use crate::sync::{Mutex, lock};
use pyo3::ffi;
use pyo3::prelude::*;
use std::collections::{HashMap, HashSet};

/// The most code objects that are kept: waking one takes some microseconds.
const CODES_MAX: usize = 256;

/// By address. Nobody runs Python with the lock.
static CODES: Mutex<Option<Codes>> = Mutex::new(None);

/// A weak reference to a code object, and the id of its function.
type Known = (Py<PyAny>, u32);

/// Code objects of one recording.
struct Codes {
    recording: u64,
    by_address: HashMap<usize, Known>,
    /// Functions with code that [`elided_codes`] has not returned: newer code, and code for which there was no place.
    newer: HashSet<u32>,
    without_place: HashSet<u32>,
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
    let codes = all.get_or_insert_with(|| Codes::new(recording));
    let (gone, replaced) = codes.note(code.as_ptr() as usize, reference.unbind(), function, code.py());
    drop(all);
    drop((before, gone, replaced)); // not under the lock
}

/// The code objects of the recording that goes on, with the ids of their functions.
pub fn elided_codes(python: Python<'_>) -> Vec<(Bound<'_, PyAny>, u32)> {
    let mut gone = Vec::new();
    let mut living = Vec::new();
    if let Some(codes) = lock(&CODES).as_mut().filter(|codes| codes.recording == recording::current()) {
        gone = codes.take_gone(python);
        codes.newer.clear();
        let known = codes.by_address.values();
        living.extend(known.filter_map(|(reference, function)| Some((code_of(reference.bind(python))?, *function))));
    }
    drop(gone); // not under the lock
    living
}

/// The functions that have run code that the last [`elided_codes`] has not returned.
pub fn functions_with_other_code() -> HashSet<u32> {
    let codes = lock(&CODES);
    let codes = codes.as_ref().filter(|codes| codes.recording == recording::current());
    codes.map(|codes| &codes.newer | &codes.without_place).unwrap_or_default()
}

impl Codes {
    fn new(recording: u64) -> Codes {
        let (newer, without_place) = (HashSet::new(), HashSet::new());
        Codes { recording, by_address: HashMap::new(), newer, without_place }
    }

    /// Notes code at this address. Returns references that are not needed any more.
    fn note(
        &mut self,
        address: usize,
        reference: Py<PyAny>,
        function: u32,
        python: Python<'_>,
    ) -> (Vec<Known>, Option<Known>) {
        let is_full = |codes: &Codes| codes.by_address.len() >= CODES_MAX && !codes.by_address.contains_key(&address);
        let gone = if is_full(self) { self.take_gone(python) } else { Vec::new() };
        if is_full(self) {
            self.without_place.insert(function);
            return (gone, Some((reference, function)));
        }
        self.newer.insert(function);
        (gone, self.by_address.insert(address, (reference, function)))
    }

    /// Takes the references to code that is gone.
    fn take_gone(&mut self, python: Python<'_>) -> Vec<Known> {
        let is_gone = |(reference, _): &Known| code_of(reference.bind(python)).is_none();
        self.by_address.extract_if(|_, known| is_gone(known)).map(|(_, known)| known).collect()
    }
}

/// The object that a weak reference leads to.
fn code_of<'py>(reference: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    use pyo3::types::{PyWeakref, PyWeakrefMethods};
    reference.cast::<PyWeakref>().ok()?.upgrade()
}
