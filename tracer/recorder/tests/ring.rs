//! The allocation of segments: a sealed one is recycled when `entries` newer events exist, and not before.

#![cfg(not(loom))]

mod support;

use support::heap::{Heap, NO_SPACE};
use viztracer_format::clock::Anchor;
use viztracer_format::labels::LabelKind;
use viztracer_format::segment::SegmentKind;
use viztracer_format::sync::Ordering;
use viztracer_recorder::clock::Clock;
use viztracer_recorder::labels::Handle;
use viztracer_recorder::ring::{Memory, OpenSegment, Ring};

const SLOTS: usize = 20;

fn ring(segments: usize, entries: u64) -> Ring<Heap> {
    Ring::new(Heap::new(segments, SLOTS), Clock::Monotonic, entries, Anchor::default())
}

fn open(ring: &Ring<Heap>) -> OpenSegment {
    ring.open_segment(SegmentKind::Calls, 1, 0).expect("a segment is available")
}

fn seal(ring: &Ring<Heap>, open: OpenSegment, events: usize) {
    ring.seal(OpenSegment { taken: events, ..open });
}

/// One thread fills segments with so many events each: the numbers of the segments it gets.
fn segments(ring: &Ring<Heap>, events: usize, turns: usize) -> Vec<u32> {
    let turn = |_| {
        let open = open(ring);
        let segment = open.segment;
        seal(ring, open, events);
        segment
    };
    (0..turns).map(turn).collect()
}

#[test]
fn one_newer_event_too_few() {
    assert_eq!(segments(&ring(9, 20), 20, 6), [0, 1, 0, 1, 0, 1]);
    assert_eq!(segments(&ring(9, 21), 20, 6), [0, 1, 2, 0, 1, 2]);
    assert_eq!(segments(&ring(9, 40), 20, 6), [0, 1, 2, 0, 1, 2]);
    assert_eq!(segments(&ring(9, 41), 20, 6), [0, 1, 2, 3, 0, 1]);
}

#[test]
fn segments_that_are_hardly_filled_count_for_their_events_only() {
    assert_eq!(segments(&ring(9, 3), 1, 7), [0, 1, 2, 3, 0, 1, 2]);
}

#[test]
fn what_was_open_at_the_sealing_is_not_newer() {
    let ring = ring(9, 10);
    let slow = open(&ring);
    let fast = open(&ring);
    seal(&ring, fast, 20);
    seal(&ring, slow, 20); // opened before `fast` was sealed: its events may be older
    assert_eq!(segments(&ring, 20, 1), [2]);
    assert_eq!(segments(&ring, 20, 1), [1]); // now there are 20 newer ones
}

#[test]
fn a_follower_of_a_recycled_segment_is_not_counted_for_the_next_one() {
    let ring = ring(9, 20);
    let first = open(&ring);
    seal(&ring, first, 20);
    let slow = open(&ring); // follows only the first
    assert_eq!(segments(&ring, 20, 1), [2]);
    assert_eq!(segments(&ring, 20, 1), [0]); // 20 newer than the first, which is recycled
    seal(&ring, slow, 20);
    // Segment 2 was sealed while `slow` was open; only the 20 events in segment 0 are newer.
    assert_eq!(segments(&ring, 20, 1), [2]);
    // Segment 0 has as newer ones those in 2, but not those of `slow`.
    assert_eq!(segments(&ring, 20, 1), [0]);
}

#[test]
fn without_a_limit_nothing_is_recycled() {
    assert_eq!(segments(&ring(9, 0), 20, 5), [0, 1, 2, 3, 4]);
}

#[test]
fn without_space_the_oldest_sealed_segment_is_recycled_early() {
    let ring = Ring::new(Heap::new(9, SLOTS).with_available(2), Clock::Monotonic, 1000, Anchor::default());
    assert_eq!(segments(&ring, 20, 5), [0, 1, 0, 1, 0]);
    assert_eq!(ring.failure(), Some(NO_SPACE));
    let open = [open(&ring), open(&ring)];
    assert!(ring.open_segment(SegmentKind::Calls, 1, 0).is_none(), "nothing is sealed");
    assert!(ring.open_permanent(SegmentKind::Stacks).is_none());
    open.into_iter().for_each(|open| seal(&ring, open, 1));
    assert!(ring.open_permanent(SegmentKind::Stacks).is_some());
}

#[test]
fn the_end_of_the_mapping_is_no_error_of_the_system() {
    let ring = ring(2, 1000);
    assert_eq!(segments(&ring, 20, 3), [0, 1, 0]);
    assert_eq!((ring.failure(), ring.used()), (Some(0), 2));
}

#[test]
fn a_remainder_goes_to_the_next_new_thread_unless_it_is_nearly_full() {
    let ring = ring(9, 1000);
    let leave = |taken| ring.pass_on(OpenSegment { taken, ..open(&ring) });
    leave(4);
    leave(5); // 15 slots are left: too few
    let taken = |thread| ring.first_segment(thread).map(|open| (open.segment, open.taken));
    assert_eq!(taken(3), Some((0, 4)));
    assert_eq!(taken(4), Some((2, 0)));
}

/// Segments of names that can be had.
fn names(ring: &Ring<Heap>) -> usize {
    std::iter::from_fn(|| ring.open_permanent(SegmentKind::Names)).count()
}

#[test]
fn names_take_no_segments_that_the_ring_needs() {
    assert_eq!(names(&ring(400, 0)), 100, "a quarter of the mapping");
    // 3,600 events need 180 of the segments; 50 % of the others may go to names.
    let small = ring(200, 3600);
    assert_eq!(names(&small), 10);
    assert_eq!(segments(&small, 20, 185).into_iter().max(), Some(190), "the ring needs no segment twice");
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes; the other ones go the same ways")]
fn in_a_file_that_cannot_grow_names_get_a_quarter_of_what_there_is() {
    for (available, share) in [(3, 1), (4, 2), (40, 10), (80, 20)] {
        let ring =
            Ring::new(Heap::new(1000, SLOTS).with_available(available), Clock::Monotonic, 100_000, Anchor::default());
        segments(&ring, 20, 1000);
        assert_eq!(names(&ring), share, "{available} segments are available");
        assert!(ring.open_permanent(SegmentKind::Stacks).is_some(), "stacks are of living threads");
        assert!(ring.open_segment(SegmentKind::Calls, 1, 0).is_some());
    }
}

/// Serial of the label's thread, 0 if the slot is free.
fn serial(label: *const viztracer_format::labels::Label) -> u64 {
    // SAFETY: a slot of the ring's memory, which outlives every test's use of it.
    unsafe { &*label }.head.load(Ordering::Relaxed) >> 32
}

/// A label that is in the file, and its slot.
fn label(ring: &Ring<Heap>, serial: u32) -> (Handle, *const viztracer_format::labels::Label) {
    let label = ring.label(LabelKind::Thread, serial, 0);
    let slot: *const _ = match &label {
        Handle::Mapped(slot) => *slot,
        Handle::Private(_) => panic!("no segment for a label"),
    };
    (label, slot)
}

fn forgotten(ring: &Ring<Heap>) -> [u64; 4] {
    let status = ring.memory().status();
    let words = [&status.forgotten_threads, &status.forgotten_events, &status.lost, &status.forgotten_tasks];
    words.map(|word| word.load(Ordering::Relaxed))
}

#[test]
fn a_label_is_free_when_the_segment_is_recycled_in_which_its_thread_ended() {
    let ring = ring(9, 20);
    let (ended, slot) = label(&ring, 7);
    ended.events.store(30, Ordering::Relaxed);
    ended.lose(2, ring.memory().status());
    let mut open = open(&ring); // segment 1: labels are in 0
    open.ended.push(ended);
    ring.pass_on(OpenSegment { taken: 4, ..open });
    let remainder = ring.first_segment(8).unwrap();
    seal(&ring, remainder, 20);
    assert_eq!(segments(&ring, 20, 1), [2]);
    assert_eq!((serial(slot), forgotten(&ring)), (7, [0; 4]));
    assert_eq!(segments(&ring, 20, 1), [1]);
    assert_eq!((serial(slot), forgotten(&ring)), (0, [1, 30, 2, 0]));
    assert_eq!(label(&ring, 9).1, slot, "it is used again");
}

#[test]
fn a_label_ends_with_a_segment_that_is_sealed_already_or_at_once() {
    let ring = ring(9, 20);
    let (first, second, third) = (label(&ring, 1), label(&ring, 2), label(&ring, 3));
    let open = open(&ring);
    let number = ring.seal(OpenSegment { taken: 20, ..open });
    ring.end_label(first.0, Some(number));
    ring.end_label(second.0, None);
    assert_eq!([first.1, second.1].map(serial), [1, 0]);
    segments(&ring, 20, 2);
    assert_eq!(serial(first.1), 0);
    ring.end_label(third.0, Some(number));
    assert_eq!(serial(third.1), 0, "that segment is recycled");
    let task = ring.label(LabelKind::Task, 1, 0);
    ring.end_label(task, None);
    assert_eq!(forgotten(&ring), [0, 0, 0, 1], "threads without events leave nothing to be missed");
}

#[test]
fn a_thread_without_a_slot_for_a_label_is_counted_all_the_same() {
    let ring = Ring::new(Heap::new(9, SLOTS).with_available(3), Clock::Monotonic, 1000, Anchor::default());
    segments(&ring, 20, 4);
    let labels: Vec<Handle> = (1..=4).map(|serial| ring.label(LabelKind::Thread, serial, 0)).collect();
    assert_eq!(labels.iter().filter(|label| matches!(label, Handle::Mapped(_))).count(), 2);
    for label in labels {
        label.events.store(5, Ordering::Relaxed);
        label.lose(1, ring.memory().status());
        ring.end_label(label, None);
    }
    assert_eq!(forgotten(&ring), [4, 20, 4, 0]);
    let again = |serial| matches!(ring.label(LabelKind::Thread, serial, 0), Handle::Mapped(_));
    assert!(again(5) && again(6) && !again(7), "slots in the file are used again, others are not kept");
}
