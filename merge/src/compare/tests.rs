//! Comparisons of small ring files.

use super::Both;
use super::comparison::{Comparison, Presence, Row};
use super::document::document;
use super::metric::Metric;
use super::rule::Rule;
use super::side::Run;
use super::table::Table;
use super::verdict::verdicts;
use crate::error::MergeError;
use crate::events::selection::{Bound, Selection};
use crate::parallel::progress::Watch;
use crate::plan::ending::Ending;
use crate::request::Request;
use crate::sample::{Ring, call, small};
use crate::trace::Trace;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;
use viztracer_format::record::Record;

/// A ring file in which the functions with these ids are called, each so often and for so long each time.
fn ring(session: u8, calls: &[(u32, u64, u64)]) -> Ring {
    let mut ring = small(u32::from(session));
    ring.identity.session_id = [session; 16];
    let each = calls.iter().flat_map(|(id, count, took)| (0..*count).map(move |_| (*id, *took)));
    let mut now = 5_000_000;
    let mut record = |(id, took)| {
        now += took + 1;
        call(id, now - took, took)
    };
    let records: Vec<Record> = each.map(&mut record).collect();
    ring.calls(1, 0, &records, true);
    ring
}

fn read(rings: Vec<Ring>) -> Vec<Run> {
    let directory: TempDir = tempfile::tempdir().unwrap();
    for (number, ring) in rings.into_iter().enumerate() {
        fs::write(directory.path().join(format!("{number:02}.bin")), ring.bytes(true)).unwrap();
    }
    let request = Request::new(vec![directory.path().into()], "-".into());
    Run::read(Trace::read(&request, &()).unwrap(), &()).unwrap()
}

fn compared(base: Vec<Ring>, head: Vec<Ring>) -> Comparison {
    of_runs(read(base), read(head))
}

fn of_runs(base: Vec<Run>, head: Vec<Run>) -> Comparison {
    Comparison::of(Both { base, head }, Metric::Calls, &()).unwrap()
}

fn row<'a>(comparison: &'a Comparison, name: &str) -> &'a Row {
    comparison.rows.iter().find(|row| &*row.function.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn text(comparison: &Comparison, rules: &[&str]) -> String {
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    Table { rows: 20, markdown: false }.text(comparison, &verdicts(comparison, &rules))
}

fn words(comparison: &Comparison, rules: &[&str]) -> Vec<&'static str> {
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    verdicts(comparison, &rules).iter().map(|verdict| verdict.word()).collect()
}

/// As many runs as there are times, of one call of `f` each.
fn runs(first: u8, times: &[u64]) -> Vec<Ring> {
    times.iter().zip(first..).map(|(took, session)| ring(session, &[(1, 1, *took)])).collect()
}

#[test]
fn calls_of_one_run_on_each_side() {
    let comparison = compared(vec![ring(1, &[(1, 100, 7), (2, 3, 5)])], vec![ring(2, &[(1, 106, 7), (2, 3, 5)])]);
    assert_eq!(
        text(&comparison, &["calls>+5%", "calls>+6%", "self>+5%"]),
        "\
base: 1 run of 1 process, 103 calls, 715 ns
head: 1 run of 1 process, 109 calls, 757 ns

     calls  change              self  change             total  change  function
103 -> 109  +5.8 %  715 ns -> 757 ns  +5.9 %  715 ns -> 757 ns  +5.9 %  [program]
100 -> 106  +6.0 %  700 ns -> 742 ns  +6.0 %  700 ns -> 742 ns  +6.0 %  f (/x/ev.py:7)
1 function with no difference
warning: too few runs to judge times (base: 1, head: 1): compare at least 4 on each side

calls>+5%: broken by the program and 1 function
  [program]: 103 -> 109 (+5.8 %)
  f (/x/ev.py:7): 100 -> 106 (+6.0 %)
calls>+6%: kept
self>+5%: no verdict: too few runs to judge times (base: 1, head: 1): compare at least 4 on each side
"
    );
}

#[test]
fn processes_of_one_session_are_one_run_and_others_are_not() {
    let mut second = ring(1, &[(1, 2, 5)]);
    second.identity.pid = 77;
    let alone = || ring(0, &[(1, 4, 5)]);
    let comparison = compared(vec![ring(1, &[(1, 1, 5)]), second, ring(2, &[(2, 1, 5)])], vec![alone(), alone()]);
    assert_eq!(row(&comparison, "f").samples.base.calls, [3, 0]);
    assert_eq!(row(&comparison, "builtins.len").samples.base.calls, [0, 1]);
    assert_eq!(comparison.runs.base.iter().map(|run| run.summary.files.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn functions_match_wherever_they_begin() {
    let changed = |session, line, name: &str, file: &str| {
        let mut ring = ring(session, &[(3, 5, 9), (1, 1, 1)]);
        ring.function(3, name, file, line);
        ring
    };
    let moved = compared(vec![changed(1, 10, "C.m", "/x/a.py")], vec![changed(2, 99, "C.m", "/x/a.py")]);
    let of = row(&moved, "C.m");
    assert_eq!((of.function.line, of.presence(), moved.rows.len()), (99, Presence::Both, 2));
    let elsewhere = compared(vec![changed(1, 10, "C.m", "/v1/a/m.py")], vec![changed(2, 12, "C.m", "/v2/a/m.py")]);
    assert_eq!(row(&elsewhere, "C.m").presence(), Presence::Both);
    assert!(text(&elsewhere, &[]).contains("Files below /v1 of the base match those below /v2 of the head.\n"));
    let renamed = compared(vec![changed(1, 10, "old", "/x/a.py")], vec![changed(2, 10, "new", "/x/a.py")]);
    assert_eq!(row(&renamed, "old").presence(), Presence::Gone);
    assert_eq!(row(&renamed, "new").presence(), Presence::New);
    let rules = ["calls>+1000% of func ^new", "calls<-99% of func ^old", "calls>+5 of func ^new", "calls>+0%"];
    assert_eq!(words(&renamed, &rules), ["broken", "broken", "kept", "broken"]);
    assert_eq!(words(&renamed, &["calls>+0% of program", "calls>+0% of func nobody"]), ["kept", "undecided"]);
}

#[test]
fn times_need_several_runs_and_more_than_chance() {
    let base = || runs(1, &[100, 101, 102, 103]);
    let rules = ["self>+20%", "total>+20ns of func ^f", "self>+60%", "self<-20%"];
    let slower = compared(base(), runs(11, &[150, 151, 152, 153]));
    assert_eq!(words(&slower, &rules), ["broken", "broken", "kept", "kept"]);
    assert!(text(&slower, &rules[..1]).contains("  f (/x/ev.py:7): 102 ns -> 152 ns (+49.3 %, p 0.029)\n"));
    // One slow run more does not make it certain.
    let noisy = compared(base(), runs(11, &[90, 151, 152, 153]));
    assert_eq!(words(&noisy, &rules), ["kept"; 4]);
    assert!(text(&noisy, &[]).contains("1 function with as many calls, and times that differ no more than by chance"));
    let few = compared(runs(1, &[100, 101, 102]), runs(11, &[150, 151, 152]));
    assert_eq!(words(&few, &rules), ["undecided"; 4]);
    assert!(text(&few, &[]).contains("warning: too few runs to judge times (base: 3, head: 3)"));
    assert_eq!(words(&few, &["calls>+5%"]), ["kept"]);
}

#[test]
fn calls_that_differ_between_runs_of_a_side() {
    let calls = |first: u8, counts: &[u64]| -> Vec<Ring> {
        counts.iter().zip(first..).map(|(count, session)| ring(session, &[(1, *count, 5)])).collect()
    };
    let comparison = compared(calls(1, &[10, 11, 12]), calls(11, &[20, 20, 99]));
    assert_eq!(row(&comparison, "f").change(Metric::Calls).percent().map(f64::round), Some(82.0));
    let text = text(&comparison, &[]);
    assert!(text.contains("~11 -> ~20  +81.8 %") && text.contains("~: differs between the runs of a side"), "{text}");
}

#[test]
fn missing_calls_are_said_where_the_numbers_are_read() {
    let lossy = |session| {
        let mut ring = ring(session, &[(1, 100, 7)]);
        ring.thread(2, 12, "other", 0, 5);
        ring
    };
    let comparison = compared(vec![lossy(1)], vec![ring(2, &[(1, 200, 7)])]);
    let text = text(&comparison, &["calls>+5%", "calls>+100%"]);
    assert!(text.contains("base: 1 run of 1 process, at least 100 calls"), "{text}");
    assert!(text.contains(">=100 -> 200  +100.0 %?"), "{text}");
    assert!(text.contains("?: calls are missing in some run") && text.contains("00.bin: 5 lost\n"), "{text}");
    assert_eq!(words(&comparison, &["calls>+5%", "calls>+100%"]), ["undecided", "kept"]);
    let comparison = compared(vec![ring(1, &[(1, 100, 7)])], vec![lossy(2)]);
    assert_eq!(words(&comparison, &["calls>+5%", "calls<-5%"]), ["undecided", "kept"]);
}

#[test]
fn functions_that_were_called_too_often() {
    let hot = |session| {
        let mut ring = ring(session, &[(1, 100, 7), (2, 3, 5), (3, 1, 5)]);
        ring.function(3, "main", "/x/ev.py", 1);
        ring.elided(1, false, 5_000_600);
        ring
    };
    let comparison = compared(vec![hot(1)], vec![hot(2)]);
    let unsure = |name: &str, metric| row(&comparison, name).is_unsure(metric);
    assert!(unsure("f", Metric::Calls) && unsure("f", Metric::Total) && unsure("builtins.len", Metric::Calls));
    assert!(!unsure("main", Metric::Calls) && !unsure("main", Metric::Total) && unsure("main", Metric::Own));
    assert!(text(&comparison, &[]).contains("head: >=: called too often to record all calls (--max_overhead): f."));
    assert_eq!(words(&comparison, &["calls>+0% of func ^main", "calls>+0% of program"]), ["kept", "undecided"]);
}

#[test]
fn the_document_has_every_run_and_every_function() {
    let comparison = compared(runs(1, &[100, 101, 102, 103]), runs(11, &[150, 151, 152, 153]));
    let rules = ["self>+20% of func ^f".parse().unwrap()];
    let made = document(&comparison, &verdicts(&comparison, &rules), usize::MAX);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["schema"], "viztracer-ring/compare/1");
    let of = &made["functions"][0];
    assert_eq!(of["self_ns"]["head"]["runs"], serde_json::json!([150, 151, 152, 153]));
    assert_eq!((&of["calls"]["percent"], &of["calls"]["p"]), (&0.0.into(), &Value::Null));
    assert!((of["self_ns"]["p"].as_f64().unwrap() - 2.0 / 70.0).abs() < 1e-9);
    assert_eq!(made["base"]["runs"][0]["session"], "01".repeat(16));
    assert_eq!((&made["rules"][0]["verdict"], &made["rules"][0]["broken_by"][0]), (&"broken".into(), of));
    let short = document(&comparison, &[], 0);
    let short: Value = serde_json::from_str(&short).unwrap();
    assert_eq!((&short["functions"], &short["more_functions"]), (&Value::Array(Vec::new()), &1.into()));
}

#[test]
fn markdown_is_no_more_than_a_table_whatever_names_are() {
    let hostile = |session, count| {
        let mut ring = ring(session, &[(3, count, 5)]);
        ring.function(3, "a|b`\n<script>\u{1b}[2J", "/x/*_[x](y).py", 1);
        ring
    };
    let comparison = compared(vec![hostile(1, 1)], vec![hostile(2, 5)]);
    let rules = ["calls>+1%".parse().unwrap()];
    let text = Table { rows: 20, markdown: true }.text(&comparison, &verdicts(&comparison, &rules));
    let name = "`` a\\|b`\\n<script>\\x1b[2J (/x/*_[x](y).py:1) ``";
    assert!(
        text.contains(&format!("| 1 -> 5 | +400.0 % | 5 ns -> 25 ns | +400.0 % | 5 ns -> 25 ns | +400.0 % | {name} |")),
        "{text}"
    );
    assert!(text.contains(&format!("  - {name}: 1 -> 5 (+400.0 %)\n")), "{text}");
    assert!(text.starts_with("### Comparison\n\nbase: 1 run of 1 process, 1 call, 5 ns  \nhead: "), "{text}");
}

#[test]
fn one_run_has_no_verdict_about_times_however_many_the_other_side_has() {
    let many = || runs(11, &(1000..1040).collect::<Vec<u64>>());
    let comparison = compared(runs(1, &[1]), many());
    assert_eq!(words(&comparison, &["self>+5%", "total>+5% of program"]), ["undecided"; 2]);
    assert!(text(&comparison, &[]).contains("warning: too few runs to judge times (base: 1, head: 40)"));
    let comparison = compared(many(), runs(1, &[1]));
    assert_eq!(words(&comparison, &["self<-5%", "calls>+5%"]), ["undecided", "kept"]);
}

#[test]
fn functions_whose_names_are_not_known_break_no_rule() {
    let unnamed = |session| ring(session, &[(99, 9, 7)]);
    let comparison = compared(vec![ring(1, &[(1, 9, 7)])], vec![unnamed(2)]);
    let rules = ["calls>+5%", "calls>+5", "calls<-5%", "calls>+5% of program"];
    assert_eq!(words(&comparison, &rules), ["undecided", "undecided", "undecided", "undecided"]);
    assert!(row(&comparison, "f").is_unsure(Metric::Calls));
    let comparison = compared(vec![unnamed(1)], vec![ring(2, &[(1, 9, 7)])]);
    assert_eq!(words(&comparison, &rules[..3]), ["undecided"; 3]);
}

#[test]
fn a_process_that_still_runs_may_call_more() {
    let ended = |ending: Ending, first: u8, count| {
        let mut runs = read(vec![ring(first, &[(1, count, 7)])]);
        runs[0].summary.files[0].ending = ending;
        runs
    };
    let complete = |comparison: &Comparison| {
        let made: Value = serde_json::from_str(&document(comparison, &[], 0)).unwrap();
        let run = made["head"]["runs"][0].clone();
        (run["complete"].as_bool().unwrap(), run["missing"].as_array().unwrap().len())
    };
    let comparison = of_runs(ended(Ending::Exited, 1, 100), ended(Ending::Running, 2, 50));
    let rules = ["calls<-5%", "calls>+5%", "calls<-50%"];
    assert_eq!(words(&comparison, &rules), ["undecided", "undecided", "kept"]);
    let shown = text(&comparison, &[]);
    assert!(shown.contains("00.bin: still running when it was read\n") && shown.contains("100 -> >=50"), "{shown}");
    assert_eq!(complete(&comparison), (false, 1));
    // What a process did until it was killed is all that it did. That it was killed is said.
    let comparison = of_runs(ended(Ending::Exited, 1, 100), ended(Ending::Signal(9), 2, 50));
    assert_eq!(words(&comparison, &rules), ["broken", "kept", "kept"]);
    assert_eq!(complete(&comparison), (false, 1));
    let comparison = of_runs(ended(Ending::Exited, 1, 100), ended(Ending::Exited, 2, 50));
    assert_eq!(complete(&comparison), (true, 0));
}

#[test]
fn a_side_without_calls_keeps_no_rule() {
    let comparison = compared(vec![ring(1, &[(1, 3, 7)])], vec![ring(2, &[])]);
    assert_eq!(words(&comparison, &["calls>+5%", "calls<-5%"]), ["undecided", "broken"]);
    assert!(text(&comparison, &[]).contains("warning: the head has no calls that are selected\n"));
    let comparison = compared(vec![ring(1, &[])], vec![ring(2, &[])]);
    assert_eq!(words(&comparison, &["calls>+0%", "calls<-0%"]), ["undecided"; 2]);
    let comparison = compared(vec![ring(1, &[(1, 3, 7)])], vec![ring(2, &[(1, 3, 7)]), ring(3, &[])]);
    assert!(text(&comparison, &["calls>+9%"]).contains("calls>+9%: no verdict: 1 of 2 runs of the head have no calls"));
}

#[test]
fn medians_between_two_numbers_are_not_rounded() {
    let calls = |first, counts: [u64; 2]| {
        counts.iter().zip(first..).map(|(count, session)| ring(session, &[(1, *count, 5)])).collect()
    };
    let comparison = compared(calls(1_u8, [2, 2]), calls(11, [2, 3]));
    let rules = ["calls>+30%", "calls>+24% of func ^f", "calls>+0 of program"];
    assert_eq!(words(&comparison, &rules), ["kept", "broken", "broken"]);
    let shown = text(&comparison, &[]);
    assert!(
        shown.contains("2 -> ~2.5  +25.0 %") && shown.contains("head: 2 runs of 2 processes, 2.5 calls"),
        "{shown}"
    );
    let made: Value = serde_json::from_str(&document(&comparison, &[], 1)).unwrap();
    let calls = &made["functions"][0]["calls"];
    assert_eq!((&calls["base"]["median"], &calls["head"]["median"]), (&2.into(), &2.5.into()));
}

#[test]
fn a_change_that_is_shown_as_nothing_has_no_sign() {
    let comparison = compared(vec![ring(1, &[(1, 1, 100_000)])], vec![ring(2, &[(1, 1, 99_999)])]);
    let shown = text(&comparison, &[]);
    assert!(shown.contains("<0.1 %") && !shown.contains("-0.0 %"), "{shown}");
}

#[test]
fn a_comparison_can_be_interrupted() {
    struct Stopped;
    impl Watch for Stopped {
        fn stopped(&self) -> bool {
            true
        }
    }
    let runs = Both { base: read(runs(1, &[1, 2])), head: read(runs(11, &[1, 2])) };
    assert!(matches!(Comparison::of(runs, Metric::Calls, &Stopped), Err(MergeError::Interrupted)));
}

/// The number of selected calls of a base of 20 calls and of a head of 90, in the table and on the page. Each call begins
/// 2 us after the one before and takes 1 us; the clock does not begin at 0.
fn calls_of_traces_in_json(selection: Selection) -> (u64, u64, u64) {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let request = |name: &str, calls: u64| {
        let event = |n: u64| {
            format!(r#"{{"ph":"X","pid":1,"tid":1,"ts":{},"dur":1,"name":"f (/a.py:1)"}}"#, 5_000_000 + calls + 2 * n)
        };
        let events: Vec<String> = (0..calls).map(event).collect();
        let path = directory.path().join(name);
        fs::write(&path, format!(r#"{{"traceEvents":[{}]}}"#, events.join(","))).unwrap();
        Request { selection: selection.clone(), ..Request::new(vec![path], "-".into()) }
    };
    let (base, head) = (request("base.json", 20), request("head.json", 90));
    let trace = |request| Trace::read(request, &()).unwrap();
    let calls = |request| Run::read(trace(request), &()).unwrap()[0].functions.calls;
    let both = trace(&base).beside(trace(&head), HashMap::new()).unwrap();
    (calls(&base), calls(&head), both.functions(&()).unwrap().0.calls)
}

#[test]
fn cuts_apply_to_each_run_from_its_begin() {
    let everything = Selection::default;
    let after = |time| Some(Bound::After(Duration::from_micros(time)));
    assert_eq!(calls_of_traces_in_json(everything()), (20, 90, 110));
    assert_eq!(calls_of_traces_in_json(Selection { until: after(10), ..everything() }), (5, 5, 10));
    assert_eq!(calls_of_traces_in_json(Selection { since: after(10), ..everything() }), (15, 85, 100));
    let last = Some(Duration::from_micros(9));
    assert_eq!(calls_of_traces_in_json(Selection { last, ..everything() }), (5, 5, 10));
    assert_eq!(calls_of_traces_in_json(Selection { last, until: after(10), ..everything() }), (4, 4, 8));
}

#[test]
fn a_copy_of_a_file_counts_once() {
    let same = || {
        let mut ring = ring(1, &[(1, 3, 7)]);
        ring.identity.opened.realtime = 1_700_000_000_000_000_000;
        ring
    };
    let runs = read(vec![same(), same()]);
    assert_eq!((runs.len(), runs[0].functions.calls, runs[0].summary.files.len()), (1, 3, 1));
    let warnings = &runs[0].summary.warnings;
    assert!(warnings.iter().any(|warning| warning.ends_with("00.bin, too, and counts once")), "{warnings:?}");
}

#[test]
fn how_many_differences_are_chance() {
    let many = |first, times: [u64; 4]| -> Vec<Ring> {
        let ring = |(took, session): (&u64, u8)| {
            let mut ring = ring(session, &(10..30).map(|id| (id, 1, *took)).collect::<Vec<_>>());
            (10..30).for_each(|id| ring.function(id, &format!("f{id}"), "/x/ev.py", id));
            ring
        };
        times.iter().zip(first..).map(ring).collect()
    };
    let comparison = compared(many(1, [1, 2, 3, 4]), many(11, [5, 6, 7, 8]));
    assert!(text(&comparison, &[]).contains("\nChance alone may give up to 2 of the 40 times p < 0.05.\n"));
    let few = compared(runs(1, &[1, 2, 3, 4]), runs(11, &[5, 6, 7, 8]));
    assert!(!text(&few, &[]).contains("Chance alone"));
}
