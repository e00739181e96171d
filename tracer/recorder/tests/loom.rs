//! Every interleaving of threads that get, fill and give back segments, and of a reader.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p viztracer-recorder --test loom --release`

#![cfg(loom)]

mod support;

use loom::sync::Arc;
use loom::thread::{self, JoinHandle};
use std::sync::Mutex;
use support::heap::Heap;
use viztracer_format::clock::Anchor;
use viztracer_format::segment::SegmentKind;
use viztracer_recorder::clock::Clock;
use viztracer_recorder::ring::{Memory, OpenSegment, Ring};

/// A ring, and what happened to it.
struct Model {
    ring: Ring<Heap>,
    entries: usize,
    /// Not one of loom's mutexes: a thread notes what it has committed or recycled before another one runs.
    notes: Mutex<Notes>,
}

/// What an observer knows that sees everything at once.
#[derive(Default)]
struct Notes {
    /// The events of all threads in the order of their commits.
    committed: Vec<u64>,
    /// Those that are in the segments.
    held: Vec<Vec<u64>>,
}

impl Model {
    fn new(segments: usize, slots: usize, entries: u64) -> Arc<Model> {
        let ring = Ring::new(Heap::new(segments, slots), Clock::Monotonic, entries, Anchor::default());
        let notes = Notes { committed: Vec::new(), held: vec![Vec::new(); segments] };
        Arc::new(Model { ring, entries: entries as usize, notes: Mutex::new(notes) })
    }

    fn append(&self, open: &OpenSegment, index: usize, event: u64) {
        self.ring.memory().append(open.segment, index, event);
        let mut notes = self.notes.lock().unwrap();
        notes.committed.push(event);
        notes.held[open.segment as usize].push(event);
    }

    /// A segment has been given out, perhaps again: the newest events must all be in other ones.
    fn open(&self, thread: u32) -> OpenSegment {
        let open = self.ring.open_segment(SegmentKind::Calls, thread, 0).expect("a segment is available");
        self.ring.memory().take(open.segment);
        let mut notes = self.notes.lock().unwrap();
        notes.held[open.segment as usize].clear();
        let newest = &notes.committed[notes.committed.len().saturating_sub(self.entries)..];
        let lost = newest.iter().find(|event| !notes.held.iter().flatten().any(|held| held == *event));
        assert_eq!(lost, None, "{:?} were committed, {:?} are held", notes.committed, notes.held);
        open
    }

    /// A thread fills segments with these events.
    fn fill(&self, thread: u32, segments: &[&[u64]]) {
        for events in segments {
            let open = self.open(thread);
            events.iter().enumerate().for_each(|(index, event)| self.append(&open, index, *event));
            self.ring.memory().give(open.segment);
            self.ring.seal(OpenSegment { taken: events.len(), ..open });
        }
    }

    /// Everything that a reader finds.
    fn read(&self) -> Vec<(u64, Vec<u64>)> {
        let memory = self.ring.memory();
        (0..memory.capacity()).filter_map(|segment| memory.read(segment)).collect()
    }

    /// At the end a reader finds what is held, and the newest events are among that.
    fn check(&self) {
        let mut found: Vec<u64> = self.read().into_iter().flat_map(|(_, events)| events).collect();
        let notes = self.notes.lock().unwrap();
        let mut held: Vec<u64> = notes.held.concat();
        held.sort();
        found.sort();
        assert_eq!(found, held);
        let newest = &notes.committed[notes.committed.len().saturating_sub(self.entries)..];
        assert!(newest.iter().all(|event| found.contains(event)), "{newest:?} are not all in {found:?}");
    }
}

fn spawn(model: &Arc<Model>, run: impl FnOnce(&Model) + 'static) -> JoinHandle<()> {
    let model = Arc::clone(model);
    thread::spawn(move || run(&model))
}

/// Explores with at most this many forced switches between threads; without a bound these models take hours.
fn explore(switches: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(model);
}

#[test]
fn threads_share_a_ring_and_the_newest_events_stay() {
    explore(3, || {
        let model = Model::new(5, 2, 2);
        let other = spawn(&model, |model| model.fill(2, &[&[21, 22], &[23]]));
        model.fill(1, &[&[11, 12], &[13, 14], &[15]]);
        other.join().unwrap();
        model.check();
    });
}

#[test]
fn a_reader_never_sees_two_generations_in_one() {
    explore(3, || {
        let model = Model::new(3, 1, 1);
        let writer = spawn(&model, |model| model.fill(1, &[&[1], &[2], &[3], &[4]]));
        let found = model.read();
        assert!(found.iter().all(|(generation, events)| events.iter().all(|event| event == generation)));
        writer.join().unwrap();
        model.check();
    });
}

/// The events of a segment that was open when another one was sealed may be older than those in that one.
#[test]
fn a_segment_that_stays_open_does_not_let_others_go_too_early() {
    explore(3, || {
        let model = Model::new(5, 1, 1);
        let slow = spawn(&model, |model| model.fill(2, &[&[21]]));
        model.fill(1, &[&[11], &[12], &[13]]);
        slow.join().unwrap();
        model.check();
    });
}

#[test]
fn a_remainder_goes_to_one_thread() {
    const SLOTS: usize = 20;
    explore(3, || {
        let model = Model::new(4, SLOTS, 100);
        let remainder = model.ring.open_segment(SegmentKind::Calls, 1, 0).unwrap();
        model.append(&remainder, 0, 11);
        model.ring.pass_on(OpenSegment { taken: 1, ..remainder });
        let next = |thread: u32| {
            move |model: &Model| {
                let open = model.ring.first_segment(thread).unwrap();
                model.ring.memory().take(open.segment);
                model.append(&open, open.taken, thread.into());
                model.ring.memory().give(open.segment);
                model.ring.pass_on(OpenSegment { taken: open.taken + 1, ..open });
            }
        };
        let other = spawn(&model, next(2));
        next(3)(&model);
        other.join().unwrap();
        model.ring.seal_remainders();
        model.check();
    });
}
