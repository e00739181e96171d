//! Reports as inputs: a report of a report says what the report of the ring files says.

mod histories;

use super::page::{header, page};
use super::{Case, small};
use crate::inspect::info;
use crate::plan::ending::Ending;
use crate::sample::{Ring, call};
use crate::trace::Trace;
use crate::{Request, State};
use histories::{family, history};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

/// A case whose only input is a report of this case.
fn through(case: &Case, name: &str) -> Case {
    let mut next = Case::new();
    let (_, bytes) = case.merge(name, 2);
    next.add(name, bytes);
    next
}

fn request(case: &Case) -> Request {
    Request::new(case.inputs.clone(), "none.json".into())
}

/// The last words, without the files' paths.
fn words(case: &Case) -> String {
    let request = request(case);
    let mut words = Vec::new();
    Trace::read(&request, &()).unwrap().last_words(&(), false, &mut words).unwrap();
    let words = String::from_utf8(words).unwrap();
    words.lines().filter(|line| !line.starts_with("  file:")).map(|line| format!("{line}\n")).collect()
}

/// What `--info` shows of the processes, without what it shows of the files.
fn information(case: &Case) -> Value {
    let request = request(case);
    let mut shown: Value =
        serde_json::from_str(&info::document(Trace::read(&request, &()).unwrap().plans(), &[])).unwrap();
    for file in shown["files"].as_array_mut().unwrap() {
        ["file", "size"].iter().for_each(|key| drop(file.as_object_mut().unwrap().remove(*key)));
    }
    shown
}

/// Events in an order that does not depend on how they were read.
fn sorted(report: &Value) -> Vec<String> {
    let mut events: Vec<String> = report["traceEvents"].as_array().unwrap().iter().map(canonical).collect();
    events.sort_unstable();
    events
}

/// The text of an object by the order of its keys.
fn canonical(value: &Value) -> String {
    let sorted: std::collections::BTreeMap<_, _> = value.as_object().unwrap().iter().collect();
    json!(sorted).to_string()
}

fn lines(case: &Case, output: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        String::from_utf8(case.merge(output, 2).1).unwrap().lines().map(str::to_owned).collect();
    // Equal times are in the order of appearance.
    lines.sort_unstable();
    lines
}

/// What a page says of its processes.
fn processes(case: &Case) -> Value {
    header(&page(case))["processes"].clone()
}

/// The report of these files, a report of it, and one of that, all say the same.
fn check(case: &Case) {
    let (summary, report) = case.json();
    for name in ["once.json", "once.json.gz"] {
        let once = through(case, name);
        let (again, report_again) = once.json();
        assert_eq!(sorted(&report_again), sorted(&report));
        assert_eq!(report_again["viztracer_metadata"], report["viztracer_metadata"]);
        let losses = |summary: &crate::Summary| crate::report::loss::lines(summary).join("\n");
        let without_name =
            |text: String| text.lines().filter_map(|l| Some(l.split_once(": ")?.1.to_owned())).collect::<Vec<_>>();
        assert_eq!(without_name(losses(&again)), without_name(losses(&summary)));
        assert_eq!(sorted(&once.showing_losses()), sorted(&case.showing_losses()));
        assert_eq!(words(&once), words(case));
        assert_eq!(again.last_words, summary.last_words);
        assert_eq!(information(&once), information(case));
        for output in ["out.csv", "out.folded"] {
            assert_eq!(lines(&once, output), lines(case, output), "{output}");
        }
        assert_eq!(processes(&once), processes(case));
        let twice = through(&once, "twice.json");
        // From here on not a byte changes.
        assert!(twice.merge("thrice.json", 2).1 == std::fs::read(&twice.inputs[0]).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changes(histories in prop::collection::vec(history(), 1..4)) {
        check(&family(&histories));
    }
}

/// A process that dies two seconds after it began its last call.
fn hung() -> Ring {
    let mut ring = small(1);
    ring.calls(1, 0, &[call(2, 5_000_050, 10)], false);
    ring.stack(1, &[(1, 5_000_010), (1, 5_000_200)]);
    ring.calls(2, 0, &[call(2, 2_005_000_000, 10)], false);
    ring.thread(2, 12, "other", 0, 0);
    ring
}

#[test]
fn a_report_shows_a_crash() {
    let case = Case::of(hung(), false);
    let once = through(&case, "once.json");
    assert_eq!(once.json().0.files[0].state, State::Crashed);
    let words = words(&once);
    for line in ["MainProcess (pid 1) ended without a word", "2.000 s", "last call that ended"] {
        assert!(words.contains(line), "{words}");
    }
    check(&case);
}

#[test]
fn a_process_that_became_another_program_stays_two() {
    let mut case = Case::new();
    for (index, opened) in [5_000_000, 6_000_000].into_iter().enumerate() {
        let mut ring = Ring::new(1, opened);
        (ring.identity.boot_id, ring.identity.process_start) = ([7; 16], 77);
        ring.thread(1, 1, "MainThread", 0, 0);
        ring.function(1, &format!("f{index}"), "/x.py", 1);
        ring.calls(1, 0, &[call(1, opened + 10, 5), call(1, opened + 30, 5)], true);
        if index == 0 {
            ring.stack(1, &[(1, opened + 40)]);
        }
        case.add(&format!("{index}.bin"), ring.bytes(index == 1));
    }
    let states = |case: &Case| case.json().0.files.iter().map(|file| (file.pid, file.state)).collect::<Vec<_>>();
    assert_eq!(states(&case), [(1, State::Crashed), (1, State::Sealed)]);
    check(&case);
}

#[test]
fn threads_that_had_one_id_after_the_other_stay_apart() {
    let mut ring = small(1);
    ring.names.clear();
    for (serial, begun) in [(1, 5_000_000_u64), (2, 5_000_100)] {
        let at = ring.names.len();
        ring.thread(serial, 11, &format!("thread {serial}"), 0, 0);
        ring.names[at + 24..at + 32].copy_from_slice(&begun.to_le_bytes());
        ring.calls(serial, 0, &[call(1, begun + 10, 5)], true);
    }
    ring.function(1, "f", "/x.py", 1);
    let mut case = Case::new();
    ring.identity.boot_id = [7; 16];
    case.add("a.bin", ring.bytes(true));
    // Both have the name of the later one where only the track has a name.
    let once = through(&case, "once.json");
    let events = |case: &Case| {
        let (summary, _) = case.json();
        summary.files[0].threads.iter().map(|thread| (thread.name.clone(), thread.events)).collect::<Vec<_>>()
    };
    assert_eq!(events(&once), [("thread 1".to_owned(), 1), ("thread 2".to_owned(), 1)]);
    assert_eq!(lines(&once, "out.folded"), lines(&case, "out.folded"));
    check(&case);
}

/// What nobody knows here, a later version may.
#[test]
fn what_is_not_known_is_passed_on() {
    let mut case = Case::new();
    let event = r#"{"ph":"X","pid":1,"tid":2,"ts":1,"dur":1,"name":"f","cat":"FEE"}"#;
    let processes = r#"[{"pid":1,"name":"p","state":"put to sleep","ending":"dozed off","signal":15,
        "opened_ns":0,"last_ns":5000,"later":{"a":[1]},
        "threads":[{"tid":2,"name":"t","events":1,"overwritten":0,"lost":0,"unfinished":0,"mood":"good"}]}]"#;
    case.add("a.json", format!(r#"{{"traceEvents":[{event}],"viztracer_metadata":{{"processes":{processes}}}}}"#));
    let (summary, report) = case.json();
    let process = &report["viztracer_metadata"]["processes"][0];
    let words = ["state", "ending", "signal"].map(|word| process[word].clone());
    assert_eq!(words, [json!("put to sleep"), json!("dozed off"), json!(15)]);
    assert_eq!((&process["later"], &process["threads"][0]["mood"]), (&json!({"a": [1]}), &"good".into()));
    assert_eq!((summary.files[0].state, summary.files[0].ending), (State::Unknown, Ending::Untold));
    let file = &information(&case)["files"][0];
    assert_eq!((file["state"].as_str(), file["ending"].as_str()), (Some("put to sleep"), Some("dozed off")));
    assert!(summary.to_string().contains("  dozed off  "), "{summary}");
    let once = through(&case, "once.json");
    assert!(once.merge("twice.json", 1).1 == std::fs::read(&once.inputs[0]).unwrap());
}

/// A report that says nothing of an end does not say that it was in order.
#[test]
fn never_seen_is_not_in_order() {
    let mut case = Case::new();
    case.add("a.json", r#"[{"ph":"X","pid":1,"tid":2,"ts":1,"dur":1,"name":"f"}]"#);
    let (summary, report) = case.json();
    assert_eq!(summary.files[0].state, State::Unknown);
    assert_eq!(report["viztracer_metadata"]["processes"][0]["state"], "unknown");
    assert_eq!(words(&case), "The end of 1 process is not known: its report does not show it.\n");
    assert!(crate::report::loss::lines(&summary).is_empty());
    let once = through(&case, "once.json");
    assert!(once.merge("twice.json", 1).1 == std::fs::read(&once.inputs[0]).unwrap());
}

/// A living process is one that lived when the report was made, whatever became of it.
#[test]
fn a_report_of_a_living_process_is_of_then() {
    let case = Case::of(hung(), false);
    let file = std::fs::File::open(&case.inputs[0]).unwrap();
    assert!(crate::system::lock_exclusive(&file).unwrap());
    let once = through(&case, "once.json");
    let words = words(&once);
    assert!(words.starts_with("MainProcess (pid 1) was still running when the report was made\n"), "{words}");
    assert!(words.contains("2.000 s"), "{words}");
    assert_eq!(once.json().0.files[0].state, State::Living);
    assert!(Path::new(&once.inputs[0]).exists());
}
