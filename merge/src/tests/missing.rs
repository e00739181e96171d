//! What the tracks show of events that are missing.

use super::{Case, events, small};
use crate::sample::{Ring, call};
use serde_json::{Value, json};

/// The marks of missing events, without their tracks.
fn shown(report: &Value) -> Vec<Value> {
    let events = report["traceEvents"].as_array().unwrap().iter().filter(|event| event["cat"] == "LOSS");
    let mut events: Vec<Value> = events.cloned().collect();
    for event in &mut events {
        assert_eq!((&event["pid"], &event["tid"]), (&json!(1), &json!(11)));
        event.as_object_mut().unwrap().retain(|key, _| !["pid", "tid", "cat"].contains(&&**key));
    }
    events
}

/// A case whose only input is the report of these files, without events that show losses.
fn again(case: &Case) -> Case {
    let mut again = Case::new();
    again.add("again.json", case.merge("again.json", 2).1);
    again
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
    assert_eq!(shown(&report), [] as [Value; 0]);
    let thread = &report["viztracer_metadata"]["processes"][0]["threads"][0];
    let times = ["overwritten_since_ns", "overwritten_until_ns"].map(|name| thread[name].clone());
    assert_eq!(times, [json!(0), json!(80_001)]);
    let slice = json!({"ts": 10.0, "ph": "X", "dur": 70.0, "name": "1,234,567 events overwritten",
        "args": {"overwritten": 1_234_567, "since": 0.0, "until": 80.001}});
    assert_eq!(shown(&case.showing_losses()), std::slice::from_ref(&slice));
    assert_eq!(shown(&again(&case).showing_losses()), [slice]);
    assert_eq!(summary.events(), 20_002);
    assert_eq!(events(&report).len(), 20_002);
    assert_eq!(report["viztracer_metadata"]["processes"][0]["threads"][0]["events"], 20_002);

    // The calls around it may be open still.
    let mut ring = overwritten();
    ring.stack(1, &[(1, 5_000_050), (1, 5_000_060)]);
    case = Case::new();
    case.add("a.bin", ring.bytes(false));
    assert_eq!(shown(&case.showing_losses())[0]["ts"], 10.0);
    assert_eq!(shown(&again(&case).showing_losses()), shown(&case.showing_losses()));
}

#[test]
fn what_a_label_counts_is_missing_also_where_no_segment_of_calls_is_left() {
    let mut ring = small(1);
    ring.thread(2, 12, "gone", 500, 0);
    assert_eq!(Case::of(ring, true).json().0.files[0].threads[1].overwritten, 500);
}

#[test]
fn a_report_of_a_part_of_the_time_tells_of_that_part() {
    let case = Case::of(overwritten(), true);
    let told_with = |words: &[&str]| {
        assert_eq!(case.run(&[&["-o", "@1.json", "--show_losses"], words].concat()), 0);
        let text = std::fs::read(case.directory.path().join("1.json")).unwrap();
        shown(&serde_json::from_slice(&text).unwrap())
    };
    assert_eq!(told_with(&["--since", "81us"]).len(), 0);
    let part = |words: &[&str]| {
        let [slice] = &told_with(words)[..] else { panic!("no slice") };
        let arguments = ["since", "until"].map(|name| slice["args"][name].as_f64().unwrap());
        (slice["ts"].as_f64().unwrap(), slice["dur"].as_f64().unwrap(), arguments)
    };
    assert_eq!(part(&["--since", "20us"]), (20.0, 60.0, [20.0, 80.001]));
    assert_eq!(part(&["--until", "20us"]), (10.0, 10.0, [0.0, 20.0]));
    assert_eq!(told_with(&["--tid", "12"]).len(), 0);
    let all = told_with(&[]);
    assert_eq!(all.len(), 1);
    assert_eq!(told_with(&["--tid", "11"]), all);
    assert_eq!(told_with(&["--until", "90us"]), all);
    assert_eq!(told_with(&["--max_depth", "1"]), all);
}

/// `main` calls `f` at 10 us, which calls `g` at 40 and again at 60; what ended before 50 us is gone.
fn wrapped() -> Ring {
    let mut ring = small(1);
    ring.function(3, "main", "/x/ev.py", 1);
    ring.function(4, "g", "/x/ev.py", 9);
    let records = [call(4, 5_040_000, 10_000), call(4, 5_060_000, 10_000), call(1, 5_010_000, 70_000)];
    ring.calls(1, 500, &[&records[..], &[call(3, 5_005_000, 95_000)]].concat(), true);
    ring
}

/// What the reports say of it: of 100 us are known 10 us of `main` that it had at the end and of `g` that it had last,
/// and 20 us of `f`, around `g`.
#[test]
fn time_of_overwritten_calls_is_nobodys() {
    let case = Case::of(wrapped(), true);
    let text = |case: &Case, name: &str| String::from_utf8(case.merge(name, 2).1).unwrap();
    let csv = text(&case, "out.csv");
    let own = |csv: &str| -> Vec<(String, u64)> {
        let fields = csv.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        let of_process = fields.filter(|fields| fields[0] == "1");
        of_process.map(|fields| (fields[2].to_owned(), fields[7].parse().unwrap())).collect()
    };
    let expected = [("f", 20_000), ("main", 20_000), ("g", 10_000), ("[overwritten]", 50_000)];
    let expected = expected.map(|(name, own)| (name.to_owned(), own));
    assert_eq!(own(&csv), expected);
    let last = csv.lines().last().unwrap();
    assert_eq!(last, "0,,[overwritten],,0,0,50000,50000,0,0,0,0,0,0,0,false,false,,");

    let folded = text(&case, "out.folded");
    let thread = "MainProcess (1);MainThread (11)";
    let (main, f, g) = ("main (/x/ev.py:1)", "f (/x/ev.py:7)", "g (/x/ev.py:9)");
    let expected = [
        format!("{thread};[overwritten] 5000"),
        format!("{thread};{main} 20000"),
        format!("{thread};{main};[overwritten] 5000"),
        format!("{thread};{main};{f} 20000"),
        format!("{thread};{main};{f};[overwritten] 30000"),
        format!("{thread};{main};{f};{g} 10000"),
        format!("{thread};{main};{f};{g};[overwritten] 10000"),
    ];
    assert_eq!(folded.lines().collect::<Vec<_>>(), expected);

    let speedscope: Value = serde_json::from_str(&text(&case, "out.speedscope.json")).unwrap();
    let frame = |event: &Value| {
        let name = &speedscope["shared"]["frames"][event["frame"].as_u64().unwrap() as usize]["name"];
        format!("{}{} {}", event["type"].as_str().unwrap(), name.as_str().unwrap(), event["at"])
    };
    let events = speedscope["profiles"][0]["events"].as_array().unwrap();
    let shown: Vec<String> = events.iter().map(frame).take(8).collect();
    let expected = "O[overwritten] 0,C[overwritten] 5000,Omain 5000,O[overwritten] 5000,C[overwritten] 10000,Of 10000,\
        O[overwritten] 10000,C[overwritten] 40000";
    assert_eq!(shown.join(","), expected);

    // The same of a cut, and of a report in JSON that was merged before.
    case.merge("out.json", 2);
    let again = Case { inputs: vec![case.directory.path().join("out.json")], ..case };
    assert_eq!(text(&again, "again.folded"), folded);
    assert_eq!(again.run(&["-o", "@cut.csv", "--since", "20us"]), 0);
    let cut = own(&std::fs::read_to_string(again.directory.path().join("cut.csv")).unwrap());
    let expected = [("f", 20_000), ("main", 20_000), ("g", 10_000), ("[overwritten]", 30_000)];
    assert_eq!(cut, expected.map(|(name, own)| (name.to_owned(), own)));
    assert_eq!(again.run(&["-o", "@cut.json", "--since", "20us"]), 0);
    let again = Case { inputs: vec![again.directory.path().join("cut.json")], ..again };
    assert_eq!(own(&text(&again, "again.csv")), cut);
}

#[test]
fn a_thread_of_which_nothing_is_left_is_unknown_as_long_as_it_was() {
    let mut ring = wrapped();
    ring.thread(2, 12, "gone", 70, 0);
    let begun_and_ended = ring.names.len() - 56 - 32 + 24;
    ring.names[begun_and_ended..][..8].copy_from_slice(&5_001_000_u64.to_le_bytes());
    ring.names[begun_and_ended + 8..][..8].copy_from_slice(&5_004_000_u64.to_le_bytes());
    let folded = String::from_utf8(Case::of(ring, true).merge("out.folded", 2).1).unwrap();
    assert!(folded.contains("MainProcess (1);gone (12);[overwritten] 3000\n"), "{folded}");
}

#[test]
fn events_that_found_no_room_are_a_mark() {
    let mut ring = Ring::new(1, 5_000_000);
    ring.thread(1, 11, "MainThread", 1, 1_000);
    ring.function(1, "f", "/x/ev.py", 7);
    ring.calls(1, 0, &[call(1, 5_000_100, 10)], true);
    let case = Case::of(ring, true);
    let mark = json!({"ts": 0.0, "ph": "i", "s": "t", "name": "1,000 events found no room", "args": {"lost": 1_000}});
    assert_eq!(shown(&case.json().1), [] as [Value; 0]);
    assert_eq!(shown(&case.showing_losses()), std::slice::from_ref(&mark));
    assert_eq!(shown(&again(&case).showing_losses()), [mark]);
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
