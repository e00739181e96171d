//! Payloads, OTHER events and arguments of open calls that are damaged or hostile: no report fails, and each report in
//! JSON is one that any reader can read.

use super::{Case, OUTPUTS, events};
use crate::inspect::info;
use crate::sample::{Ring, record};
use crate::trace::Trace;
use crate::{Request, Summary};
use proptest::prelude::*;
use serde_json::Value;
use viztracer_format::arguments::{blank, encode, not_stored};
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind, Record};
use viztracer_format::segment::SegmentKind;
use viztracer_format::stack::FRAME;

const GOLDEN_LOGGED: &[u8] = include_bytes!("../../../format/tests/golden/v1-logged.bin");
const GOLDEN_ARGUMENTS: &[u8] = include_bytes!("../../../format/tests/golden/v1-arguments.bin");
/// The largest segment.
const SEGMENT: u32 = 65_536;

/// A text that a traced program may have logged, or somebody else.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        r#"{"ph":"i","name":"é","args":null,"s":"g"}"#,
        r#"{"ph":"X","name":"block","cat":"FEE","dur":2,"args":{"k":[]}}"#,
        r#"{"ph":"X","name":5,"dur":"x","args":[1]}"#,
        r#"{"ph":"C","name":"n","args":{"a":1e999,"b":-0.0,"c":123456789012345678901234567890}}"#,
        r#"{"ph":"C","args":"no object"}"#,
        r#"{"ph":"b","id":{"a":1},"scope":"s","name":"n"}"#,
        r#"{"ph":"s","id":18446744073709551616,"bp":"e"}"#,
        r#"{"ph":"M","name":"thread_name","args":{"name":"\u0000"}}"#,
        r#"{"ph":"E"}"#,
        r#"{"ph":"B","name":"n","dur":-1}"#,
        r#"{"ph":"\ud800","name":"\udfff"}"#,
        r#"{"ph":"i","ph":"X","name":"a","name":"b","args":{},"args":{"unfinished":true}}"#,
        r#"{"ph":"O","id":"7","name":"o","args":{"snapshot":{"a":[{}]}}}"#,
        r#"{"func_args":{"a":"1"},"return_value":"2","unfinished":true,"raised":true}"#,
        r#"{"overwritten":true}"#,
        "{}",
        "[]",
        "null",
        "NaN",
        "\u{feff}{}",
        "",
    ]);
    let nested = (1usize..40_000, prop::sample::select(vec![("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")]))
        .prop_map(|(depth, (open, close))| {
            let depth = depth.min((SEGMENT as usize - 300) / (open.len() + close.len()));
            format!("{{\"ph\":\"i\",\"name\":\"deep\",\"args\":{}1{}}}", open.repeat(depth), close.repeat(depth))
        });
    prop_oneof![
        6 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => nested.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

/// What becomes of a text.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), prop::sample::select(b"\0\xff\xed\xa0\x80\"\\{}[],:n1".to_vec()));
    (text(), prop::collection::vec(change, 0..3), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut text, changes, cut, is_cut)| {
            for (at, byte) in changes.iter().filter(|_| !text.is_empty()).collect::<Vec<_>>() {
                let at = at.index(text.len());
                text[at] = *byte;
            }
            if is_cut {
                text.truncate(cut.index(text.len() + 1));
            }
            text
        },
    )
}

/// An event and where its payload is said to be.
#[derive(Clone, Debug)]
struct Logged {
    kind: Kind,
    text: Vec<u8>,
    function: u32,
    duration: u64,
    /// Added to the generation, the offset and the length.
    shift: (u64, u32, u32),
}

prop_compose! {
    fn logged()(
        kind in prop::sample::select(vec![
            Kind::Return, Kind::Yield, Kind::Raise, Kind::Open, Kind::Abandoned, Kind::Instant, Kind::Counter,
            Kind::Other, Kind::Other, Kind::Other,
        ]),
        text in damaged(),
        function in prop::sample::select(vec![1, 2, 9, FUNCTION_UNKNOWN]),
        duration in 0..3000_u64,
        shift in prop_oneof![
            8 => Just((0, 0, 0)),
            1 => (Just(0), any::<u32>(), any::<u32>()),
            1 => (0..3_u64, 0..100_u32, 0..100_u32),
            1 => (any::<u64>().prop_map(|n| n >> 8), Just(0), Just(0)),
        ],
    ) -> Logged {
        Logged { kind, text, function, duration, shift }
    }
}

/// A ring file with these events, and with an open call that has this text as its arguments.
fn ring(all: &[Logged], open: &[u8]) -> Ring {
    let mut ring = Ring::new(1, 5_000_000);
    ring.identity.segment_size = SEGMENT;
    ring.thread(1, 11, "MainThread", 0, 0);
    ring.function(1, "f", "/x/f.py", 1);
    ring.function(2, "g", "", 0);
    let mut records = Vec::new();
    for (number, logged) in (1..).zip(all) {
        let generation = ring.payload(&logged.text);
        let (more_generation, offset, more_length) = logged.shift;
        let length = (logged.text.len() as u32).wrapping_add(more_length);
        let is_point = matches!(logged.kind, Kind::Instant | Kind::Counter);
        let duration = if is_point { 0 } else { logged.duration };
        records.push(record(logged.kind, logged.function, 5_000_000 + number * 1000, duration));
        records.push(Record::payload(generation.wrapping_add(more_generation), offset, length));
    }
    ring.calls(1, 0, &records, false);
    let frame = |start| Record::new(FRAME, start, 7, 1);
    let parts = [vec![frame(5_000_001)], encode(0, open).collect(), vec![frame(5_000_002), not_stored(), blank()]];
    ring.frames(1, &parts.concat());
    ring
}

/// The report in JSON; all other reports and looks at the file do not fail either.
fn look(bytes: &[u8], outputs: &[&str]) -> (Summary, Value) {
    let mut case = Case::new();
    case.add("a.bin", bytes);
    outputs.iter().for_each(|output| drop(case.merge(output, 2)));
    let request = Request::new(case.inputs.clone(), "none.json".into());
    let trace = Trace::read(&request, &()).unwrap();
    info::document(trace.plans(), &[]);
    trace.last_words(&(), false, &mut Vec::new()).unwrap();
    let (summary, report) = case.json(); // serde_json refuses what is nested deeper than 128
    let mut again = Case::new();
    again.add("again.json", report.to_string());
    again.json();
    (summary, report)
}

/// How many events were left out since they refer to the payloads of other ones.
fn left_out(summary: &Summary) -> u64 {
    let reasons = summary.files.iter().flat_map(|file| &file.problems.first).map(|problem| &problem.reason);
    let what = " records that refer to the payloads of other records passed over";
    let counts = reasons.filter_map(|reason| reason.strip_suffix(what));
    counts.map(|count| count.parse::<u64>().unwrap()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_shown_or_said_to_be_gone(all in prop::collection::vec(logged(), 1..12), open in damaged()) {
        let open = open.get(..3000).unwrap_or(&open).to_vec();
        let (summary, report) = look(&ring(&all, &open).bytes(false), &OUTPUTS);
        let left_out = left_out(&summary);
        prop_assert_eq!(summary.events() + left_out, all.len() as u64 + 2);
        // Names of threads and processes are no events for `events`.
        let names = all.iter().filter(|logged| logged.text.windows(9).any(|part| part == b"{\"ph\":\"M\""));
        prop_assert!(events(&report).len() + names.count() + left_out as usize >= all.len() + 2);
    }

    #[test]
    fn damaged_golden_files_are_read(
        is_logged in any::<bool>(),
        flips in prop::collection::vec((4096usize..20_480, any::<u8>()), 0..12),
        length in 4096usize..21_000,
    ) {
        let mut bytes = if is_logged { GOLDEN_LOGGED } else { GOLDEN_ARGUMENTS }.to_vec();
        bytes.truncate(length);
        for (at, byte) in flips {
            bytes.get_mut(at).into_iter().for_each(|old| *old = byte);
        }
        look(&bytes, &OUTPUTS);
    }
}

/// A payload that is nested as deep as a segment allows.
#[test]
fn deep_nesting_is_shown_as_text() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [19, 100, 130, 65_000 / (open.len() + close.len())] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let all = [
                ("{\"ph\":\"i\",\"name\":\"deep\",\"args\":", Kind::Other),
                ("{\"ph\":\"X\",\"name\":\"deep\",\"args\":", Kind::Other),
                ("{\"k\":", Kind::Return),
                ("{\"k\":", Kind::Instant),
                ("{\"k\":", Kind::Counter),
            ];
            let all = all.map(|(head, kind)| Logged {
                kind,
                text: format!("{head}{deep}}}").into_bytes(),
                function: 1,
                duration: 0,
                shift: (0, 0, 0),
            });
            let (summary, _) = look(&ring(&all, b"{").bytes(false), &OUTPUTS);
            assert_eq!(summary.events(), 7);
        }
    }
}

/// A small file cannot make a report of any size: an event that refers to the payload of another one is left out.
#[test]
fn a_payload_belongs_to_one_event() {
    let mut ring = ring(&[], b"{");
    let text = format!("{{\"k\":\"{}\"}}", "x".repeat(10_000));
    let generations = [ring.payload(text.as_bytes()), ring.payload(text.as_bytes())];
    let mut records = Vec::new();
    for number in 0..1000 {
        records.push(record(Kind::Return, 1, 5_000_000 + number, 0));
        records.push(Record::payload(generations[number as usize % 2], 0, text.len() as u32));
    }
    for number in 1000..1500 {
        records.push(record(Kind::Return, 1, 5_000_000 + number, 0));
        records.push(Record::payload(0, 0, 5)); // a writer without space stores this any number of times
    }
    ring.calls(1, 0, &records, false);
    ring.calls(1, 1500, &records, false);
    let (summary, report) = look(&ring.bytes(false), &["out.html"]);
    assert_eq!(summary.events(), 2 + 2 * (2 + 500));
    assert_eq!(left_out(&summary), 2 * 998);
    let shown = |name: &str| events(&report).into_iter().filter(|event| !event["args"][name].is_null()).count();
    assert_eq!((shown("k"), shown("overwritten")), (4, 1000 + 1)); // one is an open call of `ring`
}

/// The same over the whole file: many CALLS segments cannot show the same bytes again and again. Which of them shows
/// them is the same in every report, however many workers decode the file.
#[test]
fn segments_share_no_payloads() {
    let mut ring = ring(&[], b"{");
    let text = format!("{{\"k\":\"{}\"}}", "x".repeat(60_000));
    let small = br#"{"small":1}"#;
    let generation = ring.payload(&[text.as_bytes(), small].concat());
    let honest = ring.payload(small);
    let mut first_event = 0;
    let mut add = |ring: &mut Ring, generation, offset, text: &[u8]| {
        let start = 5_000_000 + first_event;
        let records = [record(Kind::Return, 1, start, 0), Record::payload(generation, offset, text.len() as u32)];
        ring.calls(1, first_event, &records, true);
        first_event += 1;
    };
    for _ in 0..300 {
        add(&mut ring, generation, 0, text.as_bytes());
    }
    add(&mut ring, generation, text.len() as u32, small);
    add(&mut ring, honest, 0, small);
    let bytes = ring.bytes(true);
    let (summary, report) = look(&bytes, &OUTPUTS);
    assert_eq!((summary.events(), summary.files[0].problems.count), (2 + 2, 300));
    let shown = |name: &str| events(&report).into_iter().filter(|event| !event["args"][name].is_null()).count();
    assert_eq!((shown("k"), shown("small")), (1, 1));
    for workers in [1, 3] {
        let mut case = Case::new();
        case.add("a.bin", &bytes);
        let again: Value = serde_json::from_slice(&case.merge("again.json", workers).1).unwrap();
        assert_eq!(events(&again), events(&report));
    }
}

/// PAYLOAD segments and CALLS segments are passed on between threads, so in no order of segments do all payloads stand
/// one behind the other. Bytes that belong to one event each are all shown.
#[test]
fn segments_that_take_turns_keep_their_payloads() {
    let mut ring = ring(&[], b"{");
    ring.thread(2, 12, "second", 0, 0);
    let texts: Vec<String> = (0..4_000).map(|number| format!("{{\"number\":\"{number:04}\"}}")).collect();
    assert_eq!(texts[0].len(), 17);
    let size = texts[0].len() as u32;
    let generation = ring.payload(texts[..(SEGMENT as usize - 128) / 17].concat().as_bytes());
    let count = (SEGMENT - 128) / size;
    for (thread, of_thread) in [(2, 1), (1, 0), (2, 2)] {
        let numbers = (0..count).filter(|number| number % 3 == of_thread);
        let of = |number: u32| {
            let end = 5_000_000 + u64::from(number);
            [record(Kind::Instant, 1, end, 0), Record::payload(generation, number * size, size)]
        };
        let records: Vec<Record> = numbers.flat_map(of).collect();
        ring.calls(thread, 0, &records, true);
    }
    let (summary, report) = look(&ring.bytes(true), &["out.html"]);
    assert_eq!(left_out(&summary), 0);
    let shown = events(&report).into_iter().filter(|event| !event["args"]["number"].is_null()).count();
    assert_eq!(shown, count as usize);
}

/// Many slots of text without a header, and headers whose numbers are all ones.
#[test]
fn slots_of_arguments_that_belong_to_nothing() {
    let header = encode(0xff_ffff, b"").last().unwrap();
    for parts in [vec![blank(); 20_000], vec![header; 20_000], vec![not_stored(); 500]] {
        let mut ring = ring(&[], b"{");
        ring.frames(2, &parts);
        ring.frames(3, &[&[Record::new(FRAME, 5_000_000, 7, 1)][..], &parts].concat());
        ring.segment(SegmentKind::Stacks, 0, 0, 0, &[0xff; 3968], false);
        let (summary, _) = look(&ring.bytes(false), &["out.html"]);
        assert!(summary.events() >= 3);
    }
}
