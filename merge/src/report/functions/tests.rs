//! Whatever calls there are, and however their stack events fall into parts: the tallies are those of an oracle that
//! sees all calls at once.

use super::tally::Waiting;
use super::{CallCounter, ElidedNumbers, FunctionRow, InternedFunctions, Rows, Sort, Table, Tally};
use crate::events::timeline::{Call, StackEvent};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use viztracer_format::names::Function;
use viztracer_format::record::Kind;

/// A stack event: whether it is a begin, its call, and the calls that are open after it.
type Emitted = (bool, Call, Vec<Call>);

/// What a thread does: begins a call of a function, or returns, after some time.
fn steps(thread: usize, ops: &[(Option<u32>, u64)]) -> Vec<Emitted> {
    let (mut now, mut open, mut emitted) = (0, Vec::<Call>::new(), Vec::new());
    let mut step = |function: Option<u32>, open: &mut Vec<Call>, now| match function {
        Some(function) => {
            let call = Call {
                thread,
                task: function % 2,
                function,
                kind: [Kind::Return, Kind::Raise, Kind::Open][function as usize % 3],
                is_unfinished: false,
                start: now,
                end: 0,
                depth: 0,
                is_clipped: false,
                is_inherited: false,
                frame: u32::MAX,
            };
            open.push(call);
            emitted.push((true, call, open.clone()));
        }
        None => {
            if let Some(call) = open.pop() {
                emitted.push((false, Call { end: now, ..call }, open.clone()));
            }
        }
    };
    for (function, wait) in ops {
        now += wait;
        step(*function, &mut open, now);
    }
    while !open.is_empty() {
        now += 1;
        step(None, &mut open, now);
    }
    emitted
}

fn oracle(emitted: &[Emitted]) -> HashMap<u32, (u64, u128, i128, u64, u64)> {
    let mut tallies: HashMap<u32, (u64, u128, i128, u64, u64)> = HashMap::new();
    for (_, call, open) in emitted.iter().filter(|(begins, ..)| !begins) {
        let duration = call.end - call.start;
        let tally = tallies.entry(call.function).or_default();
        tally.0 += 1;
        tally.1 += if open.iter().all(|around| around.function != call.function) { duration.into() } else { 0 };
        tally.2 += i128::from(duration);
        tally.3 += u64::from(call.kind == Kind::Open);
        tally.4 += u64::from(call.kind == Kind::Raise);
        if let Some(caller) = open.last() {
            tallies.entry(caller.function).or_default().2 -= i128::from(duration);
        }
    }
    tallies
}

/// Whether functions 0 to 4 wait.
const WAITS: [bool; 5] = [false, false, false, true, true];

/// What of the calls and times of each function was in calls that wait.
fn waiting_oracle(emitted: &[Emitted]) -> HashMap<u32, Waiting> {
    let waits = |call: &Call| WAITS[call.function as usize];
    let mut found: HashMap<u32, Waiting> = HashMap::new();
    for (_, call, open) in emitted.iter().filter(|(begins, ..)| !begins) {
        let duration = call.end - call.start;
        let is_within = open.iter().any(waits);
        if !is_within && !waits(call) {
            continue;
        }
        let is_outermost = open.iter().all(|around| around.function != call.function);
        let own = found.entry(call.function).or_default();
        own.calls += 1;
        own.total += if is_outermost { duration.into() } else { 0 };
        own.own += i128::from(duration);
        let around: BTreeSet<u32> = open.iter().map(|call| call.function).collect();
        match (is_within, open.last()) {
            (true, Some(caller)) => found.entry(caller.function).or_default().own -= i128::from(duration),
            _ => around.iter().for_each(|of| found.entry(*of).or_default().total += u128::from(duration)),
        }
    }
    found
}

fn walked<'a>(parts: impl IntoIterator<Item = &'a [Emitted]>) -> HashMap<u32, Tally> {
    let mut sum: HashMap<u32, Tally> = HashMap::new();
    for part in parts {
        let mut counter = CallCounter::new(&WAITS);
        for (begins, call, open) in part {
            let event = if *begins { StackEvent::Begin(call) } else { StackEvent::End(call, None) };
            counter.take(event, open, |id| id);
        }
        for (function, tally) in counter.tallies() {
            sum.entry(function).or_default().append(tally);
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn tallies_are_those_of_all_calls_at_once(
        threads in prop::collection::vec(
            prop::collection::vec((prop::option::of(0..5u32), 0..1000u64), 0..80),
            1..3,
        ),
        part in 1..40usize,
    ) {
        let threads: Vec<Vec<Emitted>> = threads.iter().enumerate().map(|(thread, ops)| steps(thread, ops)).collect();
        let all = threads.concat();
        let tallies = walked(all.chunks(part));
        let found = |(function, t): (&u32, &Tally)| (*function, (t.calls, t.total, t.own, t.unfinished, t.raised));
        prop_assert_eq!(tallies.iter().map(found).collect::<HashMap<_, _>>(), oracle(&all));
        prop_assert_eq!(&walked([&all[..]]), &tallies);
        let waited = tallies.iter().map(|(function, tally)| (*function, tally.waiting));
        let waited: HashMap<_, _> = waited.filter(|(_, waiting)| *waiting != Waiting::default()).collect();
        let mut expected = waiting_oracle(&all);
        expected.retain(|_, waiting| *waiting != Waiting::default());
        prop_assert_eq!(waited, expected);
        let ends = all.iter().filter(|(begins, ..)| !begins);
        let durations = ends.map(|(_, call, _)| (call.function, call.end - call.start));
        for (function, tally) in &tallies {
            let mut own: Vec<u64> = durations.clone().filter(|(of, _)| of == function).map(|(_, took)| took).collect();
            own.sort_unstable();
            prop_assert_eq!((tally.min, tally.max), (own[0], own[own.len() - 1]));
            let mean = own.iter().sum::<u64>() as f64 / own.len() as f64;
            prop_assert!((tally.mean() as f64 - mean).abs() <= 0.5);
            for percent in [50, 99] {
                let exact = own[(own.len() * percent).div_ceil(100) - 1];
                prop_assert!(tally.percentile(percent as u32).abs_diff(exact) <= exact / 128);
            }
        }
    }
}

#[test]
fn rows_are_sorted_and_ties_are_settled_by_name() {
    let mut interned = InternedFunctions::default();
    let number = |name| Function { name, file: "a.py", line: 1, is_c: false };
    let numbers = ["c", "b", "a", "never called"].map(|name| interned.add(&number(name)));
    assert_eq!(interned.add(&number("a")), numbers[2]);
    let mut tallies: HashMap<u32, Tally> = HashMap::new();
    for (function, durations) in numbers.iter().zip([&[10, 10][..], &[20], &[20], &[]]) {
        let tally = tallies.entry(*function).or_default();
        durations.iter().for_each(|duration| tally.call(*duration, Kind::Return, true));
    }
    let sorted = |sort, most| {
        let table = Table::new(&tallies, &interned, &ElidedNumbers::default(), Rows { sort, most, is_busy: false });
        assert_eq!((table.functions, table.calls, table.own), (3, 4, 60));
        let name = |row: &FunctionRow| interned.get(row.function).unwrap().name.to_string();
        table.rows.iter().map(name).collect::<String>()
    };
    assert_eq!(sorted(Sort::Own, 9), "abc");
    assert_eq!(sorted(Sort::Calls, 9), "cab");
    assert_eq!(sorted(Sort::P99, 1), "a");
}

#[test]
fn numbers_that_only_damage_can_make_do_no_harm() {
    let mut tally = Tally::default();
    tally.called(u64::MAX);
    assert_eq!((tally.mean(), tally.percentile(50)), (0, 0));
    for _ in 0..3 {
        tally.call(u64::MAX, Kind::Return, true);
    }
    let sum = &mut tally.clone();
    sum.append(&tally);
    assert_eq!((sum.calls, sum.mean(), sum.percentile(99)), (6, u64::MAX, u64::MAX));
    let (interned, elided) = Default::default();
    let table = Table::new([(&0, &*sum)], &interned, &elided, Rows { sort: Sort::Own, most: 1, is_busy: true });
    assert_eq!((table.rows[0].total, table.rows[0].own), (u64::MAX, u64::MAX));
}
