//! The text of a list, a tuple or a dictionary, as `repr` makes it, but no more of it than is shown.
//!
//! So the time does not depend on the size of the container, and a value in it that fails, or is slow, costs its own
//! text alone. The container may change meanwhile, as the values' own code may do anything.

use super::options;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

/// Containers in each other at most; a deeper one is shown as any other value is.
const DEPTH_MAX: usize = 100;

/// Whether a value is one of these containers, and of the built-in type itself.
pub fn is_container(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyList>()
        || value.is_exact_instance_of::<PyTuple>()
        || value.is_exact_instance_of::<PyDict>()
}

/// Returns the text of a container, or only its begin, which is then longer than any text that is shown. `show` appends
/// any other value, and returns false if no more values are to be shown.
pub fn of(value: &Bound<'_, PyAny>, show: &dyn Fn(&Bound<'_, PyAny>, &mut String) -> bool) -> String {
    let max = options::bytes_per_value();
    let mut contents = Contents { text: String::new(), max, goes_on: true, around: Vec::new(), show };
    contents.put(value);
    contents.text
}

/// A value in a container, with its key if that is a dictionary.
type Element<'py> = (Option<Bound<'py, PyAny>>, Bound<'py, PyAny>);

struct Contents<'a> {
    text: String,
    max: usize,
    goes_on: bool,
    /// The addresses of the containers around the value, which the caller keeps alive.
    around: Vec<usize>,
    show: &'a dyn Fn(&Bound<'_, PyAny>, &mut String) -> bool,
}

impl Contents<'_> {
    fn put(&mut self, value: &Bound<'_, PyAny>) {
        if !is_container(value) || self.around.len() == DEPTH_MAX {
            self.goes_on = (self.show)(value, &mut self.text);
            return;
        }
        let address = value.as_ptr() as usize;
        let is_inside_of_itself = self.around.contains(&address);
        self.around.push(address);
        if let Ok(list) = value.cast_exact::<PyList>() {
            // Reading behind the end makes an exception, which takes longer than to ask.
            let element = |index| if index < list.len() { list.get_item(index).ok() } else { None };
            self.put_between("[", "]", is_inside_of_itself, |index| Some((None, element(index)?)));
        } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            let end = if tuple.len() == 1 { ",)" } else { ")" };
            let element = |index| if index < tuple.len() { tuple.get_item(index).ok() } else { None };
            self.put_between("(", end, is_inside_of_itself, |index| Some((None, element(index)?)));
        } else if let Ok(dictionary) = value.cast_exact::<PyDict>() {
            let mut position = 0;
            self.put_between("{", "}", is_inside_of_itself, |_| next_pair(dictionary, &mut position));
        }
        self.around.pop();
    }

    /// Puts the elements that a function returns one after another.
    fn put_between<'py>(
        &mut self,
        begin: &str,
        end: &str,
        is_inside_of_itself: bool,
        mut element: impl FnMut(usize) -> Option<Element<'py>>,
    ) {
        self.text.push_str(begin);
        if is_inside_of_itself {
            self.text.push_str("...");
            return self.text.push_str(end.trim_start_matches(','));
        }
        let mut index = 0;
        while self.goes_on && self.text.len() <= self.max {
            let Some((key, value)) = element(index) else { break };
            self.text.push_str(if index == 0 { "" } else { ", " });
            if let Some(key) = key {
                self.put(&key);
                self.text.push_str(": ");
            }
            self.put(&value);
            index += 1;
        }
        self.text.push_str(end);
    }
}

/// Returns the next key of a dictionary with its value. The dictionary may have changed since the last one.
fn next_pair<'py>(dictionary: &Bound<'py, PyDict>, position: &mut ffi::Py_ssize_t) -> Option<Element<'py>> {
    let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the GIL is held; a position that is no longer one is the end.
    let is_there = unsafe { ffi::PyDict_Next(dictionary.as_ptr(), position, &raw mut key, &raw mut value) } != 0;
    // SAFETY: the dictionary has both, and nothing has run since.
    let object = |object| unsafe { Bound::from_borrowed_ptr(dictionary.py(), object) };
    is_there.then(|| (Some(object(key)), object(value)))
}
