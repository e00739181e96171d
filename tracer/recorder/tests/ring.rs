//! Who gets which segment: a sealed one comes back when `entries` newer events exist, and not before.

#![cfg(not(loom))]

mod support;

use support::heap::{Heap, NO_ROOM};
use viztracer_format::clock::Anchor;
use viztracer_format::segment::SegmentKind;
use viztracer_recorder::clock::Clock;
use viztracer_recorder::ring::{Place, Ring};

const SLOTS: usize = 20;

fn ring(segments: usize, entries: u64) -> Ring<Heap> {
    Ring::new(Heap::new(segments, SLOTS), Clock::Monotonic, entries, Anchor::default())
}

fn place(ring: &Ring<Heap>) -> Place {
    ring.place(SegmentKind::Calls, 1, 0).expect("there is room")
}

fn seal(ring: &Ring<Heap>, place: Place, events: usize) {
    ring.seal(place.segment, events, place.opened_after);
}

/// One thread fills segments with so many events each: the numbers of the segments it gets.
fn segments(ring: &Ring<Heap>, events: usize, turns: usize) -> Vec<u32> {
    let turn = |_| {
        let place = place(ring);
        let segment = place.segment;
        seal(ring, place, events);
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
    let slow = place(&ring);
    let fast = place(&ring);
    seal(&ring, fast, 20);
    seal(&ring, slow, 20); // opened before `fast` was sealed: its events may be older
    assert_eq!(segments(&ring, 20, 1), [2]);
    assert_eq!(segments(&ring, 20, 1), [1]); // now there are 20 newer ones
}

#[test]
fn a_follower_of_a_recycled_segment_is_not_counted_for_the_next_one() {
    let ring = ring(9, 20);
    let first = place(&ring);
    seal(&ring, first, 20);
    let slow = place(&ring); // follows only the first
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
fn without_room_the_oldest_sealed_segment_is_recycled_early() {
    let ring = Ring::new(Heap::new(9, SLOTS).with_room(2), Clock::Monotonic, 1000, Anchor::default());
    assert_eq!(segments(&ring, 20, 5), [0, 1, 0, 1, 0]);
    assert_eq!(ring.failure(), Some(NO_ROOM));
    let open = [place(&ring), place(&ring)];
    assert!(ring.place(SegmentKind::Calls, 1, 0).is_none(), "nothing is sealed");
    assert!(ring.permanent(SegmentKind::Names).is_none());
    open.into_iter().for_each(|place| seal(&ring, place, 1));
    assert!(ring.permanent(SegmentKind::Names).is_some());
}

#[test]
fn the_end_of_the_mapping_is_no_error_of_the_system() {
    let ring = ring(2, 1000);
    assert_eq!(segments(&ring, 20, 3), [0, 1, 0]);
    assert_eq!((ring.failure(), ring.used()), (Some(0), 2));
}

#[test]
fn a_half_goes_to_the_next_new_thread_unless_it_is_nearly_full() {
    let ring = ring(9, 1000);
    let leave = |taken| ring.leave(Place { taken, ..place(&ring) });
    leave(4);
    leave(5); // 15 slots are left: too few
    let taken = |thread| ring.first_place(thread).map(|place| (place.segment, place.taken));
    assert_eq!(taken(3), Some((0, 4)));
    assert_eq!(taken(4), Some((2, 0)));
}
