//! Function tables, pages and profiles of small ring files, from bytes to text.

use super::{Case, large, small};
use crate::events::selection::{Bound, Selection};
use crate::sample::{Ring, call, record};
use crate::{Request, merge};
use serde_json::Value;
use std::fs;
use std::time::Duration;
use viztracer_format::record::{Kind, Record};

/// `f` calls itself and `len`, then `f` again, in which the process dies.
fn recursion() -> Ring {
    let mut ring = small(9);
    let records = [
        call(2, 5_000_100, 50),
        call(1, 5_000_050, 300),
        record(Kind::Raise, 1, 5_000_000, 1000),
        call(7, 5_001_500, 10),
    ];
    ring.calls(1, 0, &records, false);
    ring.stack(1, &[(1, 5_002_000), (2, 5_002_100)]);
    ring
}

fn text(case: &Case, output: &str) -> String {
    String::from_utf8(case.merge(output, 2).1).unwrap()
}

#[test]
fn the_function_table_is_exact() {
    let mut case = Case::of(recursion(), false);
    let mut other = small(10);
    other.names.clear();
    other.function(5, "f", "/x/ev.py", 7);
    other.function(6, "a \"b\",\nc", "/x/y,z.py", 3);
    other.calls(1, 0, &[call(5, 5_000_000, 20), call(6, 5_000_100, 7)], true);
    case.add("b.bin", other.bytes(true));
    // 300 is shown as 302, the middle of its range.
    let expected = "\
pid,process,function,file,line,calls,total_ns,self_ns,mean_ns,p50_ns,p99_ns,min_ns,max_ns,unfinished,raised,elided,elides_c_calls,calls_about,calls_error
9,MainProcess,f,/x/ev.py,7,3,1101,1050,467,302,1000,101,1000,1,1,false,false,,
9,MainProcess,builtins.len,,0,2,51,51,26,1,50,1,50,1,0,false,false,,
9,MainProcess,unknown function,,0,1,10,10,10,10,10,10,10,0,0,false,false,,
10,pid 10,f,/x/ev.py,7,1,20,20,20,20,20,20,20,0,0,false,false,,
10,pid 10,\"a \"\"b\"\",\\nc\",\"/x/y,z.py\",3,1,7,7,7,7,7,7,7,0,0,false,false,,
0,,f,/x/ev.py,7,4,1121,1070,355,101,1000,20,1000,1,1,false,false,,
0,,builtins.len,,0,2,51,51,26,1,50,1,50,1,0,false,false,,
0,,unknown function,,0,1,10,10,10,10,10,10,10,0,0,false,false,,
0,,\"a \"\"b\"\",\\nc\",\"/x/y,z.py\",3,1,7,7,7,7,7,7,7,0,0,false,false,,
";
    assert_eq!(text(&case, "out.csv"), expected);
}

#[test]
fn a_cut_takes_what_is_outside_from_the_times() {
    let case = Case::of(recursion(), false);
    let output = case.directory.path().join("out.csv");
    let selection = Selection { until: Some(Bound::After(Duration::from_nanos(120))), ..Selection::default() };
    merge(&Request { selection, ..Request::new(case.inputs.clone(), output.clone()) }, &()).unwrap();
    let text = fs::read_to_string(output).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("9,")).collect();
    let expected = [
        "9,MainProcess,f,/x/ev.py,7,2,120,100,95,70,120,70,120,0,1,false,false,,",
        "9,MainProcess,builtins.len,,0,1,20,20,20,20,20,20,20,0,0,false,false,,",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn every_kind_is_the_same_for_any_number_of_threads() {
    let mut case = Case::new();
    for pid in 1..3 {
        case.add(&format!("{pid}.bin"), large(pid).bytes(pid != 2));
    }
    for kind in ["csv", "html", "folded", "speedscope.json"] {
        let (_, one) = case.merge(&format!("1.{kind}"), 1);
        for threads in [2, 8] {
            assert!(case.merge(&format!("n.{kind}"), threads).1 == one, "{kind}");
        }
    }
}

/// The profiles of a report as `O` and `C` with frames and times; each must nest and never go back in time.
fn profiles(report: &Value) -> Vec<(String, Vec<String>)> {
    let frames = report["shared"]["frames"].as_array().unwrap();
    let mut profiles = Vec::new();
    for profile in report["profiles"].as_array().unwrap() {
        let (mut open, mut now, mut told) = (Vec::new(), profile["startValue"].as_u64().unwrap(), Vec::new());
        for event in profile["events"].as_array().unwrap() {
            let (frame, at) = (event["frame"].as_u64().unwrap(), event["at"].as_u64().unwrap());
            assert!(at >= now);
            now = at;
            match event["type"].as_str().unwrap() {
                "O" => open.push(frame),
                _ => assert_eq!(open.pop(), Some(frame)),
            }
            told.push(format!("{} {} {at}", event["type"].as_str().unwrap(), frames[frame as usize]["name"]));
        }
        assert!(open.is_empty() && now <= profile["endValue"].as_u64().unwrap());
        profiles.push((profile["name"].as_str().unwrap().to_owned(), told));
    }
    profiles
}

#[test]
fn profiles_of_threads() {
    let mut ring = recursion();
    ring.thread(2, 12, "second", 0, 0);
    ring.calls(2, 0, &[call(1, 5_000_700, 10)], true);
    let case = Case::of(ring, false);
    let report: Value = serde_json::from_str(&text(&case, "out.speedscope.json")).unwrap();
    let frame = serde_json::json!({"name": "f", "file": "/x/ev.py", "line": 7});
    assert_eq!(report["shared"]["frames"][1], frame);
    assert_eq!(report["viztracer_metadata"]["processes"][0]["state"], "crashed");
    let [(first, calls), (second, others)] = &profiles(&report)[..] else { panic!("two profiles") };
    assert_eq!((&first[..], &second[..]), ("MainProcess (9), MainThread (11)", "MainProcess (9), second (12)"));
    let expected = [
        "O \"f\" 0",
        "O \"f\" 50",
        "O \"builtins.len\" 100",
        "C \"builtins.len\" 150",
        "C \"f\" 350",
        "C \"f\" 1000",
        "O \"unknown function\" 1500",
        "C \"unknown function\" 1510",
        "O \"f\" 2000",
        "O \"builtins.len\" 2100",
        "C \"builtins.len\" 2101",
        "C \"f\" 2101",
    ];
    assert_eq!(calls[..], expected);
    assert_eq!(others[..], ["O \"f\" 700", "C \"f\" 710"]);
}

/// Records in no order, nested in nothing, and enough for several parts.
#[test]
fn profiles_of_bytes_that_are_no_trace() {
    let mut ring = small(1);
    ring.thread(2, 12, "", 0, 0);
    let mut state = 1u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..80 {
        let mut some = || {
            let bits = random(20);
            call(random(4) as u32, 5_000_000 + random(1_000_000), random(1 << bits))
        };
        let records: Vec<Record> = (0..248).map(|_| some()).collect();
        ring.calls(1 + random(2) as u32, 0, &records, true);
    }
    ring.stack(1, &[(1, 5_100_000), (2, 5_000_000)]);
    let case = Case::of(ring, false);
    let report: Value = serde_json::from_str(&text(&case, "out.speedscope.json")).unwrap();
    assert_eq!(profiles(&report).len(), 2);
    text(&case, "out.csv");
}
