//! Logged data: payloads of calls, and events of the Chrome trace format, in each kind of report.

use super::{Case, OUTPUTS, events};
use serde_json::{Value, json};

fn golden() -> Case {
    let mut case = Case::new();
    case.add("logged.bin", include_bytes!("../../../format/tests/golden/v1-logged.bin"));
    case
}

/// The events of a thread without their times, each as phase, name and arguments.
fn shown(report: &Value) -> Vec<(&str, &str, &Value)> {
    let part = |event: &'_ Value, name: &str| event[name].as_str().map(str::len);
    let all = events(report);
    assert!(all.iter().all(|event| part(event, "ph").is_some() && part(event, "name").is_some()));
    all.iter().map(|event| (event["ph"].as_str().unwrap(), event["name"].as_str().unwrap(), &event["args"])).collect()
}

#[test]
fn every_event_in_json() {
    let (summary, report) = golden().json();
    let none = Value::Null;
    let (f, block) = ("f (/x/logged.py:0)", "block (/x/logged.py:7)");
    let expected = [
        ("X", f, json!({"func_args": {"a": "1"}, "return_value": "'ü'"})),
        ("X", f, json!({"func_args": {}, "raised": true})),
        ("X", f, json!({"a": [1, null]})),
        ("X", f, json!({"overwritten": true, "abandoned": true})),
        ("X", f, json!({"value": "no object"})),
        ("i", block, json!({})),
        ("C", "memory", json!({"rss": 1.5})),
        ("i", "é", none.clone()),
        ("N", "o", none.clone()),
        ("i", "memory", json!({"overwritten": true})),
        ("i", "memory", json!({"name": "without ph"})),
        ("i", "memory", none.clone()),
        ("X", block, none.clone()),
        ("X", "early", none.clone()),
        ("X", "raw", none.clone()),
        ("X", block, json!({"k": []})),
    ];
    let expected: Vec<_> = expected.iter().map(|(phase, name, args)| (*phase, *name, args)).collect();
    assert_eq!(shown(&report), expected);
    assert_eq!(summary.events(), 16);
    let all = events(&report);
    assert_eq!((&all[7]["s"], &all[8]["id"], &all[12]["cat"]), (&"g".into(), &"7".into(), &"FEE".into()));
    assert_eq!((all[2]["yield"] == true, &all[13]["dur"]), (true, &0.4.into()));
    assert!(all.iter().all(|event| event["pid"] == 4242 && event["tid"] == 4242));
}

#[test]
fn reports_of_calls_have_the_spans_that_nest_and_pass_over_payloads() {
    let text = |output: &str| String::from_utf8_lossy(&golden().merge(output, 1).1).into_owned();
    assert_eq!(text("out.folded").matches("block").count(), 1, "one line for both: {}", text("out.folded"));
    let table = text("out.csv");
    assert!(
        table.contains("block (/x/logged.py:7)") && !table.contains("early") && !table.contains("func_args"),
        "{table}"
    );
    assert!(!text("out.speedscope.json").contains("func_args"));
    let perfetto = text("out.pftrace");
    for part in ["func_args", "return_value", "no object", "overwritten", "early", "raw"] {
        assert!(perfetto.contains(part), "{part}");
    }
}

#[test]
fn the_report_is_the_same_for_any_number_of_threads() {
    for output in OUTPUTS {
        assert_eq!(golden().merge(output, 1).1, golden().merge(output, 3).1, "{output}");
    }
}

#[test]
fn open_calls_show_their_arguments() {
    let mut case = Case::new();
    case.add("open.bin", include_bytes!("../../../format/tests/golden/v1-arguments.bin"));
    let (summary, report) = case.json();
    let long = "0123456789".repeat(350);
    let expected = [
        json!({"func_args": {"argv": "['ü']"}, "unfinished": true, "inherited": true}),
        json!({"steps": ["a = 1", "b = 2"], "unfinished": true}),
        json!({"overwritten": true, "unfinished": true}),
        json!({"func_args": {"text": long}, "unfinished": true}),
        json!({"n": 1, "unfinished": true}),
        json!({"overwritten": true, "unfinished": true}),
        json!({"unfinished": true}),
    ];
    let arguments: Vec<&Value> = shown(&report).into_iter().map(|(_, _, arguments)| arguments).collect();
    assert_eq!(arguments, expected.iter().collect::<Vec<_>>());
    assert_eq!((summary.files[0].threads[0].unfinished, summary.files[0].problems.count), (7, 0));
    let perfetto = String::from_utf8_lossy(&case.merge("out.pftrace", 1).1).into_owned();
    assert!(perfetto.contains("b = 2") && perfetto.contains("argv") && !perfetto.contains("c = 3"));
    for output in OUTPUTS {
        assert_eq!(case.merge(output, 1).1, case.merge(output, 3).1, "{output}");
    }
}
