//! Functions of which not all calls are recorded, as recording them cost too much.

use std::collections::BTreeMap;
use viztracer_format::names::Function;

/// A function of which, from some time on, no calls are recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElidedFunction {
    /// Qualified name.
    pub name: String,
    /// Path of the source; empty for a C function.
    pub file: String,
    /// First line; 0 for a C function.
    pub line: u32,
    /// Whether it is a C function.
    pub is_c: bool,
    /// Whether its own calls are recorded, and only those of the C functions that it calls are not.
    pub only_c_calls: bool,
}

/// Such functions, and since when.
pub type ElidedSince<T> = BTreeMap<ElidedFunction, T>;

impl ElidedFunction {
    /// Of this function.
    pub fn of(function: &Function<'_>, only_c_calls: bool) -> ElidedFunction {
        let Function { name, file, line, is_c } = *function;
        ElidedFunction { name: name.into(), file: file.into(), line, is_c, only_c_calls }
    }

    /// The function.
    pub fn function(&self) -> Function<'_> {
        Function { name: &self.name, file: &self.file, line: self.line, is_c: self.is_c }
    }
}

/// Collects functions. Of several times of one function, the earliest counts.
pub fn earliest<T: Ord>(all: impl IntoIterator<Item = (ElidedFunction, T)>) -> ElidedSince<T> {
    let mut since = ElidedSince::new();
    for (function, time) in all {
        match since.get_mut(&function) {
            Some(known) if *known <= time => {}
            Some(known) => *known = time,
            None => drop(since.insert(function, time)),
        }
    }
    since
}
