//! The newest calls of a thread, as a sample of what it does, and which functions to stop recording.

use std::cmp::Reverse;
use std::collections::HashMap;

/// A call that has ended, with times in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub function: u32,
    pub start: u64,
    pub duration: u64,
}

/// A call that is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenCall {
    pub function: u32,
    pub start: u64,
}

/// A function that was called less often in a sample may never be called again.
const CALLS_MIN: u64 = 2;

/// The newest calls of a thread in the order of their ends, and its open calls from the outermost on.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub(crate) calls: Vec<Call>,
    pub(crate) open: Vec<OpenCall>,
}

/// What is no longer recorded of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Elision {
    /// The id of the function, which is no C function.
    pub function: u32,
    /// What is no longer recorded of it.
    pub what: Elided,
}

/// Which calls of a function, and by it, are no longer recorded. Each value includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Elided {
    /// Calls of C functions at some places in its code.
    SomeCCalls,
    /// Calls of C functions.
    CCalls,
    /// Calls of C functions, and its own calls.
    Calls,
}

/// How often something was called, and for how many ticks in all.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    calls: u64,
    ticks: u64,
}

/// A Python function: its own calls, and the C functions that it called itself.
#[derive(Clone, Copy, Debug, Default)]
struct Function {
    own: Tally,
    c_calls: Tally,
}

/// What is known of functions.
pub(crate) struct Known<'a> {
    /// Whether a function is a C function.
    pub is_c: &'a dyn Fn(u32) -> bool,
    /// Whether a function's own calls may be elided, and those of the C functions that it calls.
    pub may_go: &'a dyn Fn(u32) -> (bool, bool),
    /// Calls that take longer than so many ticks on average stay.
    pub ticks_max: u64,
}

/// Which functions to elide so that about this part of such calls is recorded, most frequent ones first.
pub(crate) fn choose(samples: &[Sample], kept: f64, known: &Known<'_>) -> Vec<Elision> {
    let mut functions: HashMap<u32, Function> = HashMap::new();
    samples.iter().for_each(|sample| sample.tally(known.is_c, &mut functions));
    let mut left = samples.iter().map(|sample| sample.calls.len()).sum::<usize>() as f64;
    let wanted = left * kept;
    let candidates = functions.into_iter().filter_map(|(function, tally)| tally.candidate(function, known));
    let mut candidates: Vec<_> = candidates.filter(|(calls, _)| *calls >= CALLS_MIN).collect();
    candidates.sort_by_key(|(calls, elision)| (Reverse(*calls), *elision));
    let goes = |(calls, _): &(u64, Elision)| {
        let is_more_than_wanted = left > wanted;
        left -= *calls as f64;
        is_more_than_wanted
    };
    candidates.into_iter().take_while(goes).map(|(_, elision)| elision).collect()
}

impl Sample {
    /// Counts the calls of each Python function.
    fn tally(&self, is_c: &dyn Fn(u32) -> bool, functions: &mut HashMap<u32, Function>) {
        for (call, caller) in self.calls.iter().zip(self.callers()) {
            if !is_c(call.function) {
                functions.entry(call.function).or_default().own.add(call);
            } else if let Some(caller) = caller.filter(|caller| !is_c(*caller)) {
                functions.entry(caller).or_default().c_calls.add(call);
            }
        }
    }

    /// The function that made each call, if it is known.
    fn callers(&self) -> Vec<Option<u32>> {
        let mut callers = vec![None; self.calls.len()];
        // Calls whose caller has not ended yet, as far as the sample goes.
        let mut pending: Vec<usize> = Vec::new();
        for (index, call) in self.calls.iter().enumerate() {
            while let Some(inner) = pending.pop_if(|inner| self.calls[*inner].start >= call.start) {
                callers[inner] = Some(call.function);
            }
            pending.push(index);
        }
        for index in pending {
            let start = self.calls[index].start;
            let caller = self.open.iter().rev().find(|open| open.start <= start);
            callers[index] = caller.map(|caller| caller.function);
        }
        callers
    }
}

impl Tally {
    fn add(&mut self, call: &Call) {
        self.calls += 1;
        self.ticks = self.ticks.saturating_add(call.duration);
    }

    fn is_short(self, ticks_max: u64) -> bool {
        self.calls > 0 && self.ticks / self.calls <= ticks_max
    }
}

impl Function {
    /// What can be elided of this function, and how many calls that is.
    fn candidate(self, function: u32, known: &Known<'_>) -> Option<(u64, Elision)> {
        let (own, c_calls) = (known.may_go)(function);
        if own && self.own.is_short(known.ticks_max) {
            Some((self.own.calls + self.c_calls.calls, Elision { function, what: Elided::Calls }))
        } else if c_calls && self.c_calls.is_short(known.ticks_max) {
            Some((self.c_calls.calls, Elision { function, what: Elided::CCalls }))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice::from_ref;

    const MAIN: u32 = 0;
    const SHORT: u32 = 1;
    const LONG: u32 = 2;
    const LEN: u32 = 10;

    /// Functions may be elided if they are below 4.
    fn chosen(samples: &[Sample], kept: f64) -> Vec<Elision> {
        let may_go = |function| (function < 4, function < 4);
        choose(samples, kept, &Known { is_c: &|function| function >= LEN, may_go: &may_go, ticks_max: 1000 })
    }

    fn call(function: u32, start: u64, duration: u64) -> Call {
        Call { function, start, duration }
    }

    fn sample(calls: Vec<Call>) -> Sample {
        Sample { calls, open: vec![OpenCall { function: MAIN, start: 0 }] }
    }

    fn whole(function: u32) -> Elision {
        Elision { function, what: Elided::Calls }
    }

    fn c_calls(function: u32) -> Elision {
        Elision { function, what: Elided::CCalls }
    }

    #[test]
    fn the_most_frequent_function_goes_and_takes_its_c_functions_with_it() {
        let pairs = (1..100).flat_map(|time| [call(LEN, time * 10 + 1, 2), call(SHORT, time * 10, 5)]);
        let sample = sample(pairs.chain([call(LONG, 1000, 5000)]).collect());
        assert_eq!(chosen(from_ref(&sample), 0.1), [whole(SHORT)]);
    }

    #[test]
    fn of_a_function_that_takes_long_only_its_c_functions_go() {
        let calls = (0..100).map(|time| call(LEN, 2 + time * 10, 5));
        let sample = sample(calls.chain([call(LONG, 1, 2000)]).collect());
        assert_eq!(chosen(from_ref(&sample), 0.1), [c_calls(LONG)]);
    }

    #[test]
    fn an_open_function_is_the_caller_of_calls_that_no_other_one_made() {
        let sample = sample((1..100).map(|time| call(LEN, time * 10, 5)).collect());
        assert_eq!(chosen(from_ref(&sample), 0.1), [c_calls(MAIN)]);
    }

    #[test]
    fn calls_that_take_long_stay() {
        let sample = sample((1..100).map(|time| call(SHORT, time * 10_000, 5000)).collect());
        assert_eq!(chosen(from_ref(&sample), 0.1), []);
    }

    #[test]
    fn no_more_goes_than_must() {
        let short = (0..80).map(|time| call(SHORT, time * 10, 5));
        let others = (0..20).map(|time| call(LONG, 1000 + time * 10, 5));
        let sample = sample(short.chain(others).collect());
        assert_eq!(chosen(from_ref(&sample), 0.3), [whole(SHORT)]);
        assert_eq!(chosen(from_ref(&sample), 0.1), [whole(SHORT), whole(LONG)]);
        assert_eq!(chosen(from_ref(&sample), 1.0), []);
    }

    #[test]
    fn a_caller_that_is_unknown_costs_no_one_his_calls() {
        let sample = Sample { calls: (1..100).map(|time| call(LEN, time * 10, 5)).collect(), open: vec![] };
        assert_eq!(chosen(from_ref(&sample), 0.1), []);
    }

    #[test]
    fn recursion_counts_for_the_function_itself() {
        let calls = (1..100).rev().map(|depth| call(SHORT, depth, 200 - depth));
        assert_eq!(chosen(&[sample(calls.collect())], 0.5), [whole(SHORT)]);
    }

    #[test]
    fn what_may_not_go_stays_and_what_is_rare() {
        let calls = (0..98).flat_map(|time| [call(LEN, time * 10 + 1, 2), call(4, time * 10, 5)]);
        let rare = [call(SHORT, 2000, 5)];
        assert_eq!(chosen(&[sample(calls.chain(rare).collect())], 0.1), []);
    }

    #[test]
    fn calls_of_several_threads_count_together() {
        let ended = Sample { calls: (0..100).map(|time| call(SHORT, time * 10, 5)).collect(), open: vec![] };
        assert_eq!(chosen(&[sample(vec![call(LONG, 1, 2)]), ended], 0.1), [whole(SHORT)]);
    }
}
