//! Functions of a table of which not all calls are recorded.

use super::interned::InternedFunctions;
use crate::plan::bursts::Bursts;
use crate::plan::elided::ElidedFunction;
use crate::plan::estimate::{About, Estimates};
use crate::report::prefixes::Prefixes;
use std::collections::{HashMap, HashSet};

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
    /// Of some of `calls`, about how many are not recorded; `None`: of one process, that is not known.
    estimates: HashMap<u32, Option<About>>,
}

impl ElidedNumbers {
    /// Of these functions of a process, as far as they have numbers, or of all.
    pub fn of<'a>(
        elided: impl IntoIterator<Item = &'a ElidedFunction>,
        bursts: Bursts,
        estimates: &Estimates,
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
                numbers.add(number, estimates.get(one).copied());
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

    /// About how many calls of a function are not recorded.
    pub fn about(&self, function: u32) -> Option<About> {
        self.estimates.get(&function).copied().flatten().filter(|_| !self.is_all)
    }

    fn add(&mut self, function: u32, about: Option<About>) {
        let known = self.estimates.entry(function).or_insert(Some(About::default()));
        *known = known.zip(about).map(|(known, about)| known.and(about));
    }

    /// Adds those of another process.
    pub fn append(&mut self, other: &ElidedNumbers) {
        self.calls.extend(&other.calls);
        self.c_calls.extend(&other.c_calls);
        other.estimates.iter().for_each(|(function, about)| self.add(*function, *about));
        self.are_there |= other.are_there;
        self.is_all |= other.is_all;
    }
}
