//! Interned functions: each function of all files once, with a number.

use indexmap::{Equivalent, IndexSet};
use std::hash::{Hash, Hasher};
use viztracer_format::names::Function;

/// The interned functions of all files. The same function of several processes has one number.
#[derive(Debug, Default)]
pub struct InternedFunctions(IndexSet<InternedFunction>);

/// A function of which the strings are owned, so that it outlives its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternedFunction {
    /// Qualified name.
    pub name: Box<str>,
    /// Path of the source; empty for a C function.
    pub file: Box<str>,
    /// First line; 0 for a C function.
    pub line: u32,
    /// Whether it is a C function.
    pub is_c: bool,
}

impl InternedFunctions {
    /// Interns a function, and returns its number.
    pub fn add(&mut self, function: &Function<'_>) -> u32 {
        let index =
            self.0.get_index_of(function).unwrap_or_else(|| self.0.insert_full(InternedFunction::of(function)).0);
        index as u32
    }

    /// The number of a function, if it is interned.
    pub fn number(&self, function: &Function<'_>) -> Option<u32> {
        self.0.get_index_of(function).map(|index| index as u32)
    }

    /// The function with this number.
    pub fn get(&self, number: u32) -> Option<&InternedFunction> {
        self.0.get_index(number as usize)
    }

    /// All functions, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &InternedFunction> {
        self.0.iter()
    }
}

impl InternedFunction {
    fn of(function: &Function<'_>) -> InternedFunction {
        let Function { name, file, line, is_c } = *function;
        InternedFunction { name: name.into(), file: file.into(), line, is_c }
    }

    /// The function as in its file.
    pub fn function(&self) -> Function<'_> {
        Function { name: &self.name, file: &self.file, line: self.line, is_c: self.is_c }
    }
}

impl Hash for InternedFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function().hash(state);
    }
}

impl Equivalent<InternedFunction> for Function<'_> {
    fn equivalent(&self, function: &InternedFunction) -> bool {
        *self == function.function()
    }
}
