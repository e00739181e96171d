//! Whatever calls there are, and however their records fall into parts: the stack events are those of the oracle that
//! made the calls.

mod detail;

use super::{Call, Edges, FileWindows, Nester, OVERWRITTEN, StackEvent, WindowsBuilder};
use crate::align::{Clock, Fit};
use crate::events::decode::{Event, Payload};
use proptest::prelude::*;
use std::ops::Range;
use viztracer_format::clock::{Anchor, TickMap};
use viztracer_format::record::Kind;

/// When threads begin.
const BEGIN: u64 = 10;

/// A stack event: what, when, on which thread's or task's track, how deep.
type Emitted = (char, u64, usize, u32, u32, u32);

/// The records of threads in recorded order, and the stack events in the order of time.
#[derive(Clone, Debug, Default)]
struct History {
    records: Vec<Call>,
    steps: Vec<Emitted>,
    unfinished: Vec<Call>,
}

/// What a thread does next.
#[derive(Clone, Copy, Debug)]
enum Op {
    Call,
    Return,
    CallInTask(u32),
    Instant,
    /// Time passes.
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Call),
        4 => Just(Op::Return),
        1 => (1u32..4).prop_map(Op::CallInTask),
        1 => Just(Op::Instant),
        4 => (0u64..3).prop_map(Op::Wait),
    ]
}

/// A call that begins, or an instant.
fn call(thread: usize, task: u32, function: u32, kind: Kind, now: u64, depth: u32) -> Call {
    let (start, end) = (now, now);
    Call {
        thread,
        task,
        function,
        kind,
        is_unfinished: false,
        start,
        end,
        depth,
        is_clipped: false,
        is_inherited: false,
        frame: u32::MAX,
    }
}

fn run(ops: &[(usize, Op)]) -> History {
    let mut history = History::default();
    let mut open: Vec<Vec<Call>> = vec![Vec::new(); 3];
    let (mut now, mut function) = (BEGIN, 0);
    for (thread, op) in ops {
        let stack = &mut open[*thread];
        let task = stack.last().map_or(0, |call| call.task);
        let depth = |stack: &[Call], task| stack.iter().filter(|call| call.task == task).count() as u32;
        match *op {
            Op::Wait(time) => now += time,
            Op::Call | Op::CallInTask(_) => {
                let task = if let Op::CallInTask(task) = *op { task } else { task };
                // A task runs on one thread at a time, and does not nest in itself.
                let task = if stack.iter().any(|call| call.task != 0) { stack[stack.len() - 1].task } else { task };
                function += 1;
                let depth = depth(stack, task);
                stack.push(call(*thread, task, function, Kind::Return, now, depth));
                history.steps.push(('B', now, *thread, task, function, depth));
            }
            Op::Return => {
                let Some(call) = stack.pop() else { continue };
                history.records.push(Call { end: now, ..call });
                history.steps.push(('E', now, *thread, call.task, call.function, call.depth));
            }
            Op::Instant => {
                let function = 77;
                history.records.push(call(*thread, task, function, Kind::Instant, now, depth(stack, task)));
                history.steps.push(('i', now, *thread, task, function, 0));
            }
        }
    }
    for stack in open {
        for call in &stack {
            history.unfinished.push(Call { end: now + 1, kind: Kind::Open, is_unfinished: true, ..*call });
        }
        for call in stack.iter().rev() {
            history.steps.push(('E', now + 1, call.thread, call.task, call.function, call.depth));
        }
    }
    history
}

fn event_of<'a>(call: &Call, payload: &'a [u8]) -> Event<'a> {
    let Call { thread, task, function, kind, start, end, .. } = *call;
    let payload = (kind == Kind::Instant).then_some(Payload::Bytes(payload));
    Event { thread, task, kind, function, start, duration: end - start, clipped: false, payload }
}

fn emitted(parts: &[&[Call]], windows: &FileWindows) -> Vec<Emitted> {
    let mut emitted = Vec::new();
    let mut steps = Nester::default();
    for (number, part) in parts.iter().enumerate() {
        let of_part = windows.of_part(number);
        steps.begin(of_part);
        for call in *part {
            steps.add(of_part, &event_of(call, call.start.to_string().as_bytes()));
        }
        steps.emit(
            windows,
            of_part,
            |_| None,
            |step, open| match step {
                StackEvent::Begin(call) => {
                    assert_eq!(open.last(), Some(call));
                    emitted.push(('B', call.start, call.thread, call.task, call.function, call.depth));
                }
                StackEvent::End(call, _) => {
                    assert!(call.depth == 0 || open.iter().any(|around| around.depth + 1 == call.depth));
                    emitted.push(('E', call.end, call.thread, call.task, call.function, call.depth));
                }
                StackEvent::Instant(event) => {
                    let Some(Payload::Bytes(bytes)) = event.payload else { panic!("no payload") };
                    assert_eq!(bytes, event.start.to_string().as_bytes());
                    emitted.push(('i', event.start, event.thread, event.task, event.function, 0));
                }
            },
        );
    }
    emitted
}

fn edges(part: &[Call]) -> Edges {
    let mut edges = Edges::default();
    part.iter().for_each(|call| edges.add(&event_of(call, b"")));
    edges
}

fn windows(parts: &[&[Call]], unfinished: &[Call]) -> FileWindows {
    windows_after_a_wrap(parts, unfinished, &[])
}

/// The same; of each thread, all that ended in this time was overwritten.
fn windows_after_a_wrap(parts: &[&[Call]], unfinished: &[Call], overwritten: &[Range<u64>]) -> FileWindows {
    let mut builder = WindowsBuilder::default();
    parts.iter().for_each(|part| builder.add(edges(part)));
    builder.finish(unfinished.iter().copied(), overwritten.iter().cloned().enumerate())
}

/// The same, where the first reading sees ticks.
fn windows_by_ticks(parts: &[&[Call]], clock: &Clock, unfinished: &[Call]) -> FileWindows {
    let mut builder = WindowsBuilder::default();
    for part in parts {
        let mut edges = edges(part);
        edges.convert_ticks(clock);
        builder.add(edges);
    }
    builder.finish(unfinished.iter().copied(), [].into_iter())
}

/// A clock of this many ticks a nanosecond.
fn clock(ticks: u64) -> Clock {
    let anchor = |ns: u64| Anchor { ticks: ns * ticks, monotonic: ns, realtime: 0 };
    Clock::new(TickMap::new([anchor(1), anchor(1 << 30)]).unwrap(), 0, Fit::default())
}

fn placed(calls: &[Call], clock: &Clock) -> Vec<Call> {
    calls.iter().map(|call| Call { start: clock.at(call.start), end: clock.at(call.end), ..*call }).collect()
}

/// Cuts the records at these indexes.
fn cut<'a>(records: &'a [Call], borders: &[prop::sample::Index]) -> Vec<&'a [Call]> {
    let mut borders: Vec<usize> = borders.iter().map(|border| border.index(records.len() + 1)).collect();
    borders.sort_unstable();
    let mut parts = Vec::new();
    let mut begin = 0;
    for border in borders.into_iter().chain([records.len()]) {
        parts.push(&records[begin..border]);
        begin = border;
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// One thread: every stack event in the order in which it happened. Calls without a duration are left out, as
    /// records do not show whether one was inside the other or before it.
    #[test]
    fn steps_are_what_happened(
        ops in prop::collection::vec((0usize..3, op()), 0..120),
        borders in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        // Time passes with every event, so that the order is known.
        let ops: Vec<_> = ops.iter().flat_map(|(thread, op)| [(*thread, Op::Wait(1)), (*thread, *op)]).collect();
        let history = run(&ops);
        let parts = cut(&history.records, &borders);
        let steps = emitted(&parts, &windows(&parts, &history.unfinished));
        for thread in 0..3 {
            let of_thread = |events: &[Emitted]| -> Vec<Emitted> {
                events.iter().filter(|event| event.2 == thread).copied().collect()
            };
            prop_assert_eq!(of_thread(&steps), of_thread(&history.steps));
        }
    }

    /// Also where many things happen at once, begins and ends balance, and time never goes back on a thread.
    #[test]
    fn steps_nest(
        ops in prop::collection::vec((0usize..3, op()), 0..120),
        borders in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let history = run(&ops);
        let parts = cut(&history.records, &borders);
        check_nesting(&emitted(&parts, &windows(&parts, &history.unfinished)));
    }

    /// The first reading works on ticks, although several ticks may be one nanosecond.
    #[test]
    fn ticks_tell_as_much_as_nanoseconds(
        ops in prop::collection::vec((0usize..3, op()), 0..120),
        borders in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ticks in 1u64..8,
    ) {
        let (history, clock) = (run(&ops), clock(ticks));
        let (records, unfinished) = (placed(&history.records, &clock), placed(&history.unfinished, &clock));
        let (by_ticks, parts) = (cut(&history.records, &borders), cut(&records, &borders));
        let expected = emitted(&parts, &windows(&parts, &unfinished));
        prop_assert_eq!(emitted(&parts, &windows_by_ticks(&by_ticks, &clock, &unfinished)), expected);
    }

    /// Where the first records were overwritten, no time is emitted of a call that did not have it: until all is known
    /// it is unknown, from then on as it was.
    #[test]
    fn what_is_not_known_is_not_shown(
        ops in prop::collection::vec((0usize..3, op()), 0..120),
        borders in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        overwritten in any::<prop::sample::Index>(),
        is_exact in any::<bool>(),
    ) {
        let ops: Vec<_> = ops.iter().flat_map(|(thread, op)| [(*thread, Op::Wait(1)), (*thread, *op)]).collect();
        let history = run(&ops);
        let (gone, kept) = history.records.split_at(overwritten.index(history.records.len() + 1));
        let time = |thread| {
            let mut ends = gone.iter().filter(|call| call.thread == thread).map(|call| call.end);
            let last = ends.next_back();
            BEGIN..last.map_or(BEGIN, |last| if is_exact { last } else { last + 1_000 })
        };
        let times = [0, 1, 2].map(time);
        let parts = cut(kept, &borders);
        let windows = windows_after_a_wrap(&parts, &history.unfinished, &times);
        let steps = emitted(&parts, &windows);
        check_nesting(&steps);
        for (thread, time) in times.iter().enumerate() {
            let known = kept.iter().chain(&history.unfinished).filter(|call| call.thread == thread);
            let until = known.map(|call| call.end).next().map_or(time.end, |first| first.min(time.end));
            let (all, emitted) = (innermost(&history.steps, thread), innermost(&steps, thread));
            for at in BEGIN..all.len().max(emitted.len()) as u64 {
                let (all, emitted) = [&all, &emitted].map(|of| of.get(at as usize).copied().flatten()).into();
                let expected = if at < until { Some(OVERWRITTEN) } else { all };
                prop_assert_eq!(emitted, expected, "{} of {}", at, until);
            }
        }
    }

    /// Bytes that a damaged or hostile file can hold: no order, no nesting.
    #[test]
    fn garbage_is_survived(
        calls in prop::collection::vec((0usize..3, 0u64..50, 0u64..50, any::<bool>()), 0..60),
        borders in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        end in 0u64..150,
    ) {
        let call = |(thread, start, duration, open): (usize, u64, u64, bool)| Call {
            thread, task: 0, function: 1, kind: if open { Kind::Open } else { Kind::Return }, is_unfinished: false,
            start, end: start + duration, depth: 0, is_clipped: false, is_inherited: false, frame: 0,
        };
        let calls: Vec<Call> = calls.into_iter().map(call).collect();
        let parts = cut(&calls, &borders);
        let windows = windows_after_a_wrap(&parts, &calls[..calls.len() / 4], &[0..end, end..0, 5..end]);
        let steps = emitted(&parts, &windows);
        for thread in 0..3 {
            let mut times = steps.iter().filter(|step| step.2 == thread).map(|step| step.1);
            prop_assert!(times.clone().zip(times.by_ref().skip(1)).all(|(before, after)| before <= after));
        }
    }
}

/// By nanosecond, the function of the innermost call of a thread.
fn innermost(steps: &[Emitted], thread: usize) -> Vec<Option<u32>> {
    let (mut open, mut by_time) = (Vec::new(), Vec::new());
    for (what, time, _, _, function, _) in steps.iter().filter(|step| step.2 == thread) {
        by_time.resize(*time as usize, open.last().copied());
        match what {
            'B' => open.push(*function),
            'E' => drop(open.pop()),
            _ => {}
        }
    }
    by_time
}

fn check_nesting(steps: &[Emitted]) {
    for thread in 0..3 {
        let mut open = Vec::new();
        let mut now = 0;
        for (what, time, _, task, function, _) in steps.iter().filter(|step| step.2 == thread) {
            assert!(*time >= now);
            now = *time;
            match what {
                'B' => open.push((*task, *function)),
                'E' => assert_eq!(open.pop(), Some((*task, *function))),
                _ => {}
            }
        }
        assert!(open.is_empty());
    }
}
