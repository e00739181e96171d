//! The document in JSON: every kind of event, names, the program's text; and the same bytes from any number of threads.

use super::{Case, events, large, small};
use crate::sample::{Ring, call, record};
use serde_json::Value;
use std::fs;
use std::io::Read;
use viztracer_format::record::{DURATION_EXTENDED, Kind, Record};

#[test]
fn every_kind_of_event_as_text() {
    let mut ring = small(9);
    ring.thread(2, 12, "", 0, 0);
    ring.function(3, "mark", "", 0);
    let payload = ring.payload(b"{\"k\":1}");
    ring.calls(
        1,
        0,
        &[
            call(2, 5_000_100, 50),
            call(1, 5_000_001, 3_184),
            record(Kind::Raise, 1, 5_010_000, 1_500),
            record(Kind::Yield, 1, 5_020_000, 0),
            record(Kind::Abandoned, 1, 5_030_000, 7),
            record(Kind::Open, 1, 4_999_999, 100_000),
            record(Kind::Instant, 3, 5_040_000, 0),
            record(Kind::Instant, 3, 5_041_000, 0),
            Record::payload(payload, 0, 7),
            record(Kind::Counter, 3, 5_042_000, 0),
            Record::payload(99, 0, 7),
            record(Kind::Return, 9, 5_050_000, DURATION_EXTENDED),
            Record::long(2_000_000_000_000_000),
        ],
        true,
    );
    let (summary, text) = Case::of(ring, true).merge("out.json", 1);
    let expected = r#"{"traceEvents":[
{"ph":"M","pid":9,"tid":9,"name":"process_name","args":{"name":"MainProcess"}},
{"ph":"M","pid":9,"tid":11,"name":"thread_name","args":{"name":"MainThread"}},
{"ph":"M","pid":9,"tid":12,"name":"thread_name","args":{"name":"Thread-12"}},
{"pid":9,"tid":11,"ts":0.100,"ph":"X","dur":0.050,"name":"builtins.len","cat":"FEE"},
{"pid":9,"tid":11,"ts":0.001,"ph":"X","dur":3.184,"name":"f (/x/ev.py:7)","cat":"FEE"},
{"pid":9,"tid":11,"ts":10.000,"ph":"X","dur":1.500,"name":"f (/x/ev.py:7)","cat":"FEE","args":{"raised":true}},
{"pid":9,"tid":11,"ts":20.000,"ph":"X","dur":0.000,"name":"f (/x/ev.py:7)","cat":"FEE","yield":true},
{"pid":9,"tid":11,"ts":30.000,"ph":"X","dur":0.007,"name":"f (/x/ev.py:7)","cat":"FEE","args":{"abandoned":true}},
{"pid":9,"tid":11,"ts":0.000,"ph":"B","dur":99.999,"name":"f (/x/ev.py:7)","cat":"FEE","args":{"unfinished":true}},
{"pid":9,"tid":11,"ts":40.000,"ph":"i","cat":"INSTANT","name":"mark","args":null,"s":"t"},
{"pid":9,"tid":11,"ts":41.000,"ph":"i","cat":"INSTANT","name":"mark","args":{"k":1},"s":"t"},
{"pid":9,"tid":11,"ts":42.000,"ph":"C","name":"mark","args":{"overwritten":true}},
{"pid":9,"tid":11,"ts":50.000,"ph":"X","dur":2000000000000.000,"name":"unknown function","cat":"FEE"}
],
"viztracer_metadata":{"version":"0.1.0","overflow":false,"baseTimeNanoseconds":1005000000,"alignment":{"method":"monotonic clock"},"processes":[{"pid":9,"name":"MainProcess","state":"sealed","ending":"stopped","command":["python","x.py"],"opened_ns":0,"opened_at":"1970-01-01T00:00:01.005000000Z","last_ns":0,"last_at":"1970-01-01T00:00:01.005000000Z","threads":[{"tid":11,"name":"MainThread","events":10,"overwritten":0,"lost":0,"unfinished":1},{"tid":12,"name":"Thread-12","events":0,"overwritten":0,"lost":0,"unfinished":0}]}]},
"file_info":{"files":{},
"functions":{},
"left_out":{"not_vouched":1}}}
"#;
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    assert_eq!((summary.events(), summary.overwritten()), (10, 0));
}

#[test]
fn names_survive_whatever_is_in_them() {
    let name = "\"q\\\n\u{1}é🙂</script>";
    let mut ring = Ring::new(1, 0);
    ring.thread(1, 5, name, 0, 0);
    ring.function(1, name, "/a \"b\".py", 3);
    ring.calls(1, 0, &[call(1, 10, 5)], true);
    let (_, report) = Case::of(ring, true).json();
    assert_eq!(events(&report)[0]["name"], format!("{name} (/a \"b\".py:3)"));
    assert_eq!(report["traceEvents"][1]["args"]["name"], name);
}

#[test]
fn threads_change_nothing_and_gzip_holds_the_same() {
    let mut case = Case::new();
    for pid in 1..4 {
        case.add(&format!("{pid}.bin"), large(pid).bytes(pid != 2));
    }
    let (summary, one) = case.merge("1.json", 1);
    assert_eq!(summary.events(), 3 * 120 * 248);
    for threads in [2, 8] {
        assert!(case.merge("n.json", threads).1 == one);
        let (_, packed) = case.merge("n.json.gz", threads);
        assert!(packed.len() < one.len() / 3);
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == one);
    }
    serde_json::from_slice::<Value>(&one).unwrap();
}

#[cfg(unix)] // names of files, and what the system says of them
#[test]
fn the_programs_text_is_added_where_it_can_be_read() {
    let mut case = Case::new();
    let source = case.add("a \"é\".py", "def f():\r\n    pass\r\n");
    case.inputs.clear();
    let name = source.to_str().unwrap();
    let mut ring = small(1);
    ring.function(3, "g", name, 2);
    ring.function(4, "f", name, 1);
    ring.function(5, "h", "<string>", 1);
    ring.function(6, "d", "/dev/zero", 1);
    ring.function(7, "c", "/etc/passwd", 1);
    ring.source(name);
    ring.source("/etc/passwd");
    ring.source("/dev/zero");
    case.add("a.bin", ring.bytes(true));
    let (_, report) = case.json();
    let info = &report["file_info"];
    assert_eq!(info["files"][name], serde_json::json!(["def f():\n    pass\n", 2]));
    assert_eq!(info["files"].as_object().unwrap().len(), 1);
    let functions: Vec<_> = info["functions"].as_object().unwrap().keys().collect();
    assert_eq!(functions, [&format!("f ({name}:1)"), &format!("g ({name}:2)")]);
    let left_out = serde_json::json!({"not_vouched": 1, "changed": 1, "not_python": 1});
    assert_eq!(info["left_out"], left_out);
    assert_eq!(case.command(&["--no-source", "-q"]), 0);
    let text = fs::read_to_string(case.directory.path().join("out.json")).unwrap();
    assert!(!text.contains("file_info"));
}
