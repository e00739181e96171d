//! Recording a call allocates nothing. Alone in its binary, because it counts what the allocator is asked for.

#![cfg(not(any(loom, miri)))]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::options;
use tempfile::TempDir;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, LoggedEvent, Recorder, ThreadRecorder};

/// The system's allocator, which counts for the thread that asks it to.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.with(|count| count.set(count.get() + 1));
}

// SAFETY: passes every call on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// Runs with a recorder of this many entries.
fn record(entries: u64, run: impl FnOnce(&mut ThreadRecorder)) {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), entries)).unwrap();
    recorder.function(&Function { name: "f", ..Function::default() });
    // SAFETY: attached just now, and this thread is the only user.
    run(unsafe { recorder.attach().as_mut() });
    recorder.close();
}

fn calls(thread: &mut ThreadRecorder, number: usize) {
    for _ in 0..number {
        thread.enter(0, 1);
        assert_eq!(thread.leave(1, Kind::Return), Left::Recorded);
    }
}

/// Down and up again, over all blocks of the stack.
fn descent(thread: &mut ThreadRecorder, depth: usize) {
    (0..depth).for_each(|_| thread.enter(0, 1));
    for _ in 0..depth {
        if thread.leave(1, Kind::Return) == Left::Unmatched {
            thread.unwind_to(1, Kind::Return);
        }
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn a_ring_that_goes_round_allocates_nothing() {
    record(1000, |thread| {
        calls(thread, 5000);
        assert_eq!(allocations(|| calls(thread, 100_000)), 0);
    });
}

#[test]
fn within_one_segment_nothing_is_allocated_from_the_second_call_on() {
    record(1_000_000, |thread| {
        calls(thread, 1);
        assert_eq!(allocations(|| calls(thread, 1000)), 0);
    });
}

/// Segments that are sealed for the first time grow the queue they wait in: it doubles, once in thousands of calls.
#[test]
fn a_ring_that_fills_for_the_first_time_allocates_the_queue_of_its_segments_only() {
    record(1_000_000, |thread| {
        calls(thread, 1);
        let segments = 100_000_u32.div_ceil(1016);
        let doublings = u64::from(segments.ilog2());
        let allocations = allocations(|| calls(thread, 100_000));
        assert!(allocations <= doublings, "{allocations} allocations for {segments} segments");
    });
}

#[test]
fn a_stack_that_was_deep_once_allocates_nothing() {
    record(1000, |thread| {
        descent(thread, 1000);
        calls(thread, 5000);
        assert_eq!(allocations(|| (0..50).for_each(|_| descent(thread, 1000))), 0);
    });
}

#[test]
fn logged_events() {
    record(1000, |thread| {
        let mut log = |number: usize| {
            for _ in 0..number {
                let start = thread.ticks();
                thread.log(LoggedEvent { kind: Kind::Counter, function: 0, start, duration: 0 }, br#"{"a":1.5}"#);
            }
        };
        log(10_000); // the queue of sealed segments has its size
        assert_eq!(allocations(|| log(10_000)), 0);
    });
}
