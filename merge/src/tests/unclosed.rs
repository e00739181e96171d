//! Files that were not closed: of processes that were killed, or that still write.

use super::{Case, events, large, small};
use crate::State;
use crate::sample::call;
use std::fs;
use viztracer_format::record::Record;
use viztracer_format::segment::SegmentKind;
use viztracer_format::stack::{BLOCK_HEADER_SIZE, BLOCK_SIZE, FRAME, TASK_FRAME};

#[test]
fn a_crash_leaves_its_open_frames_and_the_last_call_once() {
    let mut ring = small(1);
    ring.function(3, "g", "/x/ev.py", 9);
    // The innermost frame's record was committed just before the kill.
    ring.calls(1, 0, &[call(2, 5_000_050, 10), call(3, 5_000_300, 100)], false);
    ring.stack(1, &[(1, 5_000_010), (1, 5_000_200), (3, 5_000_300)]);
    let (summary, report) = Case::of(ring, false).json();
    let events = events(&report);
    let shown: Vec<_> = events
        .iter()
        .map(|e| (e["ts"].as_f64().unwrap(), e["dur"].as_f64().unwrap(), e["args"]["unfinished"] == true))
        .collect();
    let expected = [(0.010, 0.391, true), (0.200, 0.201, true), (0.050, 0.010, false), (0.300, 0.100, false)];
    assert_eq!(shown, expected);
    let file = &summary.files[0];
    assert_eq!((file.state, file.threads[0].unfinished), (State::Crashed, 2));
    assert_eq!(report["viztracer_metadata"]["processes"][0]["state"], "crashed");
}

#[test]
fn a_segment_that_was_opened_is_a_sign_of_life() {
    let mut ring = small(1);
    ring.calls(1, 0, &[call(2, 5_000_050, 10)], false);
    ring.stack(1, &[(1, 5_000_010)]);
    let mut bytes = ring.bytes(false);
    bytes[4096 * 2 + 24..][..8].copy_from_slice(&5_000_500u64.to_le_bytes()); // `opened` of the stacks
    let mut case = Case::new();
    case.add("a.bin", bytes);
    assert_eq!(events(&case.json().1)[0]["dur"], 0.491);
}

#[test]
fn a_call_is_there_once_though_the_task_of_its_frame_is_unknown() {
    let mut ring = small(1);
    ring.calls(1, 0, &[Record::task(4), call(1, 5_000_050, 10)], false);
    ring.stack(1, &[(1, 5_000_010), (1, 5_000_050)]);
    let (summary, report) = Case::of(ring, false).json();
    assert_eq!((events(&report).len(), summary.files[0].threads[0].unfinished), (2, 1));
}

#[test]
fn a_block_without_frames_parts_no_stack() {
    let mut ring = small(1);
    let frame = |kind: u8, start| Record::new(kind, start, 0, 1);
    let block = |base: u64, frames: &[Record]| {
        let mut block = vec![0; BLOCK_SIZE];
        block[..8].copy_from_slice(&(1 | base << 32).to_le_bytes());
        block[8..16].copy_from_slice(&(frames.len() as u64).to_le_bytes());
        block[BLOCK_HEADER_SIZE..][..frames.len() * 16].copy_from_slice(bytemuck::cast_slice(frames));
        block
    };
    let mark = Record::new(TASK_FRAME, 7, 0, 0);
    for (base, frames) in [(0, &[mark, frame(FRAME, 5_000_010)][..]), (9, &[]), (2, &[frame(FRAME, 5_000_020)])] {
        ring.segment(SegmentKind::Stacks, 0, 0, 0, &block(base, frames), false);
    }
    ring.segment(SegmentKind::Stacks, 0, 0, 0, &block(1, &[]), false);
    let (_, report) = Case::of(ring, false).json();
    let tracks: Vec<_> = events(&report).iter().map(|event| &event["tid"]).collect();
    assert_eq!(tracks, [16_777_223, 16_777_223]);
}

#[test]
fn a_stack_deeper_than_a_block_goes_on() {
    let mut ring = small(1);
    let frames: Vec<_> = (0..1000).map(|i| (1, 5_000_000 + i)).collect();
    ring.stack(1, &frames);
    let (summary, report) = Case::of(ring, false).json();
    assert_eq!(events(&report).len(), 1000);
    assert_eq!(summary.files[0].threads[0].unfinished, 1000);
}

#[test]
fn a_living_file_is_told_by_its_lock() {
    let case = Case::of(small(1), false);
    let file = fs::File::open(&case.inputs[0]).unwrap();
    assert!(crate::system::lock_exclusive(&file).unwrap());
    assert_eq!(case.json().0.files[0].state, State::Living);
    drop(file);
    assert_eq!(case.json().0.files[0].state, State::Crashed);
}

#[test]
fn a_file_that_is_written_while_it_is_read() {
    let mut case = Case::new();
    let versions = [large(1), {
        let mut ring = small(1);
        for segment in 0..130 {
            ring.calls(1, segment, &[call(1, 5_000_000 + segment, 1)], false);
        }
        ring
    }];
    let versions = versions.map(|ring| ring.bytes(false));
    let path = case.add("a.bin", &versions[0]);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    assert!(crate::system::lock_exclusive(&file).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0.. {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                crate::system::write_all_at(&file, &versions[i % 2][4096..], 4096).unwrap();
            }
        });
        for _ in 0..20 {
            case.json();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
