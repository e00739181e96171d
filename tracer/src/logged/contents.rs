//! The text of a list, a tuple or a dictionary, as `repr` makes it, but no more of it than is shown.
//!
//! So the time does not depend on the size of the container, and a value in it that fails, or is slow, costs its own
//! text alone. The container may change meanwhile, as the values' own code may do anything.

use super::{options, pair};
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

/// Appends the text of a container, or only its begin, which is then longer than any text that is shown. `show` appends
/// any other value, and returns false if no more values are to be shown.
pub fn append(value: &Bound<'_, PyAny>, text: &mut String, show: &dyn Fn(&Bound<'_, PyAny>, &mut String) -> bool) {
    let end = text.len().saturating_add(options::bytes_per_value());
    Contents { text, end, goes_on: true, show }.put(value, None);
}

/// A value in a container, with its key if that is a dictionary.
type Element<'py> = (Option<Bound<'py, PyAny>>, Bound<'py, PyAny>);

struct Contents<'a> {
    text: &'a mut String,
    /// Behind this length, no more values are shown.
    end: usize,
    goes_on: bool,
    show: &'a dyn Fn(&Bound<'_, PyAny>, &mut String) -> bool,
}

/// A container around a value, with those around itself. The caller keeps them alive.
#[derive(Clone, Copy)]
struct Around<'a> {
    address: usize,
    depth: usize,
    outer: Option<&'a Around<'a>>,
}

impl Around<'_> {
    /// Whether this, or a container around it, is the one at an address.
    fn has(&self, address: usize) -> bool {
        std::iter::successors(Some(self), |around| around.outer).any(|around| around.address == address)
    }
}

impl Contents<'_> {
    fn put(&mut self, value: &Bound<'_, PyAny>, around: Option<&Around<'_>>) {
        let depth = around.map_or(0, |around| around.depth);
        if !is_container(value) || depth == DEPTH_MAX {
            self.goes_on = (self.show)(value, self.text);
            return;
        }
        let address = value.as_ptr() as usize;
        let is_inside_of_itself = around.is_some_and(|around| around.has(address));
        let here = (is_inside_of_itself, Around { address, depth: depth + 1, outer: around });
        if let Ok(list) = value.cast_exact::<PyList>() {
            // Reading behind the end makes an exception, which takes longer than to ask.
            let element = |index| if index < list.len() { list.get_item(index).ok() } else { None };
            self.put_between("[", "]", here, |index| Some((None, element(index)?)));
        } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            let end = if tuple.len() == 1 { ",)" } else { ")" };
            let element = |index| if index < tuple.len() { tuple.get_item(index).ok() } else { None };
            self.put_between("(", end, here, |index| Some((None, element(index)?)));
        } else if let Ok(dictionary) = value.cast_exact::<PyDict>() {
            let mut position = 0;
            self.put_between("{", "}", here, |_| {
                let (key, value) = pair::next(dictionary, &mut position)?;
                Some((Some(key), value))
            });
        }
    }

    /// Puts the elements that a function returns one after another.
    fn put_between<'py>(
        &mut self,
        begin: &str,
        end: &str,
        (is_inside_of_itself, around): (bool, Around<'_>),
        mut element: impl FnMut(usize) -> Option<Element<'py>>,
    ) {
        self.text.push_str(begin);
        if is_inside_of_itself {
            self.text.push_str("...");
            return self.text.push_str(end.trim_start_matches(','));
        }
        let mut index = 0;
        while self.goes_on && self.text.len() <= self.end {
            let Some((key, value)) = element(index) else { break };
            self.text.push_str(if index == 0 { "" } else { ", " });
            if let Some(key) = key {
                self.put(&key, Some(&around));
                self.text.push_str(": ");
            }
            self.put(&value, Some(&around));
            index += 1;
        }
        self.text.push_str(end);
    }
}
