//! The record path from the first call to the closed file, by one thread and by several: also under Miri, which sees
//! each access to memory that is not there, not one's own, or somebody else's at the same time (`make miri`).

#![cfg(not(loom))]

mod support;

use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use support::contents::Contents;
use support::options;
use tempfile::TempDir;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, Options, Recorder, ThreadRecorder, last_act};

/// Frames of a stack block, and records of the smallest segment.
const BLOCK: usize = 244;
const SEGMENT: usize = 248;

/// A thread's recorder as its thread keeps it: it is made a reference anew for every event, as in a hook.
#[derive(Clone, Copy)]
struct Hooks(NonNull<ThreadRecorder>);

// SAFETY: the tests see to it that one thread at a time uses it.
unsafe impl Send for Hooks {}

impl Hooks {
    fn attach(recorder: &Recorder) -> Hooks {
        Hooks(recorder.attach())
    }

    fn get(&mut self) -> &mut ThreadRecorder {
        // SAFETY: the recorder is not closed, and this is the only thread that uses it.
        unsafe { self.0.as_mut() }
    }

    fn enter(&mut self, tags: &[u64]) {
        tags.iter().for_each(|tag| self.get().enter(0, *tag));
    }

    fn leave(&mut self, tag: u64, kind: Kind) {
        if self.get().leave(tag, kind) == Left::Unmatched {
            self.get().unwind_to(tag, kind);
        }
    }

    fn calls(&mut self, number: usize) {
        for _ in 0..number {
            self.enter(&[1]);
            self.leave(1, Kind::Return);
        }
    }

    fn serial(&mut self) -> u32 {
        self.get().serial()
    }
}

fn function(recorder: &Recorder, name: &str) -> u32 {
    recorder.function(&Function { name, file: "<string>", line: 1, is_c: false })
}

fn create(directory: &TempDir, entries: u64) -> Recorder {
    let recorder = Recorder::create(options(directory.path(), entries)).unwrap();
    function(&recorder, "f");
    recorder
}

fn close(recorder: Recorder) -> Contents {
    let path: PathBuf = recorder.path().to_owned();
    recorder.close();
    Contents::read(&path)
}

fn kinds(contents: &Contents, thread: u32) -> Vec<Kind> {
    contents.events[&thread].iter().map(|event| event.kind).collect()
}

#[test]
fn every_way_in_which_a_call_ends() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, 1000);
    let mut thread = Hooks::attach(&recorder);
    thread.enter(&[1, 2, 3]);
    for (tag, kind) in [(3, Kind::Return), (2, Kind::Yield), (1, Kind::Raise)] {
        thread.leave(tag, kind);
    }
    thread.enter(&[1, 2, 3]);
    thread.leave(1, Kind::Return); // takes the other two with it
    thread.leave(9, Kind::Return); // began before tracing
    thread.enter(&[1]);
    thread.leave(9, Kind::Return); // began unseen
    assert_eq!(thread.get().open_frames(), [(1, 0)]);
    recorder.close_frames(Kind::Open);
    assert_eq!(recorder.unmatched(), 1);
    thread.enter(&[1, 2]);
    let contents = close(recorder);
    let abandoned = [Kind::Abandoned, Kind::Abandoned, Kind::Return];
    assert_eq!(
        kinds(&contents, 1),
        [&[Kind::Return, Kind::Yield, Kind::Raise], &abandoned[..], &[Kind::Open]].concat()
    );
    assert_eq!(contents.blocks.iter().map(|block| block.frames.len()).sum::<usize>(), 2);
    assert!(contents.header.sealed);
}

#[test]
fn short_long_and_backward_durations_and_a_limit_on_depth() {
    let directory = TempDir::new().unwrap();
    let anchor = viztracer_recorder::clock::Clock::detect().anchor();
    std::thread::sleep(std::time::Duration::from_millis(1)); // the rate is estimated over this
    let options = Options { min_duration: 3_600_000_000_000, imported: anchor, ..options(directory.path(), 1000) };
    let recorder = Recorder::create(Options { max_depth: 2, ..options }).unwrap();
    let mut thread = Hooks::attach(&recorder);
    thread.enter(&[1, 2, 3, 4]);
    thread.get().count_depth_from_here(1);
    thread.enter(&[5]);
    (1..=5).rev().for_each(|tag| thread.leave(tag, Kind::Return));
    assert!(!thread.get().has_open_calls());
    assert_eq!(close(recorder).kept(), 0, "none of them took an hour");
}

#[test]
fn segments_are_recycled_when_the_ring_goes_round() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, SEGMENT as u64);
    let mut thread = Hooks::attach(&recorder);
    thread.calls(if cfg!(miri) { 4 } else { 100 } * SEGMENT);
    let contents = close(recorder);
    assert!((SEGMENT..4 * SEGMENT).contains(&contents.kept()), "{}", contents.kept());
}

#[test]
fn a_stack_of_several_blocks_down_and_up() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, 10_000);
    let mut thread = Hooks::attach(&recorder);
    let depth = if cfg!(miri) { BLOCK } else { 2 * BLOCK } + 3;
    for _ in 0..2 {
        (0..depth).for_each(|_| thread.enter(&[1]));
        assert_eq!(thread.get().open_frames().len(), depth);
        (0..depth).for_each(|_| thread.leave(1, Kind::Return));
    }
    thread.calls(1);
    assert_eq!(close(recorder).kept(), 2 * depth + 1);
}

#[test]
fn tasks_that_switch_between_segments_and_end() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, 10_000);
    let mut thread = Hooks::attach(&recorder);
    let tasks = ["a", "b"].map(|name| recorder.task(name));
    for turn in 0..6 {
        thread.enter(&[7]);
        thread.get().resume_task(tasks[turn % 2]);
        thread.enter(&[8]);
        thread.calls(60);
        assert_eq!(thread.get().task(), tasks[turn % 2]);
        thread.leave(8, Kind::Yield);
        thread.get().suspend_task();
        assert_eq!(thread.get().task(), 0);
        thread.leave(7, Kind::Return);
    }
    recorder.name_task(tasks[1], "b, renamed");
    recorder.end_task(tasks[0], thread.get());
    let contents = close(recorder);
    assert_eq!(contents.tasks.values().map(String::as_str).collect::<Vec<_>>(), ["a", "b, renamed"]);
    let of = |task: u32| contents.events[&1].iter().filter(|event| event.task == task).count();
    assert_eq!([0, tasks[0], tasks[1]].map(of), [6, 3 * 61, 3 * 61]);
}

/// The names of a file take several segments, those of threads and tasks slots that are used again.
#[test]
fn names_of_functions_threads_and_tasks() {
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, SEGMENT as u64);
    let names: Vec<String> = (0..50).map(|number| format!("{number}{}", "n".repeat(60))).collect();
    let ids: Vec<u32> = names.iter().map(|name| function(&recorder, name)).collect();
    assert_eq!(names.iter().map(|name| function(&recorder, name)).collect::<Vec<_>>(), ids);
    recorder.name_process("p");
    let mut last = Hooks::attach(&recorder);
    for number in 0..15 {
        let serial = last.serial();
        recorder.name_thread(serial, &format!("t{number}"));
        let task = recorder.task("short");
        last.calls(60);
        recorder.end_task(task, last.get());
        recorder.retire(serial);
        last = Hooks::attach(&recorder);
    }
    let contents = close(recorder);
    assert!(contents.name_segments > 1);
    assert_eq!(ids.iter().map(|id| contents.functions[id].clone()).collect::<Vec<_>>(), names);
    assert_eq!(contents.threads.values().next_back().map(String::as_str), Some("t14"));
    assert!(contents.header.forgotten.threads > 0 && contents.header.forgotten.tasks > 0);
}

/// Threads begin, record, end and begin again, while others name them, mark moments and note what the process does.
#[test]
fn several_threads_at_once() {
    const THREADS: usize = 3;
    const LIVES: usize = if cfg!(miri) { 2 } else { 30 };
    const CALLS: usize = if cfg!(miri) { 10 } else { 400 };
    let directory = TempDir::new().unwrap();
    let recorder = create(&directory, 100_000);
    let newest = AtomicU32::new(0);
    let at_once = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                at_once.wait();
                for life in 0..LIVES {
                    let mut hooks = Hooks::attach(&recorder);
                    newest.store(hooks.serial(), Ordering::Relaxed);
                    function(&recorder, &format!("f{life}"));
                    hooks.calls(CALLS);
                    recorder.retire(hooks.serial());
                }
            });
        }
        at_once.wait();
        for number in 0..if cfg!(miri) { 5 } else { 50 } {
            recorder.name_thread(newest.load(Ordering::Relaxed), &format!("thread {number}"));
            recorder.mark_sync();
            recorder.count_gap();
            last_act::note(1);
            recorder.end_task(recorder.task("t"), Hooks::attach(&recorder).get());
        }
    });
    let contents = close(recorder);
    assert_eq!(contents.kept(), THREADS * LIVES * CALLS);
    assert_eq!(contents.functions.len(), 1 + LIVES);
}

/// The rule of the extension: hooks and the stop hold one lock, the close does not. Meanwhile the recorder moves from
/// variable to variable and from thread to thread, threads come and end, and a late thread finds nothing.
#[test]
fn a_stop_while_others_record() {
    for calls_before in if cfg!(miri) { [0, 5, 15] } else { [0, 50, 5000] } {
        let directory = TempDir::new().unwrap();
        let recorder = create(&directory, 2 * SEGMENT as u64);
        let path = recorder.path().to_owned();
        let state = Mutex::new(Some(recorder));
        let gil = Mutex::new(());
        let (is_recording, calls) = (AtomicBool::new(true), AtomicU32::new(0));
        // A hook takes the GIL, looks whether there is recording, and uses the pointer that it has kept.
        let hook = |hooks: &mut Hooks| {
            let _gil = gil.lock().unwrap();
            let records = is_recording.load(Ordering::Relaxed);
            if records {
                hooks.calls(1);
                calls.fetch_add(1, Ordering::Relaxed);
            }
            records
        };
        let attach = || {
            let state = state.lock().unwrap();
            let mut hooks = Hooks::attach(state.as_ref()?);
            Some((hooks.serial(), hooks))
        };
        thread::scope(|scope| {
            for number in 0..2 {
                let (state, hook, attach) = (&state, &hook, &attach);
                scope.spawn(move || {
                    let Some((serial, mut hooks)) = attach() else { return };
                    while hook(&mut hooks) {
                        if let Some(recorder) = &*state.lock().unwrap() {
                            recorder.name_thread(serial, &format!("{number}"));
                        }
                    }
                    // The end of a thread, without the GIL; the recording may be gone by now.
                    if let Some(recorder) = &*state.lock().unwrap() {
                        recorder.retire(serial);
                    }
                });
            }
            let (_, mut own) = attach().unwrap();
            while calls.load(Ordering::Relaxed) < calls_before {
                // Moves, with all its threads, while their pointers stay.
                let mut state = state.lock().unwrap();
                let boxed = state.take().map(Box::new);
                *state = boxed.map(|recorder| *recorder);
                drop(state);
                hook(&mut own);
                thread::yield_now();
            }
            let taken = {
                let _gil = gil.lock().unwrap();
                is_recording.store(false, Ordering::Relaxed);
                let mut state = state.lock().unwrap();
                state.as_ref().unwrap().close_frames(Kind::Return);
                state.take()
            };
            scope.spawn(move || taken.unwrap().close());
            assert!(!hook(&mut own));
        });
        let (kept, all) = (Contents::read(&path).kept(), calls.load(Ordering::Relaxed) as usize);
        assert!(all.min(2 * SEGMENT) <= kept && kept <= all, "{kept} of {all}");
    }
}

#[test]
fn a_recorder_that_is_dropped_takes_its_threads_with_it() {
    let directory = TempDir::new().unwrap();
    let mut recorders: Vec<Recorder> = (0..3).map(|_| create(&directory, 100)).collect();
    let mut threads: Vec<Hooks> = recorders.iter().map(Hooks::attach).collect();
    threads.iter_mut().for_each(|thread| thread.calls(3));
    drop(recorders.swap_remove(0));
    threads[1..].iter_mut().for_each(|thread| thread.calls(3));
    last_act::note(0);
    recorders.into_iter().for_each(|recorder| assert_eq!(close(recorder).kept(), 6));
    last_act::note(0);
}
