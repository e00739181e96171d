//! What the tracks tell of events that are not on them.

use super::{Case, events, small};
use crate::sample::{Ring, call};
use serde_json::{Value, json};

/// What tells of missing events, without where it is.
fn told(report: &Value) -> Vec<Value> {
    let events = report["traceEvents"].as_array().unwrap().iter().filter(|event| event["cat"] == "LOSS");
    let mut events: Vec<Value> = events.cloned().collect();
    for event in &mut events {
        assert_eq!((&event["pid"], &event["tid"]), (&json!(1), &json!(11)));
        event.as_object_mut().unwrap().retain(|key, _| !["pid", "tid", "cat"].contains(&&**key));
    }
    events
}

/// A thread with a long call, in it a shorter one, in that the calls that are left; the ring went over 1,234,567.
fn overwritten() -> Ring {
    let mut ring = small(1);
    for segment in 0..100 {
        let first = 5_080_000 + segment * 200;
        let records: Vec<_> = (0..200).map(|n| call(2, first + n, 1)).collect();
        ring.calls(1, 1_234_567 + segment * 200, &records, true);
    }
    ring.calls(1, 1_254_567, &[call(1, 5_010_000, 91_000), call(1, 5_000_100, 109_900)], true);
    ring
}

#[test]
fn overwritten_time_is_a_slice_in_the_calls_around_it() {
    let mut case = Case::of(overwritten(), true);
    let (summary, report) = case.json();
    let slice = json!({"ts": 10.0, "ph": "X", "dur": 70.0, "name": "1,234,567 events overwritten",
        "args": {"overwritten": 1_234_567}});
    assert_eq!(told(&report), [slice]);
    assert_eq!(summary.events(), 20_002);
    assert_eq!(events(&report).len(), 20_002);
    assert_eq!(report["viztracer_metadata"]["processes"][0]["threads"][0]["events"], 20_002);

    // The calls around it may be open still.
    let mut ring = overwritten();
    ring.stack(1, &[(1, 5_000_050), (1, 5_000_060)]);
    case = Case::new();
    case.add("a.bin", ring.bytes(false));
    assert_eq!(told(&case.json().1)[0]["ts"], 10.0);
}

#[test]
fn a_report_of_a_later_time_does_not_speak_of_it() {
    let case = Case::of(overwritten(), true);
    let told_with = |words: &[&str]| {
        assert_eq!(case.run(&[&["-o", "@1.json"], words].concat()), 0);
        let text = std::fs::read(case.directory.path().join("1.json")).unwrap();
        told(&serde_json::from_slice(&text).unwrap())
    };
    assert_eq!(told_with(&["--since", "20us"]).len(), 0);
    assert_eq!(told_with(&["--until", "20us"]).len(), 0);
    assert_eq!(told_with(&["--tid", "12"]).len(), 0);
    let all = told_with(&[]);
    assert_eq!(all.len(), 1);
    assert_eq!(told_with(&["--tid", "11"]), all);
    assert_eq!(told_with(&["--until", "90us"]), all);
    assert_eq!(told_with(&["--max_depth", "1"]), all);
}

#[test]
fn events_that_found_no_room_are_a_mark() {
    let mut ring = Ring::new(1, 5_000_000);
    ring.thread(1, 11, "MainThread", 1, 1_000);
    ring.function(1, "f", "/x/ev.py", 7);
    ring.calls(1, 0, &[call(1, 5_000_100, 10)], true);
    let (_, report) = Case::of(ring, true).json();
    let mark = json!({"ts": 0.0, "ph": "i", "s": "t", "name": "1,000 events found no room", "args": {"lost": 1_000}});
    assert_eq!(told(&report), [mark]);
}

#[test]
fn the_same_is_told_whatever_the_number_of_threads() {
    let case = Case::of(overwritten(), true);
    for output in ["out.json", "out.pftrace"] {
        let (_, one) = case.merge(output, 1);
        for threads in [2, 8] {
            assert!(case.merge(output, threads).1 == one, "{output}, {threads} threads");
        }
    }
}
