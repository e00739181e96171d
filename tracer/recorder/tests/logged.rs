//! Events with payloads and calls with arguments, as the file holds them.

#![cfg(not(loom))]

mod support;

use std::collections::HashMap;
use std::path::Path;
use support::contents::Contents;
use support::options;
use tempfile::TempDir;
use viztracer_format::header::{HEADER_SIZE, Header};
use viztracer_format::reader::{Event, Segment};
use viztracer_format::record::{DURATION_MAX, Kind};
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_recorder::{Earlier, Left, LoggedEvent, Options, Recorder, ThreadRecorder};

/// The payload of each event that a thread has kept: "" for none, "overwritten" if it is gone.
fn payloads(path: &Path, thread: u32) -> Vec<(Kind, String)> {
    let bytes = std::fs::read(path).unwrap();
    let size = Header::parse(&bytes).unwrap().segment_size();
    let mut bodies = HashMap::new();
    for (index, part) in bytes[HEADER_SIZE..].chunks(size).enumerate() {
        let Some(segment) = Segment::parse(part, (HEADER_SIZE + index * size) as u64, size).unwrap() else { continue };
        if segment.kind == SegmentKind::Payload {
            assert!(segment.seal.is_some(), "the file is closed");
            bodies.insert(segment.generation, segment.committed(&part[SEGMENT_HEADER_SIZE..]).unwrap());
        }
    }
    let text = |event: &Event| match event.payload {
        None => String::new(),
        Some(at) => bodies.get(&at.generation).map_or("overwritten".into(), |body| {
            let bytes = &body[at.offset as usize..][..at.length as usize];
            String::from_utf8(bytes.to_vec()).unwrap()
        }),
    };
    let contents = Contents::read(path);
    contents.events.get(&thread).into_iter().flatten().map(|event| (event.kind, text(event))).collect()
}

/// What one thread records, in a file of its own.
fn record(options: Options, run: impl FnOnce(&Recorder, &mut ThreadRecorder)) -> Vec<(Kind, String)> {
    let recorder = Recorder::create(options).unwrap();
    // SAFETY: attached just now, and this thread is the only user.
    run(&recorder, unsafe { recorder.attach().as_mut() });
    let path = recorder.path().to_owned();
    recorder.close();
    payloads(&path, 1)
}

fn leave(thread: &mut ThreadRecorder, tag: u64) {
    if thread.leave(tag, Kind::Return) == Left::Unmatched {
        thread.unwind_to(tag, Kind::Return);
    }
}

fn log(thread: &mut ThreadRecorder, kind: Kind, json: &str) {
    let event = LoggedEvent { kind, function: 0, start: thread.ticks(), duration: 0 };
    thread.log(event, json.as_bytes());
}

#[test]
fn events_with_and_without_payloads() {
    let directory = TempDir::new().unwrap();
    let found = record(options(directory.path(), 1000), |_, thread| {
        log(thread, Kind::Instant, "");
        log(thread, Kind::Instant, "{}");
        log(thread, Kind::Counter, r#"{"a":1}"#);
        thread.enter(0, 2);
        log(thread, Kind::Other, r#"{"ph":"N"}"#);
        leave(thread, 2);
    });
    let expected = [
        (Kind::Instant, ""),
        (Kind::Instant, "{}"),
        (Kind::Counter, r#"{"a":1}"#),
        (Kind::Other, r#"{"ph":"N"}"#),
        (Kind::Return, ""),
    ];
    assert_eq!(found, expected.map(|(kind, text)| (kind, text.to_owned())));
}

#[test]
fn a_span_has_the_duration_that_it_is_said_to_have() {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), 1000)).unwrap();
    // SAFETY: attached just now, and this thread is the only user.
    let thread = unsafe { recorder.attach().as_mut() };
    let start = thread.ticks();
    for duration in [0, 5, DURATION_MAX, DURATION_MAX + 1, 1 << 50] {
        thread.log(LoggedEvent { kind: Kind::Other, function: 0, start, duration }, b"{}");
    }
    let path = recorder.path().to_owned();
    recorder.close();
    let durations: Vec<u64> = Contents::read(&path).events[&1].iter().map(|event| event.duration).collect();
    assert_eq!(durations, [0, 5, DURATION_MAX, DURATION_MAX + 1, 1 << 50]);
    assert!(Contents::read(&path).events[&1].iter().all(|event| event.payload.is_some() && event.start == start));
}

#[test]
fn arguments_stay_with_their_call_until_it_ends() {
    let directory = TempDir::new().unwrap();
    let found = record(options(directory.path(), 1000), |_, thread| {
        assert!(!thread.attach(b"\"a\"", b"0", Earlier::Replaced), "no call is open");
        thread.enter(0, 2);
        thread.enter(0, 2); // a recursion
        assert!(thread.attach(b"\"a\"", b"1", Earlier::Replaced));
        assert!(thread.attach(b"\"b\"", b"[]", Earlier::Replaced));
        assert!(thread.attach(b"\"a\"", b"2", Earlier::Replaced));
        thread.enter(0, 4);
        assert!(thread.attached().is_none());
        for value in [b"\"x\"", b"\"y\""] {
            assert!(thread.attach(b"\"steps\"", value, Earlier::Extended));
        }
        assert_eq!(thread.attached().unwrap(), br#"{"steps":["x","y"]}"#);
        assert_eq!(thread.open_frames(), [(2, 0), (2, 0), (4, 0)]);
        assert!(thread.is_open(4) && thread.is_open(2) && !thread.is_open(6));
        leave(thread, 4);
        leave(thread, 2);
        leave(thread, 2);
    });
    let expected = [r#"{"steps":["x","y"]}"#, r#"{"a":2,"b":[]}"#, ""];
    assert_eq!(found, expected.map(|text| (Kind::Return, text.to_owned())));
}

#[test]
fn calls_that_end_unseen_keep_their_arguments() {
    let directory = TempDir::new().unwrap();
    let found = record(options(directory.path(), 1000), |recorder, thread| {
        for tag in [2, 4, 6] {
            thread.enter(0, tag);
            thread.attach(b"\"tag\"", tag.to_string().as_bytes(), Earlier::Replaced);
        }
        leave(thread, 2); // takes the other two with it
        thread.enter(0, 2);
        thread.attach(b"\"tag\"", b"8", Earlier::Replaced);
        recorder.close_frames(Kind::Open);
        thread.enter(0, 2);
        leave(thread, 2);
    });
    let text = |kind, text: &str| (kind, text.to_owned());
    assert_eq!(
        found,
        [
            text(Kind::Abandoned, r#"{"tag":6}"#),
            text(Kind::Abandoned, r#"{"tag":4}"#),
            text(Kind::Return, r#"{"tag":2}"#),
            text(Kind::Open, r#"{"tag":8}"#),
            text(Kind::Return, ""),
        ]
    );
}

#[test]
fn calls_that_are_too_deep_or_too_short_have_no_arguments() {
    let directory = TempDir::new().unwrap();
    let found = record(Options { max_depth: 1, ..options(directory.path(), 1000) }, |_, thread| {
        thread.enter(0, 2);
        thread.enter(0, 4);
        assert!(!thread.attach(b"\"a\"", b"1", Earlier::Replaced));
        leave(thread, 4);
        leave(thread, 2);
    });
    assert_eq!(found, [(Kind::Return, String::new())]);
    let imported = viztracer_recorder::clock::Clock::detect().anchor();
    std::thread::sleep(std::time::Duration::from_millis(1));
    let short = Options { min_duration: 3_600_000_000_000, imported, ..options(directory.path(), 1000) };
    let found = record(short, |_, thread| {
        thread.enter(0, 2);
        thread.attach(b"\"a\"", b"1", Earlier::Replaced);
        leave(thread, 2);
    });
    assert_eq!(found, []);
}

#[test]
fn what_does_not_fit_says_so() {
    let directory = TempDir::new().unwrap();
    let found = record(options(directory.path(), 1000), |_, thread| {
        let max = thread.payload_max();
        assert_eq!(max, 3968);
        for length in [max, max + 1] {
            log(thread, Kind::Instant, &format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8)));
        }
        thread.enter(0, 2);
        thread.attach(b"\"a\"", b"1", Earlier::Replaced);
        thread.attach(b"\"b\"", &vec![b'1'; max], Earlier::Replaced);
        leave(thread, 2);
    });
    assert_eq!(found[0].1.len(), 3968);
    assert_eq!(found[1].1, r#"{"cut":"a payload of 3969 bytes does not fit a segment"}"#);
    assert_eq!(found[2].1, r#"{"a":1,"b":"not recorded: too long"}"#);
}

/// The newest events have their payloads, however large these are.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn payloads_last_as_long_as_their_events() {
    for size in [20, 200, 2000] {
        let directory = TempDir::new().unwrap();
        let entries = 500;
        let json = |number: usize| format!("{{\"n\":\"{number:>size$}\"}}");
        let found = record(options(directory.path(), entries), |_, thread| {
            for number in 0..5000 {
                log(thread, Kind::Instant, &json(number));
                thread.enter(0, 2);
                leave(thread, 2);
            }
        });
        let instants: Vec<_> = found.iter().filter(|(kind, _)| *kind == Kind::Instant).collect();
        assert!(instants.len() >= 250, "{} are kept", instants.len());
        let newest = instants.iter().rev().zip((0..5000).rev()).take(250);
        newest.for_each(|((_, payload), number)| assert_eq!(*payload, json(number)));
        let length = std::fs::metadata(directory.path().join(file_name(&directory))).unwrap().len();
        assert!(length < 4 << 20, "the file has {length} bytes for payloads of {size}");
    }
}

fn file_name(directory: &TempDir) -> std::ffi::OsString {
    std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().file_name()
}

#[test]
fn threads_that_come_and_go_share_a_payload_segment() {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), 100_000)).unwrap();
    for number in 1..=200 {
        // SAFETY: attached just now, and this thread is the only user.
        let thread = unsafe { recorder.attach().as_mut() };
        log(thread, Kind::Instant, &format!("{{\"n\":{number}}}"));
        recorder.retire(number);
    }
    let path = recorder.path().to_owned();
    recorder.close();
    assert!(std::fs::metadata(&path).unwrap().len() < 256 << 10);
    for number in 1..=200 {
        assert_eq!(payloads(&path, number), [(Kind::Instant, format!("{{\"n\":{number}}}"))]);
    }
}
