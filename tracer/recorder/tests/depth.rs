//! Calls that are deeper than the limit are not recorded, but known: their ends are not mistaken for those of others.

#![cfg(not(loom))]

mod support;

use support::options;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, Options, Recorder, ThreadRecorder};

const F: u64 = 1;
const G: u64 = 2;
const EXCLUDED: u64 = 3;

/// Records with a limit of three. Returns the tags that are open at the end.
fn with_limit(program: impl Fn(&mut ThreadRecorder)) -> Vec<u64> {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_depth: 3, ..options(directory.path(), 1000) };
    let recorder = Recorder::create(options).unwrap();
    recorder.function(&Function { name: "f", ..Function::default() });
    // SAFETY: attached just now, and this thread is the only user.
    let thread = unsafe { recorder.attach().as_mut() };
    program(thread);
    let open = thread.open_frames().into_iter().map(|(tag, _)| tag).collect();
    recorder.close();
    open
}

fn enter(thread: &mut ThreadRecorder, tags: &[u64]) {
    tags.iter().for_each(|tag| thread.enter(0, *tag));
}

#[test]
fn calls_beyond_the_limit_end_before_the_others() {
    let open = with_limit(|thread| {
        enter(thread, &[F, F, F, F, F]);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
    });
    assert_eq!(open, [F, F, F]);
}

/// An excluded function has an end without a begin: a recursion that called one deeper than the limit lost a level.
#[test]
fn the_end_of_an_excluded_call_beyond_the_limit_ends_nothing() {
    let open = with_limit(|thread| {
        enter(thread, &[F, F, F, F]);
        assert_eq!(thread.leave(EXCLUDED, Kind::Return), Left::Unmatched);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
    });
    assert_eq!(open, [F, F, F]);
}

#[test]
fn an_outer_call_takes_those_beyond_the_limit_with_it() {
    let open = with_limit(|thread| {
        enter(thread, &[F, G, G, F, G, G]);
        assert_eq!(thread.leave(F, Kind::Return), Left::Unmatched);
        thread.unwind_to(F, Kind::Return); // the fourth, of which two more are inside
        assert_eq!(thread.leave(F, Kind::Return), Left::Unmatched);
        thread.unwind_to(F, Kind::Return); // the first
    });
    assert_eq!(open, []);
}

#[test]
fn after_the_limit_there_is_room_again() {
    let open = with_limit(|thread| {
        enter(thread, &[F, F, F, F]);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
        enter(thread, &[G]);
    });
    assert_eq!(open, [F, F, G]);
}

/// Where only some functions are recorded, the limit is none at first, and counts from the function that begins.
#[test]
fn a_limit_counts_from_where_it_is_set() {
    let open = with_limit(|thread| {
        enter(thread, &[F, G, G, G, G]);
        thread.limit_depth(0);
        enter(thread, &[F]);
        thread.limit_depth(2);
        enter(thread, &[F, F, F]);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
        thread.limit_depth(0);
        enter(thread, &[G]);
    });
    assert_eq!(open, [F, G, G, F]);
}
