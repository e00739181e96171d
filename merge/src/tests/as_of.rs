//! Reports as of one instant.

use super::{Case, OUTPUTS, events};
use crate::sample::{Ring, call, small};
use crate::{AsOf, MergeError, Request, Selection, Summary, merge};
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// Calls that end before and after 1,500 ns after the begin, and one that never ends; recorded for the newest 2 events.
fn ring() -> Ring {
    let mut ring = small(1);
    ring.identity.entries = 2;
    let at = |after: u64| ring.identity.opened.monotonic + after;
    let records = [call(1, at(100), 10), call(1, at(1_000), 400), call(1, at(900), 700), call(2, at(1_700), 10)];
    let open = [(2, at(50)), (2, at(1_800))];
    ring.calls(1, 0, &records, false);
    ring.stack(1, &open);
    ring
}

fn merged(case: &Case, selection: Selection, output: &str) -> (Summary, Value) {
    let output = case.directory.path().join(output);
    let summary = merge(&Request { selection, ..Request::new(case.inputs.clone(), output.clone()) }, &()).unwrap();
    (summary, serde_json::from_slice(&fs::read(output).unwrap()).unwrap_or_default())
}

#[test]
fn calls_that_end_later_are_unfinished_and_later_ones_are_left_out() {
    let mut case = Case::of(ring(), false);
    let begin = ring().identity.opened.monotonic;
    case.add("later.bin", Ring::new(2, begin + 1_501).bytes(true));
    let as_of = Some(AsOf::at(begin as i64 + 1_500));
    for (last, kept) in [(None, 4), (Some(Duration::from_nanos(600)), 3)] {
        for max_depth in [None, Some(9)] {
            let selection = Selection { as_of, last, max_depth, ..Selection::default() };
            let (summary, report) = merged(&case, selection, "a.json");
            assert_eq!((summary.files.len(), summary.events()), (1, kept), "{report}");
            let unfinished: Vec<_> =
                events(&report).into_iter().filter(|event| event["args"]["unfinished"] == true).collect();
            assert_eq!((unfinished.len(), summary.files[0].threads[0].unfinished), (2, 2), "{report}");
            for event in events(&report) {
                assert!(event["ts"].as_f64().unwrap() + event["dur"].as_f64().unwrap() <= 1.5001, "{event}");
            }
        }
    }
    for output in OUTPUTS {
        merged(&case, Selection { as_of, ..Selection::default() }, output);
    }
}

#[test]
fn a_report_that_may_replace_nothing_does_not() {
    let case = Case::of(small(1), true);
    let output = case.directory.path().join("a.json");
    let request = Request { replaces: false, ..Request::new(case.inputs.clone(), output.clone()) };
    merge(&request, &()).unwrap();
    let before = fs::read(&output).unwrap();
    assert!(!before.is_empty());
    assert!(matches!(merge(&request, &()), Err(MergeError::Output(..))));
    assert_eq!(fs::read(&output).unwrap(), before);
}
