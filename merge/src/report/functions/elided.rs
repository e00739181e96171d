//! Functions of a table of which not all calls are recorded.

use super::interned::InternedFunctions;
use crate::plan::elided::ElidedFunction;
use crate::report::prefixes::Prefixes;
use std::collections::HashSet;

/// The numbers of these functions.
#[derive(Clone, Debug, Default)]
pub struct ElidedNumbers {
    /// Their own calls.
    pub calls: HashSet<u32>,
    /// The calls of C functions that they make.
    pub c_calls: HashSet<u32>,
    /// Whether there are any, with a number or without.
    pub are_there: bool,
}

impl ElidedNumbers {
    /// Of these functions, as far as they have numbers.
    pub fn of<'a>(
        elided: impl IntoIterator<Item = &'a ElidedFunction>,
        interned: &InternedFunctions,
        prefixes: &Prefixes,
    ) -> ElidedNumbers {
        let mut numbers = ElidedNumbers::default();
        for one in elided {
            numbers.are_there = true;
            let Some(number) = interned.number(&prefixes.shown(&one.function())) else { continue };
            numbers.c_calls.insert(number);
            if !one.only_c_calls {
                numbers.calls.insert(number);
            }
        }
        numbers
    }

    /// Adds those of another process.
    pub fn append(&mut self, other: &ElidedNumbers) {
        self.calls.extend(&other.calls);
        self.c_calls.extend(&other.c_calls);
        self.are_there |= other.are_there;
    }
}
