//! Functions of a table of which not all calls are recorded.

use super::interned::InternedFunctions;
use crate::plan::bursts::Bursts;
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
    /// Whether not all calls of any function are recorded.
    pub is_all: bool,
}

impl ElidedNumbers {
    /// Of these functions of a process, as far as they have numbers, or of all.
    pub fn of<'a>(
        elided: impl IntoIterator<Item = &'a ElidedFunction>,
        bursts: Bursts,
        interned: &InternedFunctions,
        prefixes: &Prefixes,
    ) -> ElidedNumbers {
        let is_all = bursts.are_there();
        let mut numbers = ElidedNumbers { is_all, are_there: is_all, ..ElidedNumbers::default() };
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

    /// Whether not all calls of a function are recorded.
    pub fn has(&self, function: u32) -> bool {
        self.is_all || self.calls.contains(&function)
    }

    /// Whether not all calls of C functions by a function are recorded.
    pub fn has_c_calls(&self, function: u32) -> bool {
        self.is_all || self.c_calls.contains(&function)
    }

    /// Adds those of another process.
    pub fn append(&mut self, other: &ElidedNumbers) {
        self.calls.extend(&other.calls);
        self.c_calls.extend(&other.c_calls);
        self.are_there |= other.are_there;
        self.is_all |= other.is_all;
    }
}
