//! Whole merges of small ring files, from bytes to text.

mod changes;
mod documents;
mod functions;
mod inspection;
mod missing;
mod names;
mod outputs;
mod page;
mod unwritable;

use crate::sample::{Ring, call, record};
use crate::{MergeError, Request, State, Summary, Watch, command, merge};
use proptest::prelude::*;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use viztracer_format::clock::Anchor;
use viztracer_format::header::CLOCK_TSC;
use viztracer_format::record::{DURATION_EXTENDED, Kind, Record};

/// One report of each kind.
const OUTPUTS: [&str; 9] = [
    "out.json",
    "out.json.gz",
    "out.pftrace",
    "out.pftrace.gz",
    "out.folded",
    "out.speedscope.json",
    "out.speedscope.json.gz",
    "out.csv",
    "out.html",
];

/// A directory with ring files in it.
struct Case {
    directory: TempDir,
    inputs: Vec<PathBuf>,
}

impl Case {
    fn new() -> Case {
        Case { directory: tempfile::tempdir().unwrap(), inputs: Vec::new() }
    }

    fn of(ring: Ring, sealed: bool) -> Case {
        let mut case = Case::new();
        case.add("a.bin", ring.bytes(sealed));
        case
    }

    fn add(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        self.inputs.push(path.clone());
        path
    }

    fn merge(&self, output: &str, threads: usize) -> (Summary, Vec<u8>) {
        let output = self.directory.path().join(output);
        let threads = Some(threads);
        let request = Request { threads, ..Request::new(self.inputs.clone(), output.clone()) };
        let summary = merge(&request, &()).unwrap();
        (summary, fs::read(output).unwrap())
    }

    fn json(&self) -> (Summary, Value) {
        let (summary, text) = self.merge("out.json", 2);
        (summary, serde_json::from_slice(&text).unwrap())
    }

    fn command(&self, more: &[&str]) -> u8 {
        let output = self.directory.path().join("out.json");
        let mut arguments: Vec<OsString> = vec!["viztracer-merge".into(), "-o".into()];
        arguments.push(output.into());
        arguments.extend(self.inputs.iter().map(OsString::from));
        arguments.extend(more.iter().map(OsString::from));
        command(arguments, &|| false)
    }
}

/// Events of a report without the names of processes and threads, and without what tells of others that are missing.
fn events(report: &Value) -> Vec<&Value> {
    let events = report["traceEvents"].as_array().unwrap();
    events.iter().filter(|event| event["ph"] != "M" && event["cat"] != "LOSS").collect()
}

fn small(pid: u32) -> Ring {
    let mut ring = Ring::new(pid, 5_000_000);
    ring.thread(1, 11, "MainThread", 0, 0);
    ring.function(1, "f", "/x/ev.py", 7);
    ring.function(2, "builtins.len", "", 0);
    ring
}

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
{"pid":9,"tid":11,"ts":20.000,"ph":"X","dur":0.000,"name":"f (/x/ev.py:7)","cat":"FEE"},
{"pid":9,"tid":11,"ts":30.000,"ph":"X","dur":0.007,"name":"f (/x/ev.py:7)","cat":"FEE","args":{"abandoned":true}},
{"pid":9,"tid":11,"ts":0.000,"ph":"B","name":"f (/x/ev.py:7)","cat":"FEE","args":{"unfinished":true}},
{"pid":9,"tid":11,"ts":40.000,"ph":"i","cat":"INSTANT","name":"mark","args":null,"s":"t"},
{"pid":9,"tid":11,"ts":41.000,"ph":"i","cat":"INSTANT","name":"mark","args":{"k":1},"s":"t"},
{"pid":9,"tid":11,"ts":42.000,"ph":"C","name":"mark","args":{"overwritten":true}},
{"pid":9,"tid":11,"ts":50.000,"ph":"X","dur":2000000000000.000,"name":"unknown function","cat":"FEE"}
],
"viztracer_metadata":{"version":"0.1.0","overflow":false,"baseTimeNanoseconds":1005000000,"alignment":{"method":"monotonic clock"},"processes":[{"pid":9,"name":"MainProcess","state":"sealed","threads":[{"tid":11,"name":"MainThread","events":10,"overwritten":0,"lost":0,"unfinished":1},{"tid":12,"name":"Thread-12","events":0,"overwritten":0,"lost":0,"unfinished":0}]}]},
"file_info":{"files":{},
"functions":{}}}
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

/// Many segments of several threads in three files: enough for parts to overtake each other.
fn large(pid: u32) -> Ring {
    let mut ring = small(pid);
    for id in 3..600 {
        ring.function(id, &format!("function_{id}"), "/x/some/file.py", id);
    }
    for segment in 0..120u64 {
        let at = |i: u64| 5_000_000 + (segment * 248 + i) * 1000;
        let records: Vec<Record> = (0..248).map(|i| call((i % 600) as u32, at(i), 10 + i * 7)).collect();
        ring.calls(1 + (segment % 3) as u32, segment / 3 * 248, &records, true);
    }
    ring
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
    case.add("a.bin", ring.bytes(true));
    let (_, report) = case.json();
    let info = &report["file_info"];
    assert_eq!(info["files"][name], serde_json::json!(["def f():\n    pass\n", 2]));
    assert_eq!(info["files"].as_object().unwrap().len(), 1);
    let functions: Vec<_> = info["functions"].as_object().unwrap().keys().collect();
    assert_eq!(functions, [&format!("f ({name}:1)"), &format!("g ({name}:2)")]);
    assert_eq!(case.command(&["--no-source", "-q"]), 0);
    let text = fs::read_to_string(case.directory.path().join("out.json")).unwrap();
    assert!(!text.contains("file_info"));
}

#[test]
fn a_crash_leaves_its_open_frames_and_the_last_call_once() {
    let mut ring = small(1);
    ring.function(3, "g", "/x/ev.py", 9);
    // The innermost frame's record was committed just before the kill.
    ring.calls(1, 0, &[call(2, 5_000_050, 10), call(3, 5_000_300, 100)], false);
    ring.stack(1, &[(1, 5_000_010), (1, 5_000_200), (3, 5_000_300)]);
    let (summary, report) = Case::of(ring, false).json();
    let events = events(&report);
    let shown: Vec<_> = events
        .iter()
        .map(|e| (e["ts"].as_f64().unwrap(), e["dur"].as_f64().unwrap(), e["args"]["unfinished"] == true))
        .collect();
    let expected = [(0.010, 0.391, true), (0.200, 0.201, true), (0.050, 0.010, false), (0.300, 0.100, false)];
    assert_eq!(shown, expected);
    let file = &summary.files[0];
    assert_eq!((file.state, file.threads[0].unfinished), (State::Crashed, 2));
    assert_eq!(report["viztracer_metadata"]["processes"][0]["state"], "crashed");
}

#[test]
fn a_stack_deeper_than_a_block_goes_on() {
    let mut ring = small(1);
    let frames: Vec<_> = (0..1000).map(|i| (1, 5_000_000 + i)).collect();
    ring.stack(1, &frames);
    let (summary, report) = Case::of(ring, false).json();
    assert_eq!(events(&report).len(), 1000);
    assert_eq!(summary.files[0].threads[0].unfinished, 1000);
}

#[test]
fn a_living_file_is_told_by_its_lock() {
    let case = Case::of(small(1), false);
    let file = fs::File::open(&case.inputs[0]).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(case.json().0.files[0].state, State::Living);
    drop(file);
    assert_eq!(case.json().0.files[0].state, State::Crashed);
}

#[test]
fn a_file_that_is_written_while_it_is_read() {
    let mut case = Case::new();
    let versions = [large(1), {
        let mut ring = small(1);
        for segment in 0..130 {
            ring.calls(1, segment, &[call(1, 5_000_000 + segment, 1)], false);
        }
        ring
    }];
    let versions = versions.map(|ring| ring.bytes(false));
    let path = case.add("a.bin", &versions[0]);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::os::unix::fs::FileExt;
            for i in 0.. {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                file.write_all_at(&versions[i % 2][4096..], 4096).unwrap();
            }
        });
        for _ in 0..20 {
            case.json();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn short_calls_are_left_out_exactly() {
    let mut ring = small(1);
    ring.identity.min_duration = 100;
    let records = [call(1, 5_000_000, 99), call(1, 5_000_200, 100), record(Kind::Instant, 2, 5_000_400, 0)];
    ring.calls(1, 0, &records, true);
    let (summary, report) = Case::of(ring, true).json();
    assert_eq!(events(&report).len(), 2);
    assert_eq!((summary.events(), summary.overwritten()), (2, 0));
}

#[test]
fn a_segment_that_changed_hands_and_events_long_gone() {
    let mut ring = small(1);
    ring.thread(2, 12, "", 1, 0);
    ring.thread(3, 13, "", 500, 4);
    ring.calls(1, 40, &[call(1, 5_000_000, 1), Record::thread(2), call(1, 5_000_010, 1)], true);
    let (summary, _) = Case::of(ring, true).json();
    let shown: Vec<_> = summary.files[0].threads.iter().map(|t| (t.tid, t.events, t.overwritten, t.lost)).collect();
    assert_eq!(shown, [(11, 1, 40, 0), (12, 1, 0, 0), (13, 0, 500, 4)]);
}

#[test]
fn two_boots_are_placed_by_the_wall_clock() {
    let mut case = Case::new();
    let mut first = small(1);
    first.calls(1, 0, &[call(1, 5_000_000, 10)], true);
    case.add("1.bin", first.bytes(true));
    let mut other = Ring::new(2, 70_000_000);
    other.identity.boot_id = [7; 16];
    // Opened 2 ms after the first one by the wall clock.
    other.identity.opened.realtime = 1_007_000_000;
    other.thread(1, 21, "", 0, 0);
    other.calls(1, 0, &[call(1, 70_000_500, 10)], true);
    case.add("2.bin", other.bytes(true));
    let (summary, report) = case.json();
    let starts: Vec<_> = events(&report).iter().map(|e| e["ts"].as_f64().unwrap()).collect();
    assert_eq!(starts, [0.0, 2000.5]);
    assert_eq!(report["viztracer_metadata"]["baseTimeNanoseconds"], 1_005_000_000u64);
    assert_eq!(summary.warnings.len(), 1);
    let alignment = &report["viztracer_metadata"]["alignment"];
    assert_eq!((&alignment["method"], &alignment["uncertainty_ns"]), (&"wall clock".into(), &1000.into()));
}

#[test]
fn time_namespaces_of_one_boot_are_exact() {
    let mut case = Case::new();
    for (pid, offset) in [(1, 0), (2, 3_000_000_000), (3, -1_000_000)] {
        // A wall clock that nobody can rely on.
        let mut ring = Ring::new(pid, (5_000_000 + offset) as u64);
        ring.identity.opened.realtime = u64::from(pid) * 1_000_000_000_000;
        ring.identity.monotonic_offset = offset;
        ring.thread(1, 11, "", 0, 0);
        ring.calls(1, 0, &[call(1, (5_000_000 + offset) as u64 + u64::from(pid) * 1000, 10)], true);
        case.add(&format!("{pid}.bin"), ring.bytes(true));
    }
    let (summary, report) = case.json();
    let starts: Vec<_> = events(&report).iter().map(|e| e["ts"].as_f64().unwrap()).collect();
    assert_eq!(starts, [1.0, 2.0, 3.0]);
    assert!(summary.warnings.is_empty());
}

#[test]
fn a_clock_read_once_borrows_its_speed_from_a_neighbour() {
    let mut case = Case::new();
    for (pid, closed) in [(1, 0), (2, 30_000_000)] {
        let mut ring = Ring::new(pid, 10_000_000);
        ring.identity.clock = CLOCK_TSC;
        ring.thread(1, 11, "", 0, 0);
        ring.calls(1, 0, &[call(1, 10_000_000, 3000)], true);
        // 3 ticks per nanosecond, told by the second file only.
        ring.identity.imported = if closed == 0 {
            Anchor::default()
        } else {
            Anchor { ticks: 40_000_000, monotonic: 20_000_000, realtime: 1 }
        };
        case.add(&format!("{pid}.bin"), ring.bytes(true));
    }
    let (summary, report) = case.json();
    for event in events(&report) {
        assert!((event["dur"].as_f64().unwrap() - 1.0).abs() < 0.0015, "{event}");
    }
    assert!(summary.warnings.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_n_events_are_those_of_an_oracle(
        gaps in prop::collection::vec((0usize..4, 0u64..5, 0u64..20), 1..400),
        entries in 1u64..200,
        per_segment in 1usize..30,
        sealed in any::<bool>(),
    ) {
        let mut ring = Ring::new(1, 1000);
        ring.identity.entries = entries;
        let mut threads: [Vec<(u64, u64)>; 4] = Default::default();
        let mut now = 2000;
        for (thread, gap, duration) in gaps {
            now += gap;
            threads[thread].push((now, duration));
        }
        for (thread, calls) in threads.iter().enumerate() {
            let serial = thread as u32 + 1;
            ring.thread(serial, 100 + thread as u64, "", 0, 0);
            for (place, part) in calls.chunks(per_segment).enumerate() {
                let records: Vec<_> = part.iter().map(|(end, d)| call(1, end - d, *d)).collect();
                ring.calls(serial, (place * per_segment) as u64, &records, sealed);
            }
        }
        let mut oracle: Vec<(u64, u32, usize)> = Vec::new();
        for (thread, calls) in threads.iter().enumerate() {
            oracle.extend(calls.iter().enumerate().map(|(i, (end, _))| (*end, thread as u32, i)));
        }
        oracle.sort_unstable();
        let dropped = oracle.len().saturating_sub(entries as usize);
        let mut expected: Vec<_> = oracle[dropped..].to_vec();
        expected.sort_unstable_by_key(|(_, thread, i)| (*thread, *i));
        let (summary, report) = Case::of(ring, true).json();
        let mut shown: Vec<(u64, u64)> = events(&report)
            .iter()
            .map(|e| {
                let ns = |v: &Value| (v.as_f64().unwrap() * 1000.0).round() as u64;
                (e["tid"].as_u64().unwrap() - 100, 1000 + ns(&e["ts"]) + ns(&e["dur"]))
            })
            .collect();
        shown.sort_by_key(|(thread, _)| *thread);
        let expected: Vec<_> = expected.iter().map(|(end, t, _)| (u64::from(*t), *end)).collect();
        prop_assert_eq!(shown, expected);
        prop_assert_eq!(summary.overwritten(), dropped as u64);
        prop_assert_eq!(report["viztracer_metadata"]["overflow"].as_bool(), Some(dropped > 0));
    }

    #[test]
    fn damage_never_panics_and_leaves_json(
        length in 0usize..30_000,
        flips in prop::collection::vec((4096usize..30_000, 0u8..8), 0..12),
        sealed in any::<bool>(),
    ) {
        let mut bytes = damaged_sample(sealed);
        bytes.truncate(length.max(4096));
        for (at, bit) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        let mut case = Case::new();
        case.add("a.bin", bytes);
        case.json();
    }
}

fn damaged_sample(sealed: bool) -> Vec<u8> {
    let mut ring = small(1);
    ring.identity.entries = 20;
    let payload = ring.payload(b"{\"k\":1}");
    ring.calls(1, 0, &[call(1, 5_000_000, 10); 17], true);
    let other = [Record::thread(2), call(1, 5_000_100, 10), record(Kind::Instant, 1, 5_000_200, 0)];
    ring.calls(1, 17, &[&other[..], &[Record::payload(payload, 0, 7), call(2, 5_000_300, 1)]].concat(), true);
    ring.calls(2, 3, &[call(1, 5_001_000, 10); 9], sealed);
    ring.stack(1, &[(1, 5_000_001), (2, 5_000_002)]);
    ring.bytes(sealed)
}

#[test]
fn cut_at_every_interesting_length() {
    for sealed in [false, true] {
        let bytes = damaged_sample(sealed);
        for length in (0..bytes.len()).filter(|l| l % 4096 < 200 || l % 97 == 0) {
            let mut case = Case::new();
            case.add("a.bin", &bytes[..length]);
            let output = case.directory.path().join("out.json");
            let merged = merge(&Request::new(case.inputs.clone(), output), &());
            assert_eq!(merged.is_err(), length < 4096, "length {length}");
        }
    }
}

#[test]
fn a_damaged_segment_costs_only_itself() {
    let mut ring = small(1);
    for first in 0..3 {
        ring.calls(1, first, &[call(1, 5_000_000 + first * 100, 10)], true);
    }
    let mut bytes = ring.bytes(true);
    bytes[4096 + 4096 + 130] ^= 1;
    let mut case = Case::new();
    case.add("a.bin", bytes);
    let (summary, report) = case.json();
    assert_eq!(events(&report).len(), 2);
    let problem = &summary.files[0].problems.first[0];
    assert_eq!(problem.to_string(), "damaged segment: wrong checksum (offset 8192)");
    assert_eq!(case.command(&["-q"]), 1);
}

#[test]
fn bad_inputs_are_named_and_good_ones_merged() {
    let mut case = Case::of(small(1), true);
    assert_eq!(case.command(&["-q"]), 0);
    case.add("empty.bin", "");
    case.add("report.json", "{\"traceEvents\":[]}");
    case.add("noise.bin", [0x5a; 9000]);
    case.add("short.bin", &small(1).bytes(true)[..100]);
    case.inputs.push(case.directory.path().join("missing.bin"));
    let reasons: Vec<String> = case.json().0.bad.iter().map(|bad| bad.problem.to_string()).collect();
    let expected = [
        "No such file or directory",
        "the file is empty (offset 0)",
        "there are no events in it",
        "not a ring file: it does not begin with VIZRING (offset 0)",
        "cut off: 4096 bytes needed, 100 found (offset 0)",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(case.command(&["-q"]), 1);
    case.inputs.remove(0);
    fs::remove_file(case.directory.path().join("out.json")).unwrap();
    assert_eq!(case.command(&["-q"]), 2);
    assert!(!case.directory.path().join("out.json").exists());
}

#[test]
fn usage_errors_and_outputs_that_cannot_be() {
    let case = Case::of(small(1), true);
    let input = case.inputs[0].as_os_str();
    let run = |output: &Path| {
        let arguments = ["viztracer-merge".into(), "-q".into(), input.into(), "-o".into(), output.into()];
        command(arguments, &|| false)
    };
    assert_eq!(command(["viztracer-merge".into()], &|| false), 2);
    assert_eq!(command(["viztracer-merge".into(), "--version".into()], &|| false), 0);
    assert_eq!(run(&case.directory.path().join("out.txt")), 2);
    assert_eq!(run(&case.directory.path().join("missing/out.json")), 2);
    fs::create_dir(case.directory.path().join("dir.json")).unwrap();
    assert_eq!(run(&case.directory.path().join("dir.json")), 2);
    assert_eq!(run(Path::new("/dev/null")), 0);
    assert_eq!(run(Path::new("/dev/full")), 2);
    assert!(fs::metadata("/dev/null").unwrap().permissions().mode() & 0o111 == 0);
    assert_eq!(fs::read_dir(&case.directory).unwrap().count(), 2);
}

#[test]
fn the_report_has_the_permissions_of_any_new_file() {
    let case = Case::of(small(1), true);
    let plain = case.directory.path().join("plain");
    fs::write(&plain, "").unwrap();
    case.json();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&case.directory.path().join("out.json")), mode(&plain));
}

#[test]
fn stopping_leaves_nothing_behind() {
    struct Impatient;
    impl Watch for Impatient {
        fn stopped(&self) -> bool {
            true
        }
    }
    let mut case = Case::new();
    for pid in 0..40 {
        case.add(&format!("{pid}.bin"), large(pid).bytes(true));
    }
    let before = fs::read_dir(&case.directory).unwrap().count();
    let request = Request::new(case.inputs.clone(), case.directory.path().join("out.json"));
    // A merge that is faster than the watcher is asked may finish; this one is not.
    let mut stopped = false;
    for _ in 0..20 {
        stopped |= matches!(merge(&request, &Impatient), Err(MergeError::Interrupted));
        drop(fs::remove_file(&request.output));
    }
    assert!(stopped);
    assert_eq!(fs::read_dir(&case.directory).unwrap().count(), before);
}
