//! The programs that are explored: threads with hooks, and one that starts, stops and saves.

use crate::filter::Filter;
use crate::interpreter::Python;
use crate::process::lifecycle;
use crate::thread::current;
use crate::{gil, hook, recording};
use viztracer_recorder::Options;

#[cfg(loom)]
use loom::thread;
#[cfg(not(loom))]
use std::thread;

/// The process has one recording, and counts its threads: one test at a time.
pub fn one_at_a_time() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Explores a program, with a GIL and without. Under loom with at most so many forced switches between threads, and on
/// a thread of its own: at the end of loom's first one there are no statics any more.
#[cfg(loom)]
fn explore(switches: usize, program: impl Fn(&Options) + Send + Sync + 'static) {
    let _one = one_at_a_time();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    let program = std::sync::Arc::new(program);
    for is_free in [false, true] {
        gil::choose(is_free);
        let program = std::sync::Arc::clone(&program);
        builder.check(move || {
            let program = std::sync::Arc::clone(&program);
            spawn(move || program(&Options)).join().unwrap();
            while crate::Life::is_any_left() {
                thread::yield_now();
            }
        });
    }
}

/// Runs it a few times.
#[cfg(not(loom))]
fn explore(_switches: usize, program: impl Fn(&Options)) {
    let _one = one_at_a_time();
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        directory: directory.path().to_owned(),
        prefix: "result".to_owned(),
        entries: 300,
        min_duration: 0,
        max_depth: 100,
        session_id: [0; 16],
        python_version: 0,
        imported: Default::default(),
        look_interval: None,
        slow_call: 0,
        budget: None,
    };
    for is_free in [false, true] {
        gil::choose(is_free);
        for _ in 0..if cfg!(miri) { 2 } else { 100 } {
            program(&options);
        }
    }
}

/// An event of the calling thread: a hook, as those of the extension.
fn event() {
    gil::with(|| {
        // SAFETY: `enter` lets no other thread have the GIL.
        unsafe { current::with(Python::assume(), |recorder| recorder.enter(0, 1)) };
    });
}

/// A thread, which lives from the beginning on.
fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::spawn(|| {
        current::existing(0);
        run()
    })
}

/// A thread with so many events.
fn thread_with(events: usize) -> thread::JoinHandle<()> {
    spawn(move || (0..events).for_each(|_| event()))
}

fn start(tracer: u64, options: &Options) -> bool {
    let python = Python::assume();
    lifecycle::claim(python, tracer)
        && lifecycle::start(python, tracer, options, Filter::default(), hook::EventOptions(true)).is_ok()
}

/// Its recording, which must be there.
fn seal(tracer: u64) {
    assert!(lifecycle::seal(Python::assume(), tracer).unwrap().is_some());
}

#[test]
fn a_seal_while_others_are_in_hooks() {
    explore(5, |options| {
        gil::with(|| assert!(start(1, options)));
        event();
        let other = thread_with(2);
        gil::with(|| seal(1));
        event();
        other.join().unwrap();
    });
}

#[test]
fn a_stop_that_finishes_open_calls_and_another_start_in_the_same_file() {
    explore(4, |options| {
        gil::with(|| assert!(start(1, options)));
        let other = thread_with(2);
        gil::with(|| lifecycle::stop(Python::assume(), 1, true).unwrap());
        gil::with(|| assert!(start(1, options)));
        event();
        gil::with(|| seal(1));
        other.join().unwrap();
    });
}

/// Two threads: when one ends, the other one's end of recording may be anywhere.
#[test]
fn threads_that_end_while_the_recording_does() {
    explore(3, |options| {
        gil::with(|| assert!(start(1, options)));
        let others = [thread_with(1), thread_with(1)];
        gil::with(|| seal(1));
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// A thread that begins when another one has ended may have its memory.
#[test]
fn a_thread_that_comes_after_another_one() {
    explore(3, |options| {
        gil::with(|| assert!(start(1, options)));
        let others = spawn(|| {
            thread_with(1).join().unwrap();
            thread_with(1).join().unwrap();
        });
        gil::with(|| seal(1));
        gil::with(|| assert!(start(1, options)));
        gil::with(|| seal(1));
        others.join().unwrap();
    });
}

/// What the first tracer has stopped and not saved is closed by the second one's start, on any thread.
#[test]
fn another_tracer_sets_a_recording_aside() {
    explore(4, |options| {
        gil::with(|| {
            assert!(start(1, options));
            lifecycle::stop(Python::assume(), 1, false).unwrap();
        });
        let other = spawn({
            let options = options.clone();
            move || {
                if gil::with(|| start(2, &options)) {
                    event();
                    gil::with(|| seal(2));
                }
            }
        });
        event();
        gil::with(|| seal(1));
        other.join().unwrap();
    });
}

#[test]
fn two_threads_stop_and_save_at_once() {
    explore(5, |options| {
        gil::with(|| assert!(start(1, options)));
        event();
        let other = spawn(|| gil::with(|| lifecycle::seal(Python::assume(), 1).unwrap().is_some()));
        event();
        let mine = gil::with(|| lifecycle::seal(Python::assume(), 1).unwrap().is_some());
        event(); // the other one may be in its stop
        assert!(mine != other.join().unwrap(), "one of them saves");
    });
}

#[test]
fn a_start_that_fails_while_others_are_in_hooks() {
    explore(5, |options| {
        let other = thread_with(2);
        gil::with(|| {
            let python = Python::assume();
            assert!(lifecycle::claim(python, 1));
            assert!(lifecycle::start(python, 1, options, Filter::default(), hook::EventOptions(false)).is_err());
            recording::release(1);
            assert!(lifecycle::seal(python, 1).unwrap().is_none());
        });
        event();
        other.join().unwrap();
    });
}
