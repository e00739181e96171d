//! Machines that have been up for long, or have slept.

use super::{Case, events};
use crate::sample::{Ring, call, record};
use proptest::prelude::*;
use serde_json::Value;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_COUNTER, CLOCK_MONOTONIC};
use viztracer_format::record::{DURATION_EXTENDED, Kind, Record};
use viztracer_format::segment::SegmentKind;

const DAY: u64 = 86_400_000_000_000;
/// The wall clock when files are opened.
const REALTIME: u64 = 1_700_000_000_000_000_000;

/// A process that was opened at these times of its clocks. Its counter, if it has one, makes three ticks in a nanosecond.
fn process(clock: u32, ticks: u64, monotonic: u64) -> Case {
    let rate = if clock == CLOCK_COUNTER { 3 } else { 1 };
    let mut ring = Ring::new(1, monotonic);
    ring.identity.clock = clock;
    ring.identity.opened = Anchor { ticks, monotonic, realtime: REALTIME };
    let earlier = 2_000_000;
    ring.identity.imported =
        Anchor { ticks: ticks - rate * earlier, monotonic: monotonic - earlier, realtime: REALTIME - earlier };
    ring.thread(1, 11, "MainThread", 0, 0);
    for id in 1..4 {
        ring.function(id, &format!("f{id}"), "/x/ev.py", id);
    }
    let at = |nanoseconds: u64| ticks + rate * nanoseconds;
    let mut calls: Vec<Record> = (0..50).map(|step| call(2, at(1_000 + 1_001 * step), rate * (step + 1))).collect();
    calls.push(record(Kind::Instant, 3, at(100_123), 0));
    // A call of ten minutes does not fit a record.
    calls.push(call(1, at(1), DURATION_EXTENDED));
    calls.push(Record::long(rate * 600_000_000_007));
    ring.calls(1, 0, &calls, true);
    ring.stack(1, &[(1, at(600_000_000_100)), (3, at(600_000_000_201))]);
    Case::of(ring, false)
}

/// What the reports of a case say, without when its clocks stood at 0.
fn reports(case: &Case) -> Vec<Vec<u8>> {
    let mut reports: Vec<Vec<u8>> =
        ["out.pftrace", "out.folded", "out.csv", "out.html"].map(|name| case.merge(name, 1).1).into();
    let (_, report) = case.json();
    reports.push(report["traceEvents"].to_string().into_bytes());
    reports
}

#[test]
fn a_machine_that_was_up_for_long_gives_the_same_report() {
    let young = reports(&process(CLOCK_MONOTONIC, DAY, DAY));
    let report: Value = serde_json::from_slice(young.last().unwrap()).unwrap();
    let durations: Vec<String> = report.as_array().unwrap().iter().map(|event| event["dur"].to_string()).collect();
    assert!(durations.iter().any(|dur| dur == "600000000.007"), "{durations:?}");
    // 2^53 ns are 104 days; 2^63 is more than any clock counts.
    for uptime in [104 * DAY, 1 << 53, 240 * DAY, 1000 * DAY, 1 << 56, 1 << 62] {
        assert!(reports(&process(CLOCK_MONOTONIC, uptime, uptime)) == young, "up for {uptime} ns");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_counter_of_any_height_gives_the_same_report(
        // Records hold 56 bits of the ticks: 2^56 are 278 days of 3 GHz.
        ticks in prop_oneof![
            1 << 40..1_u64 << 63,
            (1..128_u64, 0..4_000_000_000_000_u64).prop_map(|(wraps, before)| (wraps << 56) - before),
        ],
        monotonic in prop_oneof![DAY..1000 * DAY, (1 << 53) - 1000..(1_u64 << 53) + 1000],
    ) {
        let young = reports(&process(CLOCK_COUNTER, 1 << 42, DAY));
        prop_assert!(reports(&process(CLOCK_COUNTER, ticks, monotonic)) == young);
    }
}

/// A file with these anchors: seconds of its counter, of its monotonic clock, and of the wall clock after the opening.
/// A call of a millisecond begins a tenth of a second after each of them.
fn with_anchors(clock: u32, anchors: &[(u64, u64, u64)]) -> Case {
    const SECOND: u64 = 1_000_000_000;
    let mut ring = Ring::new(1, 100 * SECOND);
    ring.identity.clock = clock;
    ring.thread(1, 11, "MainThread", 0, 0);
    ring.function(1, "f", "/x/ev.py", 1);
    for (index, (ticks, monotonic, realtime)) in anchors.iter().enumerate() {
        let [ticks, monotonic, realtime] = [ticks, monotonic, realtime].map(|seconds| seconds * SECOND);
        let anchor =
            Anchor { ticks: 100 * SECOND + ticks, monotonic: 100 * SECOND + monotonic, realtime: REALTIME + realtime };
        ring.identity.opened = anchor;
        ring.calls(1, index as u64, &[call(1, anchor.ticks + SECOND / 10, 1_000_000)], true);
    }
    let (ticks, monotonic, realtime) = anchors[0];
    assert_eq!((ticks, monotonic, realtime), (0, 0, 0));
    ring.identity.opened = Anchor { ticks: 100 * SECOND, monotonic: 100 * SECOND, realtime: REALTIME };
    Case::of(ring, true)
}

/// A machine sleeps for an hour: its monotonic clock stands still, the wall clock does not, and the counter of the
/// processor may go on.
#[test]
fn sleep_moves_no_call_that_is_a_second_away_from_it() {
    for (clock, counted) in [(CLOCK_COUNTER, 3600), (CLOCK_COUNTER, 0), (CLOCK_MONOTONIC, 0)] {
        let anchors = [0, 1, 2, 3, 4, 5].map(|second| match second {
            0..3 => (second, second, second),
            _ => (second + counted, second, second + 3600),
        });
        let case = with_anchors(clock, &anchors);
        let (summary, report) = case.json();
        let times: Vec<(f64, f64)> = events(&report)
            .iter()
            .map(|event| (event["ts"].as_f64().unwrap() / 1e6, event["dur"].as_f64().unwrap()))
            .collect();
        for (second, (start, duration)) in times.iter().enumerate().filter(|(second, _)| *second != 2) {
            assert!((start - second as f64 - 0.1).abs() < 1e-6, "{times:?}");
            assert!((duration - 1000.0).abs() < 0.01, "{times:?}");
        }
        // Nobody knows when in the second between two anchors the machine slept.
        assert!((2.0..3.0).contains(&times[2].0), "{times:?}");
        let [warning] = &summary.warnings[..] else { panic!("{:?}", summary.warnings) };
        assert!(warning.starts_with("the wall clock jumped ahead by 1 h 0 min while "), "{warning}");
        assert_eq!(warning.contains("may look shorter"), clock == CLOCK_COUNTER, "{warning}");
    }
}

#[test]
fn files_of_one_boot_stay_together_across_a_sleep() {
    let mut case = Case::new();
    for (pid, slept) in [(1, 0), (2, 3600 * 1_000_000_000)] {
        let monotonic = DAY + u64::from(pid) * 1_000_000;
        let mut ring = Ring::new(pid, monotonic);
        ring.identity.boot_id = [7; 16];
        ring.identity.opened.realtime = REALTIME + u64::from(pid) * 1_000_000 + slept;
        ring.thread(1, 11, "", 0, 0);
        ring.calls(1, 0, &[call(1, monotonic + 500, 10)], true);
        case.add(&format!("{pid}.bin"), ring.bytes(true));
    }
    let (_, report) = case.json();
    let starts: Vec<_> = events(&report).iter().map(|event| event["ts"].as_f64().unwrap()).collect();
    assert_eq!(starts, [0.5, 1000.5]);
}

/// A payload's place is no time: it stays the same, too.
#[test]
fn payloads_are_found_after_a_year() {
    let mut ring = Ring::new(1, 400 * DAY);
    ring.thread(1, 11, "", 0, 0);
    ring.function(1, "f", "/x/ev.py", 1);
    let json = br#"{"n":1}         "#;
    let generation = ring.segment(SegmentKind::Payload, 0, 0, 0, json, false);
    ring.calls(1, 0, &[call(1, 400 * DAY + 7, 9), Record::payload(generation, 0, 7)], true);
    let (_, report) = Case::of(ring, true).json();
    let [event] = events(&report)[..] else { panic!("{report}") };
    assert_eq!((&event["ts"].to_string()[..], event["args"]["n"].as_u64()), ("0.007", Some(1)));
}
