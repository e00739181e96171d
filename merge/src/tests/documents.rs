//! Traces in JSON that nobody would write, through whole merges.

use super::Case;

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
