//! A recording that elides functions: what becomes of their open calls, and what the file says of it.

#![cfg(not(loom))]

mod support;

use std::ptr::NonNull;
use support::contents::Contents;
use support::options;
use tempfile::TempDir;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::budget::{Elided, Elision};
use viztracer_recorder::{Budget, Earlier, Left, Options, Recorder, ThreadRecorder};

const MAIN: u64 = 1;
const SHORT: u64 = 2;
const OTHER: u64 = 3;

/// A recorder whose functions have the ids 0 (main), 1 (short), 2 (other) and, of a C function, 3.
fn create(directory: &TempDir) -> Recorder {
    let budget = Some(Budget { bound: 0.05, call_cost: 100.0, has_tasks: false });
    let recorder = Recorder::create(Options { budget, ..options(directory.path(), 1000) }).unwrap();
    for name in ["main", "short", "other", "len"] {
        let is_c = name == "len";
        recorder.function(&Function { name, file: if is_c { "" } else { "<string>" }, line: 1, is_c });
    }
    recorder
}

fn elision(function: u32) -> Elision {
    Elision { function, what: Elided::Calls }
}

/// What a hook does.
fn leave(thread: &mut ThreadRecorder, tag: u64) {
    if thread.leave(tag, Kind::Return) == Left::Unmatched {
        thread.unwind_to(tag, Kind::Return);
    }
}

/// The thread's recorder, used as by hooks of one thread.
fn attached<'a>(mut thread: NonNull<ThreadRecorder>) -> &'a mut ThreadRecorder {
    // SAFETY: the recorder is not closed, and the tests use one such reference at a time.
    unsafe { thread.as_mut() }
}

fn close(recorder: Recorder) -> Contents {
    let path = recorder.path().to_owned();
    recorder.close();
    Contents::read(&path)
}

fn calls(contents: &Contents) -> Vec<(u32, Kind)> {
    contents.events[&1].iter().map(|event| (event.function, event.kind)).collect()
}

#[test]
fn open_calls_end_when_their_function_is_elided() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory);
    let thread = recorder.attach();
    attached(thread).enter(0, MAIN);
    attached(thread).enter(1, SHORT);
    attached(thread).enter(1, SHORT);
    assert_eq!(recorder.elide(&[elision(1), elision(1)]), [elision(1)]);
    assert_eq!(attached(thread).open_frames(), [(MAIN, 0)]);
    assert_eq!(attached(thread).leave(SHORT, Kind::Return), Left::Unmatched);
    leave(attached(thread), MAIN);
    let contents = close(recorder);
    assert_eq!(calls(&contents), [(1, Kind::Abandoned), (1, Kind::Abandoned), (0, Kind::Return)]);
    assert_eq!(contents.elided, [(1, false)]);
}

/// With and without arguments of the calls.
#[test]
fn they_end_with_the_last_recorded_call_inside_of_them() {
    for has_arguments in [false, true] {
        let directory = TempDir::new().unwrap();
        let recorder = create(&directory);
        let thread = recorder.attach();
        for (function, tag) in [(0, MAIN), (1, SHORT), (2, OTHER)] {
            attached(thread).enter(function, tag);
            if has_arguments {
                attached(thread).attach(b"\"x\"", b"1", Earlier::Replaced);
            }
        }
        recorder.elide(&[elision(1)]);
        for _ in 0..2 {
            attached(thread).enter(2, OTHER);
            leave(attached(thread), OTHER);
        }
        assert_eq!(attached(thread).leave(SHORT, Kind::Return), Left::Unmatched);
        leave(attached(thread), OTHER);
        attached(thread).enter(2, OTHER);
        leave(attached(thread), OTHER);
        leave(attached(thread), MAIN);
        let (other, short, main) = ((2, Kind::Return), (1, Kind::Abandoned), (0, Kind::Return));
        assert_eq!(calls(&close(recorder)), [other, other, other, short, other, main]);
    }
}

#[test]
fn a_sample_is_what_the_thread_has_recorded_lately() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory);
    let thread = recorder.attach();
    attached(thread).enter(0, MAIN);
    for _ in 0..100 {
        attached(thread).enter(3, OTHER);
        leave(attached(thread), OTHER);
    }
    assert_eq!((attached(thread).take_recorded(), attached(thread).take_recorded()), (100, 0));
    let sample = attached(thread).sample();
    assert_eq!(recorder.choose(sample.clone(), 0.1), [Elision { function: 0, what: Elided::CCalls }]);
    assert_eq!(recorder.choose(sample.clone(), 1.0), []);
    recorder.elide(&[Elision { function: 0, what: Elided::CCalls }]);
    assert_eq!(recorder.choose(sample, 0.1), [], "it is elided already");
}

#[test]
fn what_is_elided_of_a_function_can_only_become_more() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory);
    let c_calls = Elision { function: 1, what: Elided::CCalls };
    assert_eq!(recorder.elide(&[c_calls]), [c_calls]);
    assert_eq!(recorder.elide(&[c_calls, elision(1), c_calls]), [elision(1)]);
    assert_eq!(recorder.elided(1), Some(Elided::Calls));
    assert_eq!(recorder.elided(0), None);
    assert_eq!(close(recorder).elided, [(1, true), (1, false)]);
}

#[test]
fn a_file_says_once_that_some_c_calls_of_a_function_are_not_recorded() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory);
    let thread = recorder.attach();
    attached(thread).enter(0, MAIN);
    attached(thread).enter(3, OTHER);
    assert!(recorder.elide_some_c_calls(0) && recorder.elide_some_c_calls(0));
    assert_eq!(recorder.elided(0), Some(Elided::SomeCCalls));
    leave(attached(thread), OTHER);
    leave(attached(thread), MAIN);
    let contents = close(recorder);
    assert_eq!(contents.elided, [(0, true)]);
    assert_eq!(calls(&contents), [(3, Kind::Return), (0, Kind::Return)], "open calls go on");
}
