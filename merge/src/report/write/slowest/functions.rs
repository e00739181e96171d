//! The functions of a file: which of them match, and their interned numbers.

use crate::report::functions::InternedFunctions;
use crate::report::write::by_id::ById;
use crate::text::display::{UNKNOWN_FUNCTION, display_name};
use regex::Regex;
use viztracer_format::names::Function;

/// The functions of a file, by an index. The first one stands for those without a name.
#[derive(Debug)]
pub struct FileFunctions {
    indexes: ById,
    functions: Vec<FileFunction>,
}

#[derive(Clone, Copy, Debug)]
struct FileFunction {
    /// The interned number.
    number: u32,
    matches: bool,
}

impl FileFunctions {
    /// With the function that stands for those without a name.
    pub fn new(interned: &mut InternedFunctions, pattern: Option<&Regex>) -> FileFunctions {
        let mut file = FileFunctions { indexes: ById::default(), functions: Vec::new() };
        file.push(&Function { name: UNKNOWN_FUNCTION, is_c: true, ..Function::default() }, interned, pattern);
        file
    }

    /// Adds a function.
    pub fn add(&mut self, id: u32, function: &Function<'_>, interned: &mut InternedFunctions, pattern: Option<&Regex>) {
        self.indexes.insert(id, self.functions.len() as u32);
        self.push(function, interned, pattern);
    }

    fn push(&mut self, function: &Function<'_>, interned: &mut InternedFunctions, pattern: Option<&Regex>) {
        let matches = pattern.is_none_or(|pattern| pattern.is_match(&display_name(function)));
        self.functions.push(FileFunction { number: interned.add(function), matches });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// The index of a function, if it matches.
    #[inline]
    pub fn matching(&self, id: u32) -> Option<usize> {
        let index = self.indexes.get(id).unwrap_or(0) as usize;
        self.functions.get(index).filter(|function| function.matches).map(|_| index)
    }

    /// The interned number of the function with this index.
    pub fn number(&self, index: usize) -> u32 {
        self.functions.get(index).map_or(0, |function| function.number)
    }
}
