//! Arguments of open calls, as the file of a process that was killed holds them.

#![cfg(not(loom))]

mod support;

use std::path::Path;
use support::contents::Contents;
use support::options;
use tempfile::TempDir;
use viztracer_format::arguments::{ArgumentsReader, StackedArguments, is_part};
use viztracer_format::record::{INHERITED, Kind};
use viztracer_format::stack::task_of;
use viztracer_recorder::{Earlier, Left, Options, Recorder, ThreadRecorder};

/// An open call: whether the parent began it, the function, and its arguments: "" for none, "lost" if they are.
type OpenCall = (bool, u32, String);

/// The open calls of the only thread in a file, outermost first.
fn open_calls(path: &Path) -> Vec<OpenCall> {
    let mut blocks = Contents::read(path).blocks;
    blocks.retain(|block| !block.frames.is_empty());
    blocks.sort_by_key(|block| block.base);
    let mut below = 0;
    for block in &blocks {
        assert_eq!(block.base, below, "no gap");
        below += block.frames.len() as u32;
    }
    let mut calls: Vec<OpenCall> = Vec::new();
    let mut reader = ArgumentsReader::default();
    let finish = |calls: &mut Vec<OpenCall>, reader: &mut ArgumentsReader| {
        if let (Some(call), Some(found)) = (calls.last_mut(), reader.finish()) {
            call.2 = match found {
                StackedArguments::Json(json) => String::from_utf8(json).unwrap(),
                StackedArguments::Lost => "lost".into(),
            };
        }
    };
    for slot in blocks.iter().flat_map(|block| &block.frames) {
        if is_part(*slot) {
            reader.take(*slot);
            continue;
        }
        finish(&mut calls, &mut reader);
        if task_of(*slot).is_none() {
            calls.push((slot.kind_byte() & INHERITED != 0, slot.function(), String::new()));
        }
    }
    finish(&mut calls, &mut reader);
    calls
}

fn texts(path: &Path) -> Vec<String> {
    open_calls(path).into_iter().map(|(_, _, text)| text).collect()
}

/// Has one thread record in a file, at whose path `run` may look.
fn record(options: Options, run: impl FnOnce(&mut ThreadRecorder, &Path)) {
    let recorder = Recorder::create(options).unwrap();
    // SAFETY: attached just now, and this thread is the only user.
    run(unsafe { recorder.attach().as_mut() }, recorder.path());
    recorder.close();
}

fn leave(thread: &mut ThreadRecorder, tag: u64) {
    if thread.leave(tag, Kind::Return) == Left::Unmatched {
        thread.unwind_to(tag, Kind::Return);
    }
}

fn attach(thread: &mut ThreadRecorder, key: &str, value: &str) {
    assert!(thread.attach(format!("\"{key}\"").as_bytes(), value.as_bytes(), Earlier::Replaced));
}

#[test]
fn open_calls_have_the_arguments_that_were_attached_last() {
    let directory = TempDir::new().unwrap();
    record(options(directory.path(), 1000), |thread, path| {
        thread.enter(1, 2);
        thread.enter(2, 4);
        attach(thread, "a", "1");
        assert_eq!(texts(path), ["", r#"{"a":1}"#]);
        for (value, expected) in [("2", r#"{"a":1,"l":[2]}"#), ("3", r#"{"a":1,"l":[2,3]}"#)] {
            thread.attach(b"\"l\"", value.as_bytes(), Earlier::Extended);
            assert_eq!(texts(path)[1], expected);
        }
        attach(thread, "a", "[100]");
        assert_eq!(texts(path)[1], r#"{"a":[100],"l":[2,3]}"#);
        thread.resume_task(7);
        thread.enter(3, 6);
        thread.enter(4, 8);
        attach(thread, "ü", "\"é\"");
        let expected = ["", r#"{"a":[100],"l":[2,3]}"#, "", r#"{"ü":"é"}"#];
        assert_eq!(texts(path), expected);
        assert_eq!(thread.open_frames(), [(2, 1), (4, 2), (6, 3), (8, 4)]);
        leave(thread, 8);
        leave(thread, 6);
        assert_eq!(texts(path), expected[..2]);
        leave(thread, 4);
        assert_eq!(texts(path), [""]);
        leave(thread, 2);
        assert!(open_calls(path).is_empty());
        assert!(!thread.has_open_calls());
    });
}

#[test]
fn a_call_that_ends_with_a_last_member_has_it_in_its_record_only() {
    let directory = TempDir::new().unwrap();
    record(options(directory.path(), 1000), |thread, path| {
        thread.enter(1, 2);
        thread.enter(1, 4);
        thread.end_with(4, Kind::Return, thread.ticks(), (b"\"r\"", b"{\"r\":1}"));
        assert_eq!(open_calls(path), [(false, 1, String::new())]);
        attach(thread, "a", "1");
        thread.enter(1, 4);
        thread.end_with(2, Kind::Return, thread.ticks(), (b"\"r\"", b"{\"r\":1}"));
        assert!(open_calls(path).is_empty());
        let events: Vec<_> =
            Contents::read(path).events[&1].iter().map(|event| (event.kind, event.payload.is_some())).collect();
        assert_eq!(events, [(Kind::Return, true), (Kind::Abandoned, false), (Kind::Return, true)]);
    });
}

/// Texts of every length, on stacks of every depth: they extend over blocks.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn arguments_extend_over_blocks() {
    let directory = TempDir::new().unwrap();
    record(Options { max_depth: 300, ..options(directory.path(), 1000) }, |thread, path| {
        let max = thread.payload_max() - 100;
        let mut expected = Vec::new();
        for depth in 1..=300 {
            thread.enter(depth, u64::from(depth) * 2);
            let length = [0, 1, 14, 15, 16, 200, max][depth as usize % 7];
            let value = format!("\"{}\"", "x".repeat(length));
            attach(thread, "a", &value);
            expected.push((false, depth, format!("{{\"a\":{value}}}")));
            if depth % 50 == 0 {
                assert_eq!(open_calls(path)[..], expected[..]);
            }
        }
        assert!(thread.is_full_depth());
        for depth in (1..=300).rev() {
            assert!(thread.is_innermost(depth * 2) && thread.is_open(2) && !thread.is_open(3));
            leave(thread, depth * 2);
            expected.pop();
            if depth % 50 == 3 {
                assert_eq!(open_calls(path)[..], expected[..]);
            }
        }
        assert!(!thread.has_open_calls() && open_calls(path).is_empty());
    });
}

/// A call whose arguments change for ever takes a limited part of the file, and shows the newest ones at all times.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
#[cfg_attr(windows, ignore = "a file there has the length of its mapping from the beginning")]
fn changes_do_not_pile_up() {
    let directory = TempDir::new().unwrap();
    record(options(directory.path(), 1000), |thread, path| {
        thread.enter(1, 2);
        attach(thread, "before", &format!("\"{}\"", "x".repeat(700)));
        thread.enter(2, 4);
        for number in 0..20_000 {
            attach(thread, "n", &number.to_string());
            if number % 500 == 0 || number < 400 {
                assert_eq!(texts(path)[1], format!("{{\"n\":{number}}}"));
            }
        }
        leave(thread, 4);
        for number in 0..20_000 {
            attach(thread, "before", &format!("\"{}\"", "y".repeat(number % 1000)));
            attach(thread, "after", &number.to_string());
        }
        assert_eq!(texts(path), [format!("{{\"before\":\"{}\",\"after\":19999}}", "y".repeat(999))]);
        leave(thread, 2);
        assert!(open_calls(path).is_empty());
        assert!(std::fs::metadata(path).unwrap().len() < 128 << 10);
    });
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn arguments_for_which_there_is_no_space_are_lost() {
    let directory = TempDir::new().unwrap();
    record(options(directory.path(), 1000), |thread, path| {
        let value = format!("\"{}\"", "x".repeat(3000));
        for _ in 0..200 {
            thread.enter(1, 2);
            attach(thread, "a", &value);
        }
        let found = texts(path);
        let kept = found.iter().take_while(|text| text.len() > 3000).count();
        assert!((50..150).contains(&kept), "{kept}");
        assert!(found.iter().skip(kept).all(|text| text == "lost"), "{found:?}");
        attach(thread, "a", "1");
        attach(thread, "a", "2");
        assert_eq!(texts(path)[199], "lost");
        (0..200).for_each(|_| leave(thread, 2));
        assert!(open_calls(path).is_empty());
        let events = &Contents::read(path).events[&1];
        assert!(events.len() >= 200 && events.iter().all(|event| event.payload.is_some()));
        thread.enter(1, 2);
        attach(thread, "a", "1");
        assert_eq!(texts(path), [r#"{"a":1}"#]);
    });
}

#[test]
fn a_forked_process_inherits_the_arguments() {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), 1000)).unwrap();
    // SAFETY: attached just now, and this thread is the only user.
    let thread = unsafe { recorder.attach().as_mut() };
    thread.enter(1, 2);
    thread.enter(1, 4);
    attach(thread, "a", "1");
    thread.attach(b"\"l\"", b"1", Earlier::Extended);
    thread.enter(1, 6);
    let inherited = recorder.inherited(Some(thread));
    // In the forked process:
    let child = Recorder::create(options(directory.path(), 1000)).unwrap();
    // SAFETY: as above.
    let thread = unsafe { child.attach().as_mut() };
    child.inherit(thread, inherited);
    let texts = |text: &str| [String::new(), text.to_owned(), String::new()];
    assert!(open_calls(child.path()).iter().all(|call| call.0));
    assert_eq!(self::texts(child.path()), texts(r#"{"a":1,"l":[1]}"#));
    leave(thread, 6);
    thread.attach(b"\"l\"", b"2", Earlier::Extended);
    assert_eq!(self::texts(child.path()), texts(r#"{"a":1,"l":[1,2]}"#)[..2]);
    leave(thread, 4);
    let events = &Contents::read(child.path()).events[&1];
    assert_eq!(events.iter().map(|event| event.payload.is_some()).collect::<Vec<_>>(), [false, true]);
    child.close();
    recorder.close();
}
