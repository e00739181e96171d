//! Traces in JSON that nobody would write, through whole merges.

use super::Case;
use crate::{Bound, Request, Selection, merge};
use std::time::Duration;

#[test]
fn losses_of_any_size_are_added_up() {
    let mut case = Case::new();
    let loss = r#"{"ph":"X","pid":1,"tid":1,"ts":0,"dur":1,"name":"n","cat":"LOSS",
        "args":{"overwritten":18446744073709551615,"lost":18446744073709551615}}"#;
    case.add("a.json", format!("[{loss},{loss}]"));
    let (summary, report) = case.json();
    let thread = &summary.files[0].threads[0];
    assert_eq!((thread.events, thread.overwritten, thread.lost), (0, u64::MAX, u64::MAX));
    assert_eq!(report["viztracer_metadata"]["overflow"], true);
}

#[test]
fn cuts_count_from_the_first_event_where_times_are_those_of_the_machine() {
    let mut case = Case::new();
    let event = |second: u64| {
        let ts = (25_000 + second) * 1_000_000;
        format!(r#"{{"ph":"X","pid":1,"tid":1,"ts":{ts},"dur":1,"name":"at {second}","cat":"FEE"}}"#)
    };
    case.add("a.json", format!("[{}]", [0, 1, 2, 3].map(event).join(",")));
    let after = |seconds| Some(Bound::After(Duration::from_secs(seconds)));
    let output = case.directory.path().join("out.json");
    let selection = Selection { since: after(1), until: after(3), ..Selection::default() };
    merge(&Request { selection, ..Request::new(case.inputs.clone(), output.clone()) }, &()).unwrap();
    let text = std::fs::read_to_string(output).unwrap();
    let found = [0, 1, 2, 3].map(|second| text.contains(&format!("\"at {second}\"")));
    assert_eq!(found, [false, true, true, false]);
}
