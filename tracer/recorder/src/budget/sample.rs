//! The newest calls of a thread, as a sample of what it does, and which functions to stop recording.

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

/// The newest calls of a thread in the order of their ends, and its open calls from the outermost on.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub(crate) calls: Vec<Call>,
    pub(crate) open: Vec<OpenCall>,
}

/// What is no longer recorded: a function and the C functions that it calls, or these alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Elision {
    /// The id of the function, which is no C function.
    pub function: u32,
    /// Whether its own calls are still recorded.
    pub only_c_calls: bool,
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

impl Sample {
    /// Which functions to elide so that the thread records about this part of its calls, most frequent ones first. Calls
    /// that take longer than `ticks_max` on average are not elided. `is_c`: whether a function is a C function.
    pub fn choose(&self, kept: f64, ticks_max: u64, is_c: impl Fn(u32) -> bool) -> Vec<Elision> {
        let mut candidates: Vec<(u64, Elision)> =
            self.tally(is_c).into_iter().filter_map(|(function, tally)| tally.candidate(function, ticks_max)).collect();
        candidates.sort_by_key(|(calls, elision)| (std::cmp::Reverse(*calls), *elision));
        let mut left = self.calls.len() as f64;
        let wanted = left * kept;
        let is_enough = |(calls, _): &(u64, Elision)| {
            let goes_on = left > wanted;
            left -= *calls as f64;
            goes_on
        };
        candidates.into_iter().take_while(is_enough).map(|(_, elision)| elision).collect()
    }

    /// Counts the calls of each Python function.
    fn tally(&self, is_c: impl Fn(u32) -> bool) -> HashMap<u32, Function> {
        let mut functions: HashMap<u32, Function> = HashMap::new();
        for (call, caller) in self.calls.iter().zip(self.callers()) {
            if !is_c(call.function) {
                functions.entry(call.function).or_default().own.add(call);
            } else if let Some(caller) = caller.filter(|caller| !is_c(*caller)) {
                functions.entry(caller).or_default().c_calls.add(call);
            }
        }
        functions
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
    /// What can be elided of this function, and how many calls of the sample that is.
    fn candidate(self, function: u32, ticks_max: u64) -> Option<(u64, Elision)> {
        if self.own.is_short(ticks_max) {
            Some((self.own.calls + self.c_calls.calls, Elision { function, only_c_calls: false }))
        } else if self.c_calls.is_short(ticks_max) {
            Some((self.c_calls.calls, Elision { function, only_c_calls: true }))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: u32 = 0;
    const SHORT: u32 = 1;
    const LONG: u32 = 2;
    const LEN: u32 = 10;

    fn is_c(function: u32) -> bool {
        function >= LEN
    }

    fn call(function: u32, start: u64, duration: u64) -> Call {
        Call { function, start, duration }
    }

    fn sample(calls: Vec<Call>) -> Sample {
        Sample { calls, open: vec![OpenCall { function: MAIN, start: 0 }] }
    }

    fn whole(function: u32) -> Elision {
        Elision { function, only_c_calls: false }
    }

    fn c_calls(function: u32) -> Elision {
        Elision { function, only_c_calls: true }
    }

    #[test]
    fn the_most_frequent_function_goes_and_takes_its_c_functions_with_it() {
        let pairs = (1..100).flat_map(|time| [call(LEN, time * 10 + 1, 2), call(SHORT, time * 10, 5)]);
        let sample = sample(pairs.chain([call(LONG, 1000, 5000)]).collect());
        assert_eq!(sample.choose(0.1, 1000, is_c), [whole(SHORT)]);
    }

    #[test]
    fn of_a_function_that_takes_long_only_its_c_functions_go() {
        let calls = (0..100).map(|time| call(LEN, 2 + time * 10, 5));
        let sample = sample(calls.chain([call(LONG, 1, 2000)]).collect());
        assert_eq!(sample.choose(0.1, 1000, is_c), [c_calls(LONG)]);
    }

    #[test]
    fn an_open_function_is_the_caller_of_calls_that_no_other_one_made() {
        let sample = sample((1..100).map(|time| call(LEN, time * 10, 5)).collect());
        assert_eq!(sample.choose(0.1, 1000, is_c), [c_calls(MAIN)]);
    }

    #[test]
    fn calls_that_take_long_stay() {
        let sample = sample((1..100).map(|time| call(SHORT, time * 10_000, 5000)).collect());
        assert_eq!(sample.choose(0.1, 1000, is_c), []);
    }

    #[test]
    fn no_more_goes_than_must() {
        let short = (0..80).map(|time| call(SHORT, time * 10, 5));
        let others = (0..20).map(|time| call(LONG, 1000 + time * 10, 5));
        let sample = sample(short.chain(others).collect());
        assert_eq!(sample.choose(0.3, 1000, is_c), [whole(SHORT)]);
        assert_eq!(sample.choose(0.1, 1000, is_c), [whole(SHORT), whole(LONG)]);
        assert_eq!(sample.choose(1.0, 1000, is_c), []);
    }

    #[test]
    fn a_caller_that_is_unknown_costs_no_one_his_calls() {
        let sample = Sample { calls: (1..100).map(|time| call(LEN, time * 10, 5)).collect(), open: vec![] };
        assert_eq!(sample.choose(0.1, 1000, is_c), []);
    }

    #[test]
    fn recursion_counts_for_the_function_itself() {
        let calls = (1..100).rev().map(|depth| call(SHORT, depth, 200 - depth));
        assert_eq!(sample(calls.collect()).choose(0.5, 1000, is_c), [whole(SHORT)]);
    }
}
