//! What reports say of functions that were called too often to record all their calls.

use super::page::{header, page};
use super::{Case, small};
use crate::events::selection::{Bound, Selection};
use crate::inspect::info;
use crate::plan::file::FilePlan;
use crate::sample::{Ring, call};
use crate::{Prefixes, Request, merge};
use serde_json::{Value, json};
use std::time::Duration;
use viztracer_format::header::{Rests, STATUS_OFFSET, Status};

const WHOLE: &str = "1 function was called too often to record all its calls (--max_overhead): f; its time, and that \
                     of C functions called there, counts for its callers";
const ONLY_C: &str = "1 function may have called C functions that are not recorded (--max_overhead): main; \
                      their time counts for it";

/// `main` calls `f`, which calls `len`. Then `main` may call other C functions, and at last `f` again.
fn hot() -> Ring {
    let mut ring = small(9);
    ring.function(3, "main", "/x/ev.py", 1);
    for (id, only_c_calls, since) in
        [(1, false, 5_000_900), (1, false, 5_000_700), (1, true, 5_000_600), (3, true, 5_000_400), (77, false, 5)]
    {
        ring.elided(id, only_c_calls, since);
    }
    let records = [call(2, 5_000_110, 10), call(1, 5_000_100, 50), call(3, 5_000_000, 1000)];
    ring.calls(1, 0, &records, true);
    ring
}

/// The functions in the metadata of a report.
fn expected(file: &str) -> Value {
    json!([
        {"name": "f", "file": file, "line": 7, "ts": 0.7, "only_c_calls": false},
        {"name": "f", "file": file, "line": 7, "ts": 0.6, "only_c_calls": true},
        {"name": "main", "file": file, "line": 1, "ts": 0.4, "only_c_calls": true},
    ])
}

#[test]
fn metadata_lists_the_functions_and_a_report_of_the_report_does_too() {
    let case = Case::of(hot(), true);
    let (_, report) = case.json();
    assert_eq!(report["viztracer_metadata"]["processes"][0]["elided"], expected("/x/ev.py"));
    let mut again = Case::new();
    again.add("again.json", case.merge("again.json", 1).1);
    assert_eq!(again.json().1["viztracer_metadata"], report["viztracer_metadata"]);
    assert_eq!(again.merge("out.csv", 1).1, case.merge("out.csv", 1).1);
    let (_, trace) = case.merge("out.pftrace", 1);
    assert!(String::from_utf8_lossy(&trace).contains(r#""elided":[{"name":"f","file":"/x/ev.py","line":7,"ts":0.7,"#));
}

#[test]
fn their_paths_are_shortened_like_those_of_events() {
    let case = Case::of(hot(), true);
    let output = case.directory.path().join("out.json");
    let prefixes = Prefixes::new(["/x"]);
    merge(&Request { prefixes, ..Request::new(case.inputs.clone(), output.clone()) }, &()).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap();
    assert_eq!(report["viztracer_metadata"]["processes"][0]["elided"], expected("ev.py"));
    let csv = case.directory.path().join("out.csv");
    let prefixes = Prefixes::new(["/x"]);
    merge(&Request { prefixes, ..Request::new(case.inputs.clone(), csv.clone()) }, &()).unwrap();
    assert!(std::fs::read_to_string(csv).unwrap().contains("9,MainProcess,f,ev.py,7,1,50,40,50,50,50,50,50,0,0,true,"));
}

#[test]
fn a_table_of_functions_marks_them_in_their_process_and_in_all() {
    let mut case = Case::of(hot(), true);
    let mut other = small(10);
    other.calls(1, 0, &[call(1, 5_000_000, 20)], true);
    case.add("b.bin", other.bytes(true));
    let csv = String::from_utf8(case.merge("out.csv", 1).1).unwrap();
    let flags = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        [fields[0], fields[2], fields[15], fields[16]].join(" ")
    };
    let mut flags: Vec<String> = csv.lines().skip(1).map(flags).collect();
    flags.sort_unstable();
    let expected = [
        "0 builtins.len false false",
        "0 f true true",
        "0 main false true",
        "10 f false false",
        "9 builtins.len false false",
        "9 f true true",
        "9 main false true",
    ];
    assert_eq!(flags, expected);
}

#[test]
fn the_summary_says_it_and_it_is_no_loss() {
    let case = Case::of(hot(), true);
    let (summary, _) = case.json();
    let lines = [WHOLE, ONLY_C].map(|words| format!("MainProcess (pid 9): {words}"));
    assert_eq!(summary.elided(), lines);
    assert_eq!(summary.losses(), lines);
    assert!(summary.to_string().contains(&lines.join("\n")), "{summary}");
    assert!(crate::report::loss::lines(&summary).is_empty());
    assert_eq!(case.command(&["--strict"]), 0);
}

#[test]
fn what_is_known_without_a_report() {
    let case = Case::of(hot(), true);
    let plans = [FilePlan::of(&case.inputs[0]).unwrap()];
    let table = info::table(&plans);
    assert!(table.ends_with(&format!("MainProcess (pid 9): {WHOLE}\nMainProcess (pid 9): {ONLY_C}\n")), "{table}");
    let document: Value = serde_json::from_str(&info::document(&plans, &[])).unwrap();
    assert_eq!(document["files"][0]["elided"], expected("/x/ev.py"));
}

#[test]
fn a_page_says_it_among_the_losses() {
    let header = header(&page(&Case::of(hot(), true)));
    assert_eq!(header["processes"][0]["losses"], json!([WHOLE, ONLY_C]));
    let metadata: Value = serde_json::from_str(header["metadata"].as_str().unwrap()).unwrap();
    assert_eq!(metadata["processes"][0]["elided"], expected("/x/ev.py"));
}

#[test]
fn functions_without_a_name_are_none() {
    let mut ring = small(9);
    ring.elided(77, false, 5_000_000);
    ring.calls(1, 0, &[call(1, 5_000_000, 20)], true);
    let case = Case::of(ring, true);
    let (summary, report) = case.json();
    assert!(summary.elided().is_empty());
    assert_eq!(report["viztracer_metadata"]["processes"][0].get("elided"), None);
}

#[test]
fn what_a_document_says_of_them_is_not_believed_blindly() {
    let mut case = Case::new();
    let event = r#"{"ph":"X","pid":1,"tid":2,"ts":1,"dur":1,"name":"f (/x/a.py:3)"}"#;
    let good = r#"{"name":"f","file":"/x/a.py","line":3,"ts":-1e300,"only_c_calls":false}"#;
    let bad = r#"5,{},{"name":"g"},{"name":"g","file":"","line":-1,"ts":1,"only_c_calls":true},[],null"#;
    for elided in [format!("[{good},{bad}]"), "{}".to_owned(), "7".to_owned()] {
        let processes = format!(r#"[{{"pid":1,"opened_ns":0,"last_ns":5000,"elided":{elided}}}]"#);
        let report = format!(r#"{{"traceEvents":[{event}],"viztracer_metadata":{{"processes":{processes}}}}}"#);
        case.inputs.clear();
        case.add("a.json", report);
        let csv = String::from_utf8(case.merge("out.csv", 1).1).unwrap();
        let flags = if elided.contains(good) { "true,true,," } else { "false,false,," };
        assert!(csv.lines().nth(1).unwrap().ends_with(flags), "{csv}");
        case.merge("out.html", 1);
    }
}

/// A recording that was closed at 5,001,000 ns.
fn closed(ring: Ring) -> Case {
    let mut bytes = ring.bytes(true);
    for (index, word) in [5_001_000u64, 5_001_000, 1_005_001_000].into_iter().enumerate() {
        let at = STATUS_OFFSET + std::mem::offset_of!(Status, closed) + 8 * index;
        bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    let mut case = Case::new();
    case.add("a.bin", bytes);
    case
}

/// A file with an estimate from so many bursts.
fn estimated(bursts: u64) -> Case {
    let mut ring = small(9);
    ring.elided(1, false, 5_000_100);
    ring.estimate(1, bursts, 1000, 40);
    ring.estimate(2, bursts, 1, 0); // not elided
    ring.calls(1, 0, &[call(1, 5_000_000, 50), call(2, 5_000_000, 1000)], true);
    closed(ring)
}

#[test]
fn estimates_are_shown_as_estimates() {
    let case = estimated(5);
    let (summary, report) = case.json();
    let elided = &report["viztracer_metadata"]["processes"][0]["elided"][0];
    assert_eq!((&elided["calls_about"], &elided["calls_error"]), (&json!(1000), &json!(80)));
    assert!(summary.to_string().contains("estimated: f about 1,000 ±8%"), "{summary}");
    let csv = String::from_utf8(case.merge("out.csv", 1).1).unwrap();
    assert!(csv.contains("9,MainProcess,f,/x/ev.py,7,1,50,50,50,50,50,50,50,0,0,true,true,1001,80\n"), "{csv}");
    assert!(csv.contains("builtins.len,,0,1,") && csv.matches(",1001,80").count() == 2);
    let mut again = Case::new();
    again.add("again.json", case.merge("again.json", 1).1);
    assert_eq!(again.json().1["viztracer_metadata"], report["viztracer_metadata"]);
}

#[test]
fn a_report_of_a_part_passes_no_estimate_on() {
    let case = estimated(5);
    let output = case.directory.path().join("part.json");
    let selection = Selection { until: Some(Bound::After(Duration::from_nanos(120))), ..Selection::default() };
    let request = Request { selection, ..Request::new(case.inputs.clone(), output.clone()) };
    let summary = merge(&request, &()).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap();
    assert!(report["viztracer_metadata"]["processes"][0]["elided"][0].get("calls_about").is_none());
    assert!(!summary.to_string().contains("estimated"), "{summary}");
}

#[test]
fn too_few_bursts_say_nothing() {
    let case = estimated(4);
    assert!(case.json().1["viztracer_metadata"]["processes"][0]["elided"][0].get("calls_about").is_none());
    assert!(String::from_utf8(case.merge("out.csv", 1).1).unwrap().contains(",true,true,,\n"));
}

#[test]
fn processes_of_which_one_has_no_estimate_have_none_together() {
    let mut case = estimated(5);
    let mut other = small(10);
    other.elided(1, false, 5_000_100);
    other.calls(1, 0, &[call(1, 5_000_000, 20)], true);
    case.add("b.bin", other.bytes(true));
    let csv = String::from_utf8(case.merge("out.csv", 1).1).unwrap();
    assert_eq!(csv.matches(",1001,80\n").count(), 1, "{csv}");
    assert_eq!(
        csv.lines().filter(|line| line.starts_with("0,,f,") && line.ends_with(",true,true,,")).count(),
        1,
        "{csv}"
    );
}

#[test]
fn calls_in_bursts_are_the_least_of_all_functions() {
    let mut ring = small(9);
    ring.rests = Rests { count: 3, ticks: 400, since: 5_000_900 };
    ring.calls(1, 0, &[call(1, 5_000_000, 50), call(2, 5_000_000, 1000)], true);
    let case = closed(ring);
    let (summary, report) = case.json();
    let process = &report["viztracer_metadata"]["processes"][0];
    assert_eq!((&process["bursts"], &process["rested_ns"]), (&json!(3), &json!(500)));
    let said =
        "calls were recorded for 500 ns of 1.000 us, in 3 bursts (--max_overhead); all their numbers are \"at least\"";
    assert!(summary.to_string().contains(said), "{summary}");
    let csv = String::from_utf8(case.merge("out.csv", 1).1).unwrap();
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",true,true,,")), "{csv}");
    let mut again = Case::new();
    again.add("again.json", case.merge("again.json", 1).1);
    assert_eq!(again.json().1["viztracer_metadata"], report["viztracer_metadata"]);
}
