//! Small ring files as packets, read back by a [`decoder`] that shares nothing with the encoder.

mod decoder;

use crate::sample::{Ring, call, record, small};
use crate::{Request, Summary, merge};
use decoder::{Slice, packets, slices};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use viztracer_format::record::{Kind, Record};

fn merged(rings: Vec<Ring>, output: &str, threads: usize) -> (Summary, Vec<u8>) {
    merged_files(rings.into_iter().map(|ring| ring.bytes(true)).collect(), output, threads)
}

fn merged_files(files: Vec<Vec<u8>>, output: &str, threads: usize) -> (Summary, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let mut inputs = Vec::new();
    for (number, bytes) in files.into_iter().enumerate() {
        inputs.push(directory.path().join(format!("{number}.bin")));
        fs::write(&inputs[number], bytes).unwrap();
    }
    let output = directory.path().join(output);
    let request = Request { threads: Some(threads), ..Request::new(inputs, output.clone()) };
    let summary = merge(&request, &()).unwrap();
    (summary, fs::read(output).unwrap())
}

#[test]
fn every_kind_of_event_as_packets() {
    let mut ring = small(9);
    ring.function(3, "mark \"q\"\n☃", "", 0);
    let body = br#"{"k":1,"d":[true,{"x":"y"}],"n":null,"b":18446744073709551615,"f":-0.5}"#;
    let payload = ring.payload(&[body, &b"no object"[..], br#"{"rss":2.5,"n":-3}"#].concat());
    let length = body.len() as u32;
    ring.calls(
        1,
        0,
        &[
            call(2, 5_000_100, 50),
            call(1, 5_000_001, 3_184),
            record(Kind::Raise, 1, 5_010_000, 1_500),
            record(Kind::Yield, 1, 5_020_000, 0),
            record(Kind::Abandoned, 9, 5_030_000, 7),
            record(Kind::Open, 1, 5_035_000, 100),
            record(Kind::Instant, 3, 5_040_000, 0),
            record(Kind::Instant, 3, 5_040_000, 0),
            Record::payload(payload, 0, length),
            record(Kind::Instant, 3, 5_040_000, 0),
            Record::payload(payload, length, 9),
            record(Kind::Instant, 3, 5_040_000, 0),
            Record::payload(99, 0, 7),
            record(Kind::Counter, 3, 5_041_000, 0),
            Record::payload(payload, length + 9, 18),
        ],
        true,
    );
    let (summary, trace) = merged(vec![ring], "out.pftrace", 1);
    assert_eq!(summary.events(), 11);
    let shown = packets(&trace);
    let tracks = r#"10:1 6{1{1:6 2:0} 1{1:1 2:1005000000} 2:6}
10:1 60{1:2 3{1:9 6:"MainProcess" 2:"python" 2:"x.py"}}
10:3 60{1:3 5:2 4{1:9 2:11 5:"MainThread"}}"#;
    let state = r#"10:3 13:1 59{58:64 11{11:3}} 6{1{1:64 2:0 3:1} 1{1:6 2:0}}"#;
    let calls = r#"10:3 13:2 12{2{1:1 2:"f (/x/ev.py:7)"} 4{1:1 2:"/x/ev.py" 3:"f" 4:7}}
8:1 10:3 13:2 11{9:1 10:1 34:1}
10:3 13:2 12{2{1:2 2:"builtins.len"}}
8:99 10:3 13:2 11{9:1 10:2}
8:50 10:3 13:2 11{9:2}
8:3035 10:3 13:2 11{9:2}
8:6815 10:3 13:2 11{9:1 10:1 34:1 4{10:"raised" 2:1}}
8:1500 10:3 13:2 11{9:2}
8:8500 10:3 13:2 11{9:1 10:1 34:1}
8:0 10:3 13:2 11{9:2}
10:3 13:2 12{2{1:3 2:"unknown function"}}
8:10000 10:3 13:2 11{9:1 10:3 4{10:"abandoned" 2:1}}
8:7 10:3 13:2 11{9:2}
8:4993 10:3 13:2 11{9:1 10:1 34:1 4{10:"unfinished" 2:1}}
8:100 10:3 13:2 11{9:2}"#;
    let name = r#"23:"mark \"q\"\n☃""#;
    let half = (-0.5f64).to_bits();
    let moments = format!(
        r#"8:4900 10:3 13:2 11{{9:3 22:"INSTANT" {name}}}
8:0 10:3 13:2 11{{9:3 22:"INSTANT" {name} 4{{10:"k" 4:1}} 4{{10:"d" 12{{2:1}} 12{{11:"#
    );
    assert_eq!(shown[..3].join("\n"), tracks);
    assert_eq!(shown[3], state);
    assert_eq!(shown[4..19].join("\n"), calls);
    assert!(shown[19..21].join("\n").starts_with(&moments), "{:#?}", &shown[19..21]);
    let end = format!(r#"4{{10:"n"}} 4{{10:"b" 3:18446744073709551615}} 4{{10:"f" 5:{half}}}}}"#);
    assert!(shown[20].ends_with(&end), "{}", shown[20]);
    assert_eq!(shown[21], format!(r#"8:0 10:3 13:2 11{{9:3 22:"INSTANT" {name} 4{{10:"value" 6:"no object"}}}}"#));
    assert_eq!(shown[22], format!(r#"8:0 10:3 13:2 11{{9:3 22:"INSTANT" {name} 4{{10:"overwritten" 2:1}}}}"#));
    assert!(shown[23].ends_with(r#" 5:2 2:"mark \"q\"\n☃ rss" 8{}}"#), "{}", shown[23]);
    assert!(shown[24].ends_with(&format!(" 44:{}}}", 2.5f64.to_bits())), "{}", shown[24]);
    assert!(shown[26].ends_with(&format!(" 30:{}}}", -3i64 as u64)), "{}", shown[26]);
    assert!(shown[27].starts_with(r#"10:1 5{2{1:"viztracer_metadata" 5:"{\"version\""#), "{}", shown[27]);
    assert_eq!(shown.len(), 28);
}

/// Three files of two threads with calls that last over many parts.
fn many() -> Vec<Ring> {
    let ring = |pid: u32| {
        let mut ring = small(pid);
        ring.thread(2, 12, "worker", 0, 0);
        let mut now = [5_000_000u64; 3];
        let (mut outer, mut first) = (now, [0; 3]);
        for segment in 0..200u64 {
            let thread = 1 + (segment * segment / 3 % 2) as usize;
            let mut records = Vec::new();
            for n in 0..100 {
                let start = now[thread] + 1 + n % 3;
                records.push(call(2, start, n % 5));
                records.push(call(1, start, 7));
                now[thread] = start + 7;
            }
            if segment % 50 > 47 {
                records.push(call(1, outer[thread], now[thread] - outer[thread]));
                outer[thread] = now[thread];
            }
            ring.calls(thread as u32, first[thread], &records, true);
            first[thread] += records.len() as u64;
        }
        ring
    };
    (1..4).map(ring).collect()
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let (summary, one) = merged(many(), "out.pftrace", 1);
    for threads in [2, 8] {
        assert_eq!(merged(many(), "out.pftrace", threads).1, one, "{threads} threads");
    }
    let zipped = merged(many(), "out.pftrace.gz", 2).1;
    let mut unzipped = Vec::new();
    flate2::read::MultiGzDecoder::new(&zipped[..]).read_to_end(&mut unzipped).unwrap();
    assert_eq!(unzipped, one);
    let slices = slices(&one);
    assert_eq!(slices.values().map(Vec::len).sum::<usize>() as u64, summary.events());
}

#[test]
fn the_same_calls_as_in_json() {
    let (_, trace) = merged(many(), "out.pftrace", 2);
    let (_, json) = merged(many(), "out.json", 2);
    let json: Value = serde_json::from_slice(&json).unwrap();
    let mut expected: BTreeMap<(u64, u64), Vec<Slice>> = BTreeMap::new();
    for event in json["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X") {
        let nanoseconds = |key: &str| (event[key].as_f64().unwrap() * 1000.0).round() as u64;
        let (start, name) = (nanoseconds("ts"), event["name"].as_str().unwrap().to_owned());
        let track = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        expected.entry(track).or_default().push((name, start, start + nanoseconds("dur"), 0));
    }
    let found = slices(&trace);
    assert_eq!(found.len(), expected.len());
    for (found, mut expected) in found.into_values().zip(expected.into_values()) {
        let mut found: Vec<Slice> = found.into_iter().map(|(name, start, end, _)| (name, start, end, 0)).collect();
        found.sort();
        expected.sort();
        assert!(found == expected);
    }
}

#[test]
fn a_usual_call_takes_few_bytes() {
    let mut ring = Ring::new(1, 0);
    ring.thread(1, 11, "MainThread", 0, 0);
    ring.function(1, "f", "/x.py", 1);
    let empty = merged(vec![ring], "out.pftrace", 1).1.len();
    let mut ring = Ring::new(1, 0);
    ring.thread(1, 11, "MainThread", 0, 0);
    ring.function(1, "f", "/x.py", 1);
    let records: Vec<Record> = (0..200).map(|n| call(1, n * 1_000, 700)).collect();
    ring.calls(1, 0, &records, true);
    let full = merged(vec![ring], "out.pftrace", 1).1.len();
    assert!((full - empty - 200) / 200 <= 31, "{}", full - empty);
}

#[test]
fn overwritten_history_is_a_slice() {
    let mut ring = small(1);
    ring.calls(1, 1_234_567, &[call(1, 5_000_500, 10)], true);
    let (summary, trace) = merged(vec![ring], "out.pftrace", 1);
    assert_eq!(summary.overwritten(), 1_234_567);
    let expected = [("1,234,567 events overwritten".to_owned(), 0, 500, 0), ("f (/x/ev.py:7)".to_owned(), 500, 510, 0)];
    assert_eq!(slices(&trace)[&3], expected);
    let shown = packets(&trace);
    assert!(shown[3].starts_with("10:3 13:1 42:65 59{"), "{}", shown[3]);
    let expected = r#"22:"LOSS" 23:"1,234,567 events overwritten" 4{10:"overwritten" 3:1234567} 4{10:"since" 5:"#;
    assert!(shown[4].contains(expected), "{}", shown[4]);
}

#[test]
fn overwritten_history_lies_in_the_calls_around_it() {
    let mut ring = small(1);
    ring.calls(1, 7, &[call(1, 5_000_900, 10), call(1, 5_000_850, 70), call(1, 5_000_100, 900)], true);
    let (_, trace) = merged(vec![ring], "out.pftrace", 1);
    let f = || "f (/x/ev.py:7)".to_owned();
    let lost = ("7 events overwritten".to_owned(), 100, 850, 1);
    assert_eq!(slices(&trace)[&3], [(f(), 100, 1000, 0), lost, (f(), 850, 920, 1), (f(), 900, 910, 2)]);
}

#[test]
fn only_the_first_part_tells_of_losses() {
    let mut ring = small(1);
    let mut first = 10;
    for segment in 0..100 {
        let records: Vec<Record> = (0..200).map(|n| call(1, 5_000_000 + segment * 2_000 + n * 10, 5)).collect();
        ring.calls(1, first, &records, true);
        first += 200;
    }
    let (_, trace) = merged(vec![ring], "out.pftrace", 2);
    let shown = packets(&trace);
    assert!(shown.iter().filter(|packet| packet.contains("13:1 ")).count() > 2, "several parts");
    assert_eq!(shown.iter().filter(|packet| packet.contains("LOSS")).count(), 1);
}

#[test]
fn levels_end_at_512() {
    let mut ring = small(1);
    let depth = 700;
    let nested = |n: u64| call(1, 5_000_000 + depth - n, 2 * n);
    for (index, run) in (1..=depth).map(nested).collect::<Vec<_>>().chunks(200).enumerate() {
        ring.calls(1, index as u64 * 200, run, true);
    }
    let (summary, trace) = merged(vec![ring], "out.pftrace", 1);
    let slices = &slices(&trace)[&3];
    assert_eq!(slices.iter().map(|(.., depth)| depth + 1).max(), Some(512));
    assert_eq!((slices.len() as u64, summary.events()), (512, 700));
    assert_eq!(summary.files[0].threads[0].too_deep, 188);
    let metadata: serde_json::Value = serde_json::from_str(&summary.metadata()).unwrap();
    assert_eq!(metadata["processes"][0]["threads"][0]["too_deep"], 188);
}

#[test]
fn ids_beyond_any_count_have_names() {
    let mut ring = small(1);
    ring.function(16_000_000, "far", "", 0);
    ring.calls(1, 0, &[call(16_000_000, 5_000_100, 5), call(15_999_999, 5_000_200, 5)], true);
    let (_, trace) = merged(vec![ring], "out.pftrace", 1);
    let names: Vec<String> = slices(&trace).remove(&3).unwrap().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["far", "unknown function"]);
}

#[test]
fn tasks_have_tracks_of_their_own() {
    let mut ring = small(1);
    ring.names.extend(viztracer_format::names::name_entry(viztracer_format::names::Tag::TaskName, 5, "Task-é", 4096));
    let records =
        [call(1, 5_000_100, 5), Record::task(5), call(2, 5_000_110, 5), Record::task(6), call(2, 5_000_120, 5)];
    ring.calls(1, 0, &records, false);
    let (_, trace) = merged(vec![ring], "out.pftrace", 1);
    let slices = slices(&trace);
    let keys: Vec<u64> = slices.keys().copied().collect();
    assert_eq!(keys[..3], [3, (1 << 32) + 5, (1 << 32) + 6]);
    let lives: Vec<_> =
        keys[3..].iter().flat_map(|key| &slices[key]).map(|life| (life.0.as_str(), life.2 - life.1)).collect();
    assert_eq!(lives.len(), 2);
    assert!(lives.contains(&("Task-é", 5)) && lives.contains(&("task 6", 5)), "{lives:?}");
    let shown = packets(&trace).join("\n");
    assert!(shown.contains(r#"60{1:4294967301 5:2 2:"Task-é" 15:2}"#), "{shown}");
    assert!(shown.contains(r#"60{1:4294967302 5:2 2:"task 6" 15:2}"#), "{shown}");
}

#[test]
fn unfinished_calls_end_with_the_file() {
    let mut ring = small(1);
    ring.calls(1, 0, &[call(2, 5_000_100, 10)], false);
    ring.stack(1, &[(1, 5_000_001), (2, 5_000_200)]);
    let (summary, trace) = merged_files(vec![ring.bytes(false)], "out.pftrace", 1);
    let f = "f (/x/ev.py:7)".to_owned();
    let len = "builtins.len".to_owned();
    let expected = [(f, 1, 201, 0), (len.clone(), 100, 110, 1), (len, 200, 201, 1)];
    assert_eq!(slices(&trace)[&3], expected);
    assert_eq!(summary.files[0].threads[0].unfinished, 2);
    assert_eq!(packets(&trace).iter().filter(|packet| packet.contains(r#"4{10:"unfinished" 2:1}"#)).count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics_and_leaves_a_trace(
        length in 4096usize..90_000,
        flips in prop::collection::vec((4096usize..90_000, 0u8..8), 0..12),
        sealed in any::<bool>(),
    ) {
        let mut ring = many().swap_remove(0);
        ring.stack(1, &[(1, 5_000_001), (2, 5_000_002)]);
        let mut bytes = ring.bytes(sealed);
        bytes.truncate(length);
        for (at, bit) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        let (_, trace) = merged_files(vec![bytes], "out.pftrace", 2);
        slices(&trace);
        packets(&trace);
    }
}
