//! The golden file of this format version: built anew, it has the same bytes; read, it tells the same.
//!
//! A deliberate change of the format is a new version and a new golden file; this one stays. `BLESS=1` writes it.

#![cfg(not(loom))]

mod support;

use std::sync::atomic::Ordering;
use support::build::{File, Writer};
use support::golden::{IMPORTED, OPENED, anchor, golden, identity, opening};
use support::walk::walk;
use viztracer_format::arguments::{blank, encode, not_stored};
use viztracer_format::header::{ENDING_SIGNAL, Identity, LABELS, STATE_OPEN};
use viztracer_format::labels::LabelKind;
use viztracer_format::names::{
    Estimate, Function, SourceIdentity, Tag, elided_entry, estimate_entry, function_entry, name_entry, source_entry,
    thread_entry,
};
use viztracer_format::record::{DURATION_EXTENDED, DURATION_MAX, FUNCTION_UNKNOWN, INHERITED, Kind, Record};
use viztracer_format::segment::SegmentKind;
use viztracer_format::stack::{BLOCK_FRAMES, FRAME, task_frame};

/// Records that fill the body of a segment of 4 KiB.
const FULL: u64 = 248;

/// A process that was killed: seven segments, of which one is free and one was being rewritten.
fn build() -> Vec<u8> {
    let file = File::new(identity(), "python\0grüße.py\0".as_bytes(), 7);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    file.status().unmatched.store(2, Ordering::Relaxed);
    let [first, second, third] = names(&file);
    let mut payload = file.open(1, opening(2, SegmentKind::Payload, 0, 0));
    let note = payload.append(b"hello") as u32;
    let counter = payload.append(br#"{"a": 1}"#) as u32;

    // The first thread fills a segment, which is recycled later on.
    let mut filled = file.open(2, opening(3, SegmentKind::Calls, 1, 0));
    for index in 0..FULL {
        filled.record(call(Kind::Return, OPENED + index * 100, 60, 1), &[]);
    }
    filled.seal();
    first.events.store(FULL, Ordering::Relaxed);

    hand_over(&file, second, third);
    every_kind(&file, note, counter);
    open_frames(&file);

    // The writer died while it gave this segment away: header and body are old, the generation is gone.
    let mut given = file.open(6, opening(4, SegmentKind::Calls, 1, FULL));
    given.record(call(Kind::Return, OPENED, 60, 1), &[]);
    given.header().retire();
    file.bytes()
}

fn call(kind: Kind, start: u64, duration: u64, function: u32) -> Record {
    Record::new(kind as u8, start, duration, function)
}

/// The names; returns the changing words of the three threads.
fn names(file: &File) -> [&viztracer_format::names::ThreadCounts; 3] {
    let mut names = file.open(0, opening(1, SegmentKind::Names, 0, 0));
    let functions = [
        Function { name: "fib", file: "/x/fib.py", line: 3, is_c: false },
        Function { name: "builtins.len", file: "", line: 0, is_c: true },
        Function { name: "Straße.größe", file: "/x/größe.py", line: 12, is_c: false },
        Function { name: "memory", file: "", line: 0, is_c: false },
    ];
    for (id, function) in (1..).zip(&functions) {
        names.append(&function_entry(id, function, 4096));
    }
    let long = Function { name: &"n".repeat(300), file: "/x/long.py", line: 1, is_c: false };
    names.append(&function_entry(5, &long, 128));
    names.append(&name_entry(Tag::ProcessName, 0, "MainProcess", 4096));
    let threads = [(1, 4242, "MainThread"), (2, 4243, "Thread-1 (worker)"), (3, 4250, "Thread-2")];
    threads.map(|(serial, tid, name)| {
        let entry = names.append(&thread_entry(serial, tid, OPENED + u64::from(serial) * 1000));
        names.append(&name_entry(Tag::ThreadName, serial, name, 4096));
        names.counts(entry)
    })
}

/// The second thread ends and leaves a segment to the third.
fn hand_over(
    file: &File,
    second: &viztracer_format::names::ThreadCounts,
    third: &viztracer_format::names::ThreadCounts,
) {
    let mut shared = file.open(3, opening(5, SegmentKind::Calls, 2, 0));
    for index in 0..3 {
        shared.record(call(Kind::Return, OPENED + 5_000_000 + index * 1000, 500, 3), &[]);
    }
    second.events.store(3, Ordering::Relaxed);
    second.ended.store(OPENED + 5_010_000, Ordering::Relaxed);
    shared.hand_over(3);
    shared.record(call(Kind::Return, OPENED + 5_020_000, 700, 2), &[]);
    shared.record(call(Kind::Raise, OPENED + 5_019_000, 2_500, 3), &[]);
    third.events.store(2, Ordering::Relaxed);
    third.ended.store(OPENED + 5_030_000, Ordering::Relaxed);
    third.lose(1);
    shared.seal();
}

/// One record of every kind, in the segment that held the first thread's first records.
fn every_kind(file: &File, note: u32, counter: u32) {
    let begin = OPENED + 6_000_000;
    let mut calls: Writer<'_> = file.open(2, opening(6, SegmentKind::Calls, 1, FULL));
    for (index, kind) in (0..).zip([Kind::Return, Kind::Yield, Kind::Raise, Kind::Open, Kind::Abandoned]) {
        calls.record(call(kind, begin + index * 1000, index * 10, 1), &[]);
    }
    calls.record(call(Kind::Return, begin + 6000, DURATION_MAX, 1), &[]);
    let long = call(Kind::Return, begin + 7000, DURATION_EXTENDED, 1);
    calls.record(long, &[Record::long(DURATION_MAX + 1)]);
    calls.record(long, &[Record::long(1 << 50), Record::payload(2, note, 5)]);
    calls.record(call(Kind::Return, begin + 8000, 30, 2), &[Record::payload(2, note, 5)]);
    calls.record(call(Kind::Instant, begin + 9000, 0, 3), &[Record::payload(4, 64, 8)]);
    calls.record(call(Kind::Instant, begin + 9500, 0, 3), &[]);
    calls.record(call(Kind::Counter, begin + 9600, 0, 4), &[Record::payload(2, counter, 8)]);
    let inherited = Kind::Return as u8 | INHERITED;
    calls.record(Record::new(inherited, IMPORTED, 30_000_000, 3), &[]);
    calls.record(call(Kind::Return, begin + 10_000, 40, 1), &[]);
}

/// The first thread's open frames: one it inherited, one it is in, and one whose record was just committed.
fn open_frames(file: &File) {
    let begin = OPENED + 6_000_000;
    let frame = |flags, start, function| Record::new(FRAME | flags, start, 0xabcd, function);
    let stacks = file.open(4, opening(7, SegmentKind::Stacks, 0, 0));
    stacks.block(1, 0, &[frame(INHERITED, IMPORTED, 3), frame(0, begin + 9700, 1), frame(0, begin + 10_000, 1)]);
}

/// A process that was killed while it ran a task: what version 1 tells of tasks.
fn build_tasks() -> Vec<u8> {
    let file = File::new(identity(), b"python\0tasks.py\0", 3);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    let mut names = file.open(0, opening(1, SegmentKind::Names, 0, 0));
    for (id, name) in (1..).zip(["run", "step", "sleep"]) {
        names.append(&function_entry(id, &Function { name, file: "/x/tasks.py", line: id, is_c: false }, 4096));
    }
    names.append(&thread_entry(1, 4242, OPENED));
    names.append(&name_entry(Tag::TaskName, 1, "Task-1", 4096));
    names.append(&name_entry(Tag::TaskName, 2, "Task-2", 4096));
    names.append(&name_entry(Tag::TaskName, 2, "fetch", 4096));

    let begin = OPENED + 3_000_000;
    let mut calls = file.open(1, opening(2, SegmentKind::Calls, 1, 0));
    calls.mark(Record::task(1));
    calls.record(call(Kind::Return, begin + 2000, 100, 3), &[]);
    calls.record(call(Kind::Yield, begin + 1000, 2000, 2), &[]);
    calls.mark(Record::task(0));
    calls.record(call(Kind::Return, begin + 3500, 20, 1), &[]);
    calls.mark(Record::task(2));
    calls.record(call(Kind::Return, begin + 6000, 100, 3), &[]);

    let stacks = file.open(2, opening(3, SegmentKind::Stacks, 0, 0));
    let frame = |start, function| Record::new(FRAME, start, 0xabcd, function);
    stacks.block(1, 0, &[frame(begin, 1), task_frame(2), frame(begin + 5000, 2), frame(begin + 7000, 3)]);
    file.bytes()
}

/// A process that was killed long after its ring went round: what version 1 tells of threads and tasks by labels.
fn build_labels() -> Vec<u8> {
    let file = File::new(Identity { incompatible: LABELS, ..identity() }, b"python\0serve.py\0", 4);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    file.status().lost.store(1, Ordering::Relaxed);
    for (word, value) in [
        (&file.status().forgotten_threads, 259_000_000),
        (&file.status().forgotten_events, 2_590_000_000),
        (&file.status().forgotten_tasks, 7),
    ] {
        word.store(value, Ordering::Relaxed);
    }
    let mut names = file.open(0, opening(1, SegmentKind::Names, 0, 0));
    names.append(&function_entry(0, &Function { name: "serve", file: "/x/serve.py", line: 3, is_c: false }, 4096));
    names.append(&function_entry(1, &Function { name: "handle", file: "/x/serve.py", line: 9, is_c: false }, 4096));

    let mut labels = file.open(1, opening(2, SegmentKind::Labels, 0, 0));
    let main = labels.label(0);
    main.take(LabelKind::Thread, 1, 4242, OPENED);
    main.rename("MainThread");
    let dead = labels.label(1);
    dead.take(LabelKind::Thread, 259_000_002, 4243, OPENED + 1000);
    dead.rename("Thread-259000001 (größe)");
    dead.events.store(3, Ordering::Relaxed);
    dead.lose(2);
    dead.ended.store(OPENED + 9_000_000, Ordering::Relaxed);
    let forgotten = labels.label(2);
    forgotten.take(LabelKind::Thread, 259_000_001, 4243, OPENED + 500);
    forgotten.rename("Thread-259000000 (größe)");
    forgotten.free();
    let task = labels.label(3);
    task.take(LabelKind::Task, 8, 0, OPENED + 2000);
    task.rename("Task-8");
    task.rename(&"a name that is longer than a label has room for, ".repeat(2));
    let nameless = labels.label(5);
    nameless.take(LabelKind::Thread, 259_000_003, 4250, OPENED + 10_000_000);

    let begin = OPENED + 3_000_000;
    let mut calls = file.open(2, opening(3, SegmentKind::Calls, 259_000_002, 1));
    calls.record(call(Kind::Return, begin + 1000, 100, 1), &[]);
    calls.record(call(Kind::Return, begin + 2000, 100, 1), &[]);
    calls.hand_over(259_000_003);
    calls.mark(Record::task(8));
    calls.record(call(Kind::Yield, begin + 7_000_000, 2000, 1), &[]);

    let stacks = file.open(3, opening(4, SegmentKind::Stacks, 0, 0));
    stacks.block(1, 0, &[Record::new(FRAME, begin, 0xabcd, 0)]);
    file.bytes()
}

/// A process of which nothing but names is there: what version 1 tells of source files.
fn build_sources() -> Vec<u8> {
    let file = File::new(identity(), b"python\0a.py\0", 1);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    let mut names = file.open(0, opening(1, SegmentKind::Names, 0, 0));
    let identity = SourceIdentity { device: 64_769, inode: 1_234_567, size: 4242, modified: 1_700_000_000_123_456_789 };
    for (id, path) in (1..).zip(["/x/a.py", "/x/größe.py", "/x/größe2.py"]) {
        names.append(&function_entry(id, &Function { name: "f", file: path, line: 1, is_c: false }, 4096));
        names.append(&source_entry(path, &SourceIdentity { size: u64::from(id), ..identity }, 4096).unwrap());
    }
    let oldest = SourceIdentity { device: u64::MAX, inode: u64::MAX, size: 0, modified: -1i64 as u64 };
    names.append(&source_entry("relative.py", &oldest, 4096).unwrap());
    file.bytes()
}

/// A process that wrote nothing but its header, and ended by SIGTERM: what the words of the status tell.
fn build_status() -> Vec<u8> {
    let file = File::new(identity(), b"python\0b.py\0", 0);
    let status = file.status();
    for (word, value) in [
        (&status.state, STATE_OPEN),
        (&status.unmatched, 3),
        (&status.unnamed, 4),
        (&status.lost, 5),
        (&status.failure, 28),
        (&status.sync_marker, 1_000_020_000_000),
        (&status.ending, ENDING_SIGNAL | 15 << 8),
        (&status.last_sign, OPENED + 7_000_000),
        (&status.gaps, 2),
        (&status.switched, 1),
        (&status.rests, 905),
        (&status.rested, 906),
        (&status.resting_since, OPENED + 907),
    ] {
        word.store(value, Ordering::Relaxed);
    }
    file.bytes()
}

/// A process that has waited for children, one of them with a pid that was used again: what version 1 tells of these.
fn build_children() -> Vec<u8> {
    let file = File::new(Identity { incompatible: LABELS, ..identity() }, b"python\0serve.py\0", 1);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    file.status().forgotten_children.store(904, Ordering::Relaxed);
    let mut labels = file.open(0, opening(1, SegmentKind::Labels, 0, 0));
    let waited = anchor(OPENED).monotonic;
    for (slot, pid, status, after) in [(0, 4243, 9, 100), (1, 4244, 3 << 8, 300), (2, 4243, 139, 7000)] {
        labels.label(slot).take(LabelKind::Child, pid, status, waited + after);
    }
    file.bytes()
}

/// A process that logged data: what version 1 says by payloads of calls and by events of the Chrome trace format.
fn build_logged() -> Vec<u8> {
    let file = File::new(Identity { incompatible: LABELS, ..identity() }, b"python\0logged.py\0", 4);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    let mut names = file.open(0, opening(1, SegmentKind::Names, 0, 0));
    for (id, name, path) in [(0, "f", "/x/logged.py"), (1, "block (/x/logged.py:7)", ""), (2, "memory", "")] {
        names.append(&function_entry(id, &Function { name, file: path, line: id, is_c: false }, 4096));
    }
    let mut labels = file.open(1, opening(2, SegmentKind::Labels, 0, 0));
    labels.label(0).take(LabelKind::Thread, 1, 4242, OPENED);

    let mut payload = file.open(2, opening(3, SegmentKind::Payload, 0, 0));
    let mut stored = |text: &str| Record::payload(3, payload.append(text.as_bytes()) as u32, text.len() as u32);
    let overwritten = Record::payload(9, 0, 10);
    let begin = OPENED + 3_000_000;
    let unnamed = FUNCTION_UNKNOWN;
    let long = 1 << 42;
    let mut calls = file.open(3, opening(4, SegmentKind::Calls, 1, 0));
    for (record, extensions) in [
        (call(Kind::Return, begin + 1000, 100, 0), vec![stored(r#"{"func_args":{"a":"1"},"return_value":"'ü'"}"#)]),
        (call(Kind::Raise, begin + 2000, 100, 0), vec![stored(r#"{"func_args":{}}"#)]),
        (call(Kind::Yield, begin + 3000, 100, 0), vec![stored(r#"{"a":[1,null]}"#)]),
        (call(Kind::Abandoned, begin + 4000, 100, 0), vec![overwritten]),
        (call(Kind::Return, begin + 5000, 100, 0), vec![stored("no object")]),
        (call(Kind::Instant, begin + 6000, 0, 1), vec![stored("{}")]),
        (call(Kind::Counter, begin + 7000, 0, 2), vec![stored(r#"{"rss":1.5}"#)]),
        // An instant, an object, and the same without a payload, or with one that is no event.
        (call(Kind::Other, begin + 8000, 0, unnamed), vec![stored(r#"{"ph":"i","name":"é","args":null,"s":"g"}"#)]),
        (call(Kind::Other, begin + 9000, 0, unnamed), vec![stored(r#"{"ph":"N","id":"7","name":"o"}"#)]),
        (call(Kind::Other, begin + 10_000, 0, 2), vec![overwritten]),
        (call(Kind::Other, begin + 11_000, 0, 2), vec![stored(r#"{"name":"without ph"}"#)]),
        (call(Kind::Other, begin + 12_000, 0, 2), vec![]),
        // A block of code, another one that ended before it, and one without a name.
        (call(Kind::Other, begin + 13_000, 5000, 1), vec![stored(r#"{"ph":"X","name":"block","cat":"FEE","dur":2}"#)]),
        (call(Kind::Other, begin + 12_500, 1000, 1), vec![stored(r#"{"ph":"X","name":"early","dur":0.4}"#)]),
        (call(Kind::Other, begin + 19_000, 1000, unnamed), vec![stored(r#"{"ph":"X","name":"raw","dur":0.4}"#)]),
        (
            call(Kind::Other, begin + 21_000, DURATION_EXTENDED, 1),
            vec![Record::long(long), stored(r#"{"ph":"X","name":"block","args":{"k":[]},"dur":1759218604.441}"#)],
        ),
    ] {
        calls.record(record, &extensions);
    }
    file.bytes()
}

/// A process that was killed while it logged the arguments of calls: what version 1 says of arguments of open calls.
fn build_arguments() -> Vec<u8> {
    let file = File::new(Identity { incompatible: LABELS, ..identity() }, b"python\0open.py\0", 4);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    let mut names = file.open(0, opening(1, SegmentKind::Names, 0, 0));
    for (id, name) in (0..).zip(["main", "f", "g"]) {
        names.append(&function_entry(id, &Function { name, file: "/x/open.py", line: id + 1, is_c: false }, 4096));
    }
    let mut labels = file.open(1, opening(2, SegmentKind::Labels, 0, 0));
    labels.label(0).take(LabelKind::Thread, 1, 4242, OPENED);

    let begin = OPENED + 3_000_000;
    let frame = |flags, start, function| vec![Record::new(FRAME | flags, begin + start, 0xabcd, function)];
    let text = |kept, text: &str| encode(kept, text.as_bytes()).collect::<Vec<_>>();
    let long = format!("{{\"func_args\":{{\"text\":\"{}\"}}", "0123456789".repeat(350));
    let whole = text(0, "{\"n\":1");
    let slots = [
        frame(INHERITED, 0, 0),
        text(0, "{\"func_args\":{\"argv\":\"['ü']\"}"),
        frame(0, 1000, 1), // a list that got a second element, and whose third one was being added
        text(0, "{\"steps\":[\"a = 1\"]"),
        text(17, ",\"b = 2\"]"),
        text(25, ",\"c = 3\"]")[..1].to_vec(),
        vec![task_frame(8)],
        frame(0, 2000, 2), // for which there was no space
        vec![not_stored()],
        frame(0, 3000, 2), // which extend over two blocks
        text(0, &long),
        frame(0, 4000, 1), // whose changes were being removed
        vec![blank(), whole[0], blank()],
        whole.clone(),
        frame(0, 5000, 1), // whose text is damaged
        vec![whole[0], Record { word1: whole[1].word1 ^ 1, ..whole[1] }],
        frame(0, 6000, 2), // which has none
    ]
    .concat();
    let (first, second) = slots.split_at(BLOCK_FRAMES);
    file.open(2, opening(3, SegmentKind::Stacks, 0, 0)).block(1, 0, first);
    file.open(3, opening(4, SegmentKind::Stacks, 0, 0)).block(1, BLOCK_FRAMES as u32, second);
    file.bytes()
}

/// A process that stopped recording some of its functions: what version 1 says of elided functions.
fn build_elided() -> Vec<u8> {
    let file = File::new(Identity { incompatible: LABELS, ..identity() }, b"python\0hot.py\0", 3);
    file.status().state.store(STATE_OPEN, Ordering::Release);
    let mut names = file.open(0, opening(1, SegmentKind::Names, 0, 0));
    for (id, name) in (0..).zip(["main", "fib", "total"]) {
        names.append(&function_entry(id, &Function { name, file: "/x/hot.py", line: id + 1, is_c: false }, 4096));
    }
    let begin = OPENED + 3_000_000;
    // First the C functions that `fib` calls, then `fib` itself; the earliest one of each kind holds.
    names.append(&elided_entry(1, true, begin + 2000));
    names.append(&elided_entry(1, false, begin + 4000));
    names.append(&elided_entry(1, false, begin + 9000));
    names.append(&elided_entry(1, true, begin + 1900));
    names.append(&elided_entry(2, true, begin + 5000));
    names.append(&elided_entry(77, false, begin)); // which is no function
    let estimate = Estimate { bursts: 6, counted: 60, time: 300, calls: 1000, error: 20 };
    names.append(&estimate_entry(1, &estimate));
    names.append(&estimate_entry(1, &Estimate { calls: 7, ..estimate })); // a later one
    names.append(&estimate_entry(2, &estimate)); // of which only the C calls are elided
    let mut labels = file.open(1, opening(2, SegmentKind::Labels, 0, 0));
    labels.label(0).take(LabelKind::Thread, 1, 4242, OPENED);

    let mut calls = file.open(2, opening(3, SegmentKind::Calls, 1, 0));
    for (start, duration, function) in [(1000, 100, 1), (3000, 100, 1), (6000, 700, 2), (500, 9000, 0)] {
        calls.record(call(Kind::Return, begin + start, duration, function), &[]);
    }
    file.bytes()
}

fn files() -> [(&'static str, Vec<u8>); 9] {
    [
        ("v1", build()),
        ("v1-tasks", build_tasks()),
        ("v1-labels", build_labels()),
        ("v1-sources", build_sources()),
        ("v1-status", build_status()),
        ("v1-children", build_children()),
        ("v1-logged", build_logged()),
        ("v1-arguments", build_arguments()),
        ("v1-elided", build_elided()),
    ]
}

#[test]
#[cfg_attr(miri, ignore = "reads a file")]
fn the_writer_writes_the_golden_bytes() {
    files().iter().for_each(|(name, bytes)| golden(&format!("{name}.bin"), bytes));
}

#[test]
#[cfg_attr(miri, ignore = "reads a file")]
fn the_golden_bytes_tell_the_golden_text() {
    for (name, bytes) in files() {
        golden(&format!("{name}.txt"), walk(&bytes).unwrap().to_string().as_bytes());
    }
}

#[test]
fn what_was_built_is_read_without_an_error() {
    let bytes = build();
    let walk = walk(&bytes).unwrap();
    assert_eq!(walk.segments.len(), 7);
    assert!(walk.segments.iter().all(Result::is_ok));
}
