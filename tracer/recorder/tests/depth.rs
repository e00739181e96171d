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

/// The limit has moved while calls were too deep: they end where they began, between the frames around them.
#[test]
fn calls_end_where_they_began_after_the_limit_has_moved() {
    let open = with_limit(|thread| {
        enter(thread, &[F, F, F, G, F]);
        thread.limit_depth(1);
        enter(thread, &[F, G]);
        assert_eq!(thread.leave(G, Kind::Return), Left::Recorded);
        assert_eq!(thread.leave(G, Kind::Return), Left::Unmatched);
        assert_eq!(thread.open_frames().len(), 4);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
        assert_eq!(thread.leave(F, Kind::Return), Left::Recorded);
        assert_eq!(thread.open_frames().len(), 3);
        assert_eq!(thread.leave(G, Kind::Return), Left::Recorded);
    });
    assert_eq!(open, [F, F, F]);
}

#[test]
fn an_outer_call_takes_all_kinds_with_it() {
    let open = with_limit(|thread| {
        enter(thread, &[F, G, G, EXCLUDED, F]);
        thread.limit_depth(1);
        enter(thread, &[G, G]);
        assert_eq!(thread.leave(EXCLUDED, Kind::Return), Left::Unmatched);
        thread.unwind_to(EXCLUDED, Kind::Return);
        assert_eq!(thread.open_frames().len(), 3);
        assert_eq!(thread.leave(G, Kind::Return), Left::Recorded);
    });
    assert_eq!(open, [F, G]);
}

/// A forked child has the parent's calls open, those that are too deep among them, and its limit.
#[test]
fn a_child_inherits_calls_and_limit() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_depth: 3, ..options(directory.path(), 1000) };
    let recorder = Recorder::create(options.clone()).unwrap();
    recorder.function(&Function { name: "f", ..Function::default() });
    let mut parents = recorder.attach();
    // SAFETY: attached just now, and this thread is the only user.
    let parent = unsafe { parents.as_mut() };
    enter(parent, &[F, F, F, G, EXCLUDED]);
    parent.limit_depth(2);
    parent.resume_task(7);
    enter(parent, &[F, F, G]);
    let inherited = recorder.inherited(Some(parent));
    let child = recorder.fork().unwrap();
    let mut children = child.attach();
    // SAFETY: as above.
    let thread = unsafe { children.as_mut() };
    child.inherit(thread, inherited);
    assert_eq!(thread.open_frames().iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), [F, F, F, F, F]);
    for tag in [G, F, F, EXCLUDED, G] {
        assert_eq!(thread.leave(tag, Kind::Return), Left::Recorded);
    }
    assert_eq!(thread.open_frames().len(), 3);
    enter(thread, &[G, G, F]);
    assert_eq!(thread.open_frames().len(), 5);
    child.close();
}

/// A pause closes what is open. What was open and did not count raised the limit of all calls after it.
#[test]
fn the_limit_counts_from_nothing_after_all_calls_are_closed() {
    let open = with_limit(|thread| {
        enter(thread, &[F, F, F]);
        thread.count_depth_from_here(0);
        thread.close_frames(Kind::Open);
        enter(thread, &[G, G, G, G, G]);
    });
    assert_eq!(open, [G, G, G]);
}

/// A thread with a limit of three and an interval of 0: a look is due whenever a call ends.
fn due_at_each_end(program: impl Fn(&mut ThreadRecorder)) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_depth: 3, look_interval: Some(0), ..options(directory.path(), 1000) };
    let recorder = Recorder::create(options).unwrap();
    // SAFETY: attached just now, and this thread is the only user.
    program(unsafe { recorder.attach().as_mut() });
    recorder.close();
}

#[test]
fn a_look_is_due_at_the_end_of_calls_of_every_depth() {
    due_at_each_end(|thread| {
        enter(thread, &[F, G, F, G, F]);
        let ends = [F, G, F, G, F].map(|tag| thread.leave(tag, Kind::Return));
        assert_eq!(ends, [Left::Due; 5]);
        assert_eq!(thread.leave(F, Kind::Return), Left::Unmatched);
        assert!(thread.take_due());
    });
}

#[test]
fn a_look_is_due_once_in_an_interval() {
    let directory = tempfile::tempdir().unwrap();
    let hour = 3_600_000_000_000;
    let options = Options { max_depth: 1, look_interval: Some(hour), ..options(directory.path(), 1000) };
    let recorder = Recorder::create(options).unwrap();
    // SAFETY: attached just now, and this thread is the only user.
    let thread = unsafe { recorder.attach().as_mut() };
    let mut end = || {
        enter(thread, &[F, G, G]);
        [G, G, F].map(|tag| thread.leave(tag, Kind::Return))
    };
    assert_eq!(end(), [Left::Due, Left::Recorded, Left::Recorded]);
    assert_eq!(end(), [Left::Recorded; 3]);
    assert!(!thread.take_due());
    recorder.close();
}

#[test]
fn no_look_is_due_in_a_session_without_switches() {
    with_limit(|thread| {
        for tags in [&[F][..], &[F, G, F, G, F]] {
            enter(thread, tags);
            tags.iter().rev().for_each(|tag| assert_eq!(thread.leave(*tag, Kind::Return), Left::Recorded));
        }
        assert!(!thread.take_due());
    });
}
