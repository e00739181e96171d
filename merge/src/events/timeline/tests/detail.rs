//! Whatever calls there are: each one that overlaps the time is shown, or counted in exactly one merged call.

use super::{BEGIN, Emitted, Op, check_nesting, cut, event_of, op, run, windows, windows_after_a_wrap};
use crate::events::decode::Payload;
use crate::events::timeline::{Call, Detail, FileWindows, Nester, OVERWRITTEN, StackEvent};
use proptest::prelude::*;
use viztracer_format::record::Kind;

/// A call that is shown, and how many calls it stands for.
#[derive(Clone, Copy, Debug)]
struct Shown {
    call: Call,
    calls: u32,
}

/// What is shown, and its stack events.
fn shown(parts: &[&[Call]], windows: &FileWindows, detail: &Detail) -> (Vec<Shown>, Vec<Emitted>) {
    let (mut shown, mut steps) = (Vec::new(), Vec::new());
    let mut nester = Nester::default();
    let mut open_calls: [Vec<Call>; 3] = Default::default();
    for (number, part) in parts.iter().enumerate() {
        let of_part = windows.of_part(number);
        nester.begin_merging(of_part, detail.shortest);
        part.iter().for_each(|call| nester.add(of_part, &event_of(call, b"1")));
        nester.emit_detail(
            windows,
            of_part,
            detail,
            |_| None,
            |event, open| match event {
                StackEvent::Begin(call) => {
                    assert_eq!(open.len(), open_calls[call.thread].len() + 1);
                    open_calls[call.thread].push(*call);
                    steps.push(('B', call.start, call.thread, call.task, call.function, 0));
                }
                StackEvent::End(call, payload) => {
                    let begun = open_calls[call.thread].pop().unwrap();
                    assert_eq!((begun.start, begun.end, begun.function), (call.start, call.end, call.function));
                    let calls = if let Some(Payload::Merged(calls)) = payload { *calls } else { 1 };
                    shown.push(Shown { call: *call, calls });
                    steps.push(('E', call.end, call.thread, call.task, call.function, 0));
                }
                StackEvent::Instant(event) => {
                    steps.push(('i', event.start, event.thread, event.task, event.function, 0));
                }
            },
        );
    }
    (shown, steps)
}

fn is_same(one: &Call, other: &Call) -> bool {
    let key = |call: &Call| (call.thread, call.task, call.function, call.start, call.end);
    key(one) == key(other)
}

/// Whether a call lies in another one on its track.
fn is_inside(call: &Call, of: &Call) -> bool {
    (call.thread, call.task) == (of.thread, of.task) && of.start <= call.start && call.end <= of.end
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn each_call_is_shown_or_counted_once(
        ops in prop::collection::vec((0usize..3, op()), 0..160),
        borders in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        shortest in 0u64..20,
        (from, length) in (0u64..200, 1u64..100),
        is_whole in any::<bool>(),
        overwritten in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let ops: Vec<_> = ops.iter().flat_map(|(thread, op)| [(*thread, Op::Wait(1)), (*thread, *op)]).collect();
        let history = run(&ops);
        let wrapped = overwritten.map_or(0, |index| index.index(history.records.len() + 1));
        let (gone, kept) = history.records.split_at(wrapped);
        let until = |thread| gone.iter().rfind(|call| call.thread == thread).map_or(BEGIN, |last| last.end);
        let parts = cut(kept, &borders);
        let windows = windows_after_a_wrap(&parts, &history.unfinished, &[0, 1, 2].map(|of| BEGIN..until(of)));
        let time = if is_whole { 0..u64::MAX } else { from..from + length };
        let detail = Detail { time: time.clone(), shortest };
        let (shown, steps) = shown(&parts, &windows, &detail);
        check_nesting(&steps);
        let shown: Vec<Shown> = shown.into_iter().filter(|of| of.call.function != OVERWRITTEN).collect();
        let all = || kept.iter().chain(&history.unfinished);
        let overlaps = |call: &&Call| call.start < time.end && call.end >= time.start;
        let mut counts = vec![0; shown.len()];
        for call in all().filter(|call| call.kind != Kind::Instant) {
            let itself = shown.iter().filter(|of| of.calls == 1 && is_same(&of.call, call)).count();
            let merged: Vec<usize> =
                (0..shown.len()).filter(|at| shown[*at].calls > 1 && is_inside(call, &shown[*at].call)).collect();
            let places = if itself == 1 { 1 } else { merged.len() };
            prop_assert!(places == 1 || !overlaps(&call), "{:?} is at {} places of {:?}", call, places, shown);
            let is_long = call.end - call.start >= shortest || call.kind == Kind::Open;
            prop_assert!(itself == 1 || !is_long || !overlaps(&call), "{:?} is long and not in {:?}", call, shown);
            if itself == 0 {
                merged.iter().for_each(|at| counts[*at] += 1);
            }
        }
        for (of, count) in shown.iter().zip(counts) {
            prop_assert!(overlaps(&&of.call));
            prop_assert_eq!(if of.calls == 1 { 1 } else { count }, of.calls, "{:?}", of);
        }
        let instants = kept.iter().filter(|call| call.kind == Kind::Instant);
        let of_time = instants.filter(|call| time.contains(&call.start)).count();
        prop_assert_eq!(steps.iter().filter(|step| step.0 == 'i').count(), of_time);
    }
}

/// A loop of short calls, each with another one in it.
#[test]
fn a_loop_of_short_calls_is_one() {
    let mut ops = vec![(0, Op::Call)];
    for _ in 0..50 {
        let once = [Op::Wait(1), Op::Call, Op::Wait(1), Op::Call, Op::Wait(1), Op::Return, Op::Return];
        ops.extend(once.map(|op| (0, op)));
    }
    ops.extend([(0, Op::Wait(30)), (0, Op::Call), (0, Op::Wait(1)), (0, Op::Return), (0, Op::Return)]);
    let history = run(&ops);
    let parts = [&history.records[..]];
    let (shown, _) = shown(&parts, &windows(&parts, &[]), &Detail::of_all(10));
    let calls: Vec<u32> = shown.iter().map(|of| of.calls).collect();
    assert_eq!(calls, [100, 1, 1]);
    assert_eq!((shown[0].call.start, shown[0].call.end), (11, 160));
}
