//! Calls that take longer than somebody waits for are noted if their end is seen, and recorded like others.

#![cfg(not(loom))]

mod support;

use std::ptr::NonNull;
use std::thread::sleep;
use std::time::Duration;
use support::contents::Contents;
use support::options;
use tempfile::TempDir;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::{Earlier, Left, Options, Recorder, ThreadRecorder};

const SLOW: u64 = 20_000_000;

fn create(directory: &TempDir, slow_call: u64) -> Recorder {
    let recorder = Recorder::create(Options { slow_call, ..options(directory.path(), 1000) }).unwrap();
    recorder.function(&Function { name: "f", file: "<string>", line: 1, is_c: false });
    recorder
}

/// The thread's recorder, used as by hooks of one thread.
fn attached<'a>(mut thread: NonNull<ThreadRecorder>) -> &'a mut ThreadRecorder {
    // SAFETY: the recorder is not closed, and the tests use one such reference at a time.
    unsafe { thread.as_mut() }
}

#[test]
fn a_call_that_took_long_is_told_once() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, SLOW);
    let thread = recorder.attach();
    attached(thread).enter(0, 1);
    sleep(Duration::from_nanos(2 * SLOW));
    assert_eq!(attached(thread).leave(1, Kind::Return), Left::Due);
    let slow = attached(thread).take_slow();
    assert_eq!(slow.len(), 1);
    let (name, duration) = recorder.slow_call(slow[0]);
    assert!(name == "f" && duration >= SLOW, "{name} {duration}");
    assert_eq!(attached(thread).take_slow(), []);
    let path = recorder.path().to_owned();
    recorder.close();
    assert_eq!(Contents::read(&path).kept(), 1);
}

#[test]
fn a_call_with_arguments_is_told_and_one_that_ends_unseen_is_not() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, SLOW);
    let thread = recorder.attach();
    for tag in [1, 2] {
        attached(thread).enter(0, tag);
    }
    attached(thread).attach(b"\"x\"", b"1", Earlier::Replaced);
    sleep(Duration::from_nanos(2 * SLOW));
    assert_eq!(attached(thread).leave(1, Kind::Return), Left::Unmatched);
    attached(thread).unwind_to(1, Kind::Return);
    assert!(attached(thread).take_due());
    assert_eq!(attached(thread).take_slow().len(), 1);
}

#[test]
fn without_such_a_time_and_of_short_calls_nothing_is_told() {
    for slow_call in [0, 3_600_000_000_000] {
        let directory = TempDir::new().unwrap();
        let recorder = create(&directory, slow_call);
        let thread = recorder.attach();
        attached(thread).enter(0, 1);
        assert_eq!(attached(thread).leave(1, Kind::Return), Left::Recorded);
        assert_eq!(attached(thread).take_slow(), []);
    }
}
