//! Every interleaving of a writer and of a reader that copies with `pread`: the words of one copy may be of different
//! times, and only copies that were made one after the other are in order. And of processes that share a control block.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p viztracer-format --test loom_copies --release`

#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use viztracer_format::clock::Anchor;
use viztracer_format::control::{Counts, SwitchWords};
use viztracer_format::record::{RECORD_SIZE, Record};
use viztracer_format::segment::{Opening, SEALED, SegmentHeader, SegmentKind};
use viztracer_format::stack::{BlockHeader, Slot};
use viztracer_format::sync::{AtomicU64, Ordering, fence};

/// Explores with at most this many forced switches between threads; without a bound these models take hours.
fn explore(switches: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(model);
}

/// Copies words in no order: loom lets each of these loads find any value that the loads before the last fence allow.
fn copy<const N: usize>(words: [&AtomicU64; N]) -> [u64; N] {
    let copy = words.map(|word| word.load(Ordering::Relaxed));
    fence(Ordering::Acquire);
    copy
}

/// Starts a writer of something that is shared with this thread.
fn write<T: Send + Sync + 'static>(shared: &Arc<T>, write: fn(&T)) -> thread::JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || write(&shared))
}

/// A CALLS segment with room for one record.
#[derive(Default)]
struct Segment {
    header: SegmentHeader,
    slot: Slot,
}

impl Segment {
    fn open(&self, generation: u64) {
        let kind = SegmentKind::Calls;
        let anchor = Anchor::default();
        self.header.open(Opening { generation, kind, thread: 1, first_event: 0, opened: 0, anchor });
    }

    fn append(&self, generation: u64) {
        self.slot.store(record(generation));
        self.header.commit(RECORD_SIZE);
    }

    /// Generation, seal and committed bytes.
    fn header(&self) -> [u64; 3] {
        copy([&self.header.generation, &self.header.seal, &self.header.committed])
    }
}

/// A record whose words both tell what it belongs to.
fn record(of: u64) -> Record {
    Record { word0: of, word1: !of }
}

/// Reads a segment as `FORMAT.md` says, and checks what may be used of it.
fn read(segment: &Segment) {
    let [generation, ..] = segment.header();
    let [again, seal, committed] = segment.header();
    if generation == 0 || again != generation {
        return;
    }
    let header = &segment.header;
    let [third, in_the_end, word0, word1] =
        copy([&header.generation, &header.committed, &segment.slot.word0, &segment.slot.word1]);
    if third != generation || segment.header()[0] != generation {
        return;
    }
    if committed.min(in_the_end) > 0 {
        assert_eq!(Record { word0, word1 }, record(generation), "generation {generation}");
    }
    if seal & SEALED != 0 && in_the_end == committed {
        assert_eq!(committed, RECORD_SIZE as u64, "the seal is of what is committed in the end");
    }
}

#[test]
fn a_segment_that_is_copied_is_of_one_generation_and_complete() {
    explore(3, || {
        let segment = Arc::new(Segment::default());
        segment.open(1);
        segment.append(1);
        let writer = write(&segment, |segment| {
            segment.open(2);
            segment.append(2);
        });
        read(&segment);
        writer.join().unwrap();
    });
}

#[test]
fn a_seal_that_is_copied_covers_what_is_committed() {
    explore(3, || {
        let segment = Arc::new(Segment::default());
        segment.open(1);
        let writer = write(&segment, |segment| {
            segment.append(1);
            segment.header.seal(&[0; RECORD_SIZE]);
            segment.open(2);
        });
        read(&segment);
        writer.join().unwrap();
    });
}

/// As in [`viztracer_format::stack::settle`]: the same frame in two copies, below the count in each of three.
#[test]
fn a_frame_that_stays_in_three_copies_is_whole() {
    explore(4, || {
        let block = Arc::new((BlockHeader::default(), Slot::default()));
        block.0.take(1, 0);
        block.1.store(record(1));
        block.0.count.store(1, Ordering::Release);
        let writer = write(&block, |(block, slot)| {
            block.count.store(0, Ordering::Release);
            let Record { word0, word1 } = record(2);
            slot.word1.store(word1, Ordering::Release);
            slot.word0.store(word0, Ordering::Release);
            block.count.store(1, Ordering::Release);
        });
        let read = || copy([&block.0.count, &block.1.word0, &block.1.word1]);
        let [before, between, after] = [read(), read(), read()];
        if [before, between, after].iter().all(|copy| copy[0] == 1) && before == after {
            assert_eq!(after[2], !after[1], "the call began at {:#x}", after[1]);
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_mark_that_three_copies_have_is_whole() {
    explore(3, || {
        let words = Arc::new(SwitchWords::default());
        assert!(words.mark(10, "a"));
        // The slot of the first mark is used again for the one that comes eight later.
        words.marks.store(8, Ordering::Relaxed);
        let writer = write(&words, |words| assert!(words.mark(90, "b")));
        let slot = &words.slots[0];
        let read = || copy([&slot.number, &slot.time, &slot.name[0]]);
        let [before, between, after] = [read(), read(), read()];
        if before[0] == between[0] && between[0] == after[0] && between[0] != 0 {
            let whole = [[1, 10, u64::from(b'a')], [9, 90, u64::from(b'b')]];
            assert!(whole.contains(&between), "{between:?}");
        }
        writer.join().unwrap();
    });
}

/// The first process waits for those that it has counted when it ends the session: no process may join unseen.
#[test]
fn a_process_that_joins_is_seen_by_the_end_of_the_session() {
    explore(4, || {
        let counts = Arc::new(Counts::default());
        let late = {
            let counts = counts.clone();
            thread::spawn(move || counts.join())
        };
        let (joined, refused) = counts.end();
        assert_eq!(refused, 0);
        let is_in = late.join().unwrap();
        assert!(!is_in || joined == 1);
        assert_eq!(counts.joined.load(Ordering::Acquire), u64::from(is_in));
    });
}
