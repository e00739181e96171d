//! Every interleaving of a writer and a reader of one segment, and of the stacks beside it.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p viztracer-format --test loom --release`

#![cfg(loom)]

use loom::sync::{Arc, Mutex};
use loom::thread;
use viztracer_format::clock::Anchor;
use viztracer_format::labels::{Label, LabelKind};
use viztracer_format::record::{RECORD_SIZE, Record};
use viztracer_format::segment::{Opening, SEALED, SegmentHeader, SegmentKind};
use viztracer_format::stack::{BlockHeader, Slot};
use viztracer_format::sync::{Ordering, fence};

/// A CALLS segment whose body has room for two records.
#[derive(Default)]
struct Segment {
    header: SegmentHeader,
    slots: [Slot; 2],
}

/// What a reader took out of a segment.
struct Copy {
    first_event: u64,
    owner: u64,
    committed: usize,
    records: Vec<Record>,
}

fn opening(generation: u64) -> Opening {
    Opening {
        generation,
        kind: SegmentKind::Calls,
        thread: generation as u32,
        first_event: generation * 100,
        opened: generation * 1000,
        anchor: Anchor::default(),
    }
}

/// A record whose words both tell the generation and the place that it belongs to.
fn record(generation: u64, index: usize) -> Record {
    let word = generation << 8 | index as u64;
    Record { word0: word, word1: !word }
}

impl Segment {
    fn append(&self, generation: u64, index: usize) {
        self.slots[index].store(record(generation, index));
        self.header.commit((index + 1) * RECORD_SIZE);
    }

    fn seal(&self, count: usize) {
        // The checksum's value does not matter here; it says how many records it covers.
        self.header.seal(&[0; 2 * RECORD_SIZE][..count * RECORD_SIZE]);
    }

    /// Copies the segment as a reader of a living file does; `None` if it was free or was recycled meanwhile.
    fn read(&self) -> Option<(u64, Copy)> {
        let (generation, committed) = self.header.begin_read();
        if generation == 0 {
            return None;
        }
        let records = self.slots[..committed / RECORD_SIZE].iter().map(Slot::load).collect::<Vec<_>>();
        let copy = Copy {
            first_event: self.header.first_event.load(Ordering::Relaxed),
            owner: self.header.owner.load(Ordering::Relaxed),
            committed,
            records,
        };
        self.header.still(generation).then_some((generation, copy))
    }
}

/// What the reader accepts belongs to one generation and is complete.
fn check(generation: u64, copy: &Copy) {
    assert_eq!(copy.first_event, generation * 100);
    assert_eq!(copy.owner, SegmentKind::Calls as u64 | generation << 32);
    for (index, found) in copy.records.iter().enumerate() {
        assert_eq!(*found, record(generation, index));
    }
}

/// Explores with at most this many forced switches between threads; without a bound these models take hours.
fn explore(switches: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(model);
}

/// Checks what is read of a segment while `write` goes on.
fn read_while(prepare: fn(&Segment), write: fn(&Segment)) {
    explore(3, move || {
        let segment = Arc::new(Segment::default());
        prepare(&segment);
        let writer = {
            let segment = segment.clone();
            thread::spawn(move || write(&segment))
        };
        if let Some((generation, copy)) = segment.read() {
            check(generation, &copy);
        }
        writer.join().unwrap();
    });
}

fn begun(segment: &Segment) {
    segment.header.open(opening(1));
    segment.append(1, 0);
}

#[test]
fn a_recycled_segment_is_never_read_as_its_old_self() {
    read_while(begun, |segment| {
        segment.append(1, 1);
        segment.seal(2);
        segment.header.open(opening(2));
        segment.append(2, 0);
    });
}

#[test]
fn a_segment_that_is_opened_first_is_read_empty_or_complete() {
    read_while(
        |_| (),
        |segment| {
            begun(segment);
            segment.append(1, 1);
        },
    );
}

#[test]
fn a_retired_segment_is_not_read_while_it_is_overwritten() {
    read_while(begun, |segment| {
        segment.header.retire();
        segment.slots[0].store(record(9, 0));
    });
}

#[test]
fn a_seal_that_is_read_before_the_counter_covers_the_counter() {
    explore(3, || {
        let segment = Arc::new(Segment::default());
        segment.header.open(opening(1));
        let writer = {
            let segment = segment.clone();
            thread::spawn(move || {
                segment.append(1, 0);
                segment.seal(1);
                segment.header.open(opening(2));
            })
        };
        let seal = segment.header.seal.load(Ordering::Acquire);
        if let Some((generation, copy)) = segment.read() {
            check(generation, &copy);
            // The generation may have changed between the two: then the seal belongs to the older one.
            if generation == 1 && seal & SEALED != 0 {
                assert_eq!(copy.committed, RECORD_SIZE);
            }
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_handed_over_segment_is_complete_for_both_threads() {
    explore(3, || {
        let segment = Arc::new(Segment::default());
        segment.header.open(opening(1));
        let pool = Arc::new(Mutex::new(None));
        let first = {
            let (segment, pool) = (segment.clone(), pool.clone());
            thread::spawn(move || {
                segment.append(1, 0);
                *pool.lock().unwrap() = Some(1);
            })
        };
        let second = {
            let (segment, pool) = (segment.clone(), pool.clone());
            thread::spawn(move || {
                if let Some(index) = pool.lock().unwrap().take() {
                    segment.append(1, index);
                }
            })
        };
        if let Some((generation, copy)) = segment.read() {
            check(generation, &copy);
        }
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// A call is an open frame until its record is committed: whoever reads the stack first finds it in one of the two.
#[test]
fn a_call_is_on_the_stack_or_recorded() {
    explore(3, || {
        let segment = Arc::new(Segment::default());
        let block = Arc::new(BlockHeader::default());
        segment.header.open(opening(1));
        block.take(1, 0);
        block.count.store(1, Ordering::Release);
        let writer = {
            let (segment, block) = (segment.clone(), block.clone());
            thread::spawn(move || {
                segment.append(1, 0);
                block.count.store(0, Ordering::Release);
            })
        };
        let open = block.count.load(Ordering::Acquire);
        let (_, copy) = segment.read().expect("never recycled here");
        assert!(open == 1 || copy.records.len() == 1);
        writer.join().unwrap();
    });
}

/// Reads a block's only frame: the count, the frame.
fn read_frame(block: &BlockHeader, frame: &Slot) -> (u64, Record) {
    let count = block.count.load(Ordering::Acquire);
    let record = frame.load();
    fence(Ordering::Acquire);
    (count, record)
}

/// A frame below the count that was found the same twice is never half of one call and half of another.
#[test]
fn a_frame_that_is_found_twice_is_whole() {
    explore(4, || {
        let block = Arc::new(BlockHeader::default());
        let frame = Arc::new(Slot::default());
        block.take(1, 0);
        frame.store(record(1, 0));
        block.count.store(1, Ordering::Release);
        let writer = {
            let (block, frame) = (block.clone(), frame.clone());
            thread::spawn(move || {
                block.count.store(0, Ordering::Release);
                let Record { word0, word1 } = record(2, 0);
                frame.word1.store(word1, Ordering::Release);
                frame.word0.store(word0, Ordering::Release);
                block.count.store(1, Ordering::Release);
            })
        };
        let (first, second) = (read_frame(&block, &frame), read_frame(&block, &frame));
        if first == second && first.0 == 1 {
            let (word0, word1) = (first.1.word0, first.1.word1);
            assert_eq!(word1, !word0, "the call began at {word0:#x}");
        }
        writer.join().unwrap();
    });
}

/// What a reader takes out of a label: its head, the thread's id, the first word of the name.
fn read_label(label: &Label) -> Option<(u64, u64, u64)> {
    let head = label.head.load(Ordering::Acquire);
    let (tid, name) = (label.tid.load(Ordering::Relaxed), label.name[0].load(Ordering::Relaxed));
    fence(Ordering::Acquire);
    (head != 0 && label.head.load(Ordering::Relaxed) == head).then_some((head, tid, name))
}

/// Checks what is read of thread 1's label while `write` goes on. The ids of threads are ten times their serials.
fn read_label_while(write: fn(&Label), name_of: fn(u64, u64) -> bool) {
    explore(4, move || {
        let label = Arc::new(Label::default());
        label.take(LabelKind::Thread, 1, 10, 0);
        label.rename("a");
        let writer = {
            let label = label.clone();
            thread::spawn(move || write(&label))
        };
        if let Some((head, tid, name)) = read_label(&label) {
            let (serial, size) = (head >> 32, head >> 16 & 0xff);
            assert_eq!(tid, serial * 10);
            assert!(size == 0 || name_of(serial, name), "thread {serial} is called {name:#x}");
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_label_is_never_read_half_as_another_threads() {
    read_label_while(
        |label| {
            label.free();
            label.take(LabelKind::Thread, 2, 20, 0);
            label.rename("b");
        },
        |serial, name| name == [0, u64::from(b'a'), u64::from(b'b')][serial as usize],
    );
}

/// The slot may pass on without its name being told in between, and a name may be as long as the one before.
#[test]
fn a_name_that_is_written_again_is_never_read_under_the_head_of_the_one_before() {
    explore(4, || {
        let label = Arc::new(Label::default());
        label.take(LabelKind::Thread, 1, 10, 0);
        label.rename("a");
        let before = label.head.load(Ordering::Relaxed);
        let writer = {
            let label = label.clone();
            thread::spawn(move || label.rename("b"))
        };
        if let Some((head, _, name)) = read_label(&label)
            && head >> 16 & 0xff != 0
        {
            assert_eq!(name, u64::from(if head == before { b'a' } else { b'b' }));
        }
        writer.join().unwrap();
    });
}
