//! Files with clocks of their own, on one time line.

use super::{Case, events, small};
use crate::sample::{Ring, call};
use viztracer_format::clock::Anchor;
use viztracer_format::header::CLOCK_TSC;

#[test]
fn two_boots_are_placed_by_the_wall_clock() {
    let mut case = Case::new();
    let mut first = small(1);
    first.calls(1, 0, &[call(1, 5_000_000, 10)], true);
    case.add("1.bin", first.bytes(true));
    let mut other = Ring::new(2, 70_000_000);
    other.identity.boot_id = [7; 16];
    // Opened 2 ms after the first one by the wall clock.
    other.identity.opened.realtime = 1_007_000_000;
    other.thread(1, 21, "", 0, 0);
    other.calls(1, 0, &[call(1, 70_000_500, 10)], true);
    case.add("2.bin", other.bytes(true));
    let (summary, report) = case.json();
    let starts: Vec<_> = events(&report).iter().map(|e| e["ts"].as_f64().unwrap()).collect();
    assert_eq!(starts, [0.0, 2000.5]);
    assert_eq!(report["viztracer_metadata"]["baseTimeNanoseconds"], 1_005_000_000u64);
    assert_eq!(summary.warnings.len(), 1);
    let alignment = &report["viztracer_metadata"]["alignment"];
    assert_eq!((&alignment["method"], &alignment["uncertainty_ns"]), (&"wall clock".into(), &1000.into()));
}

#[test]
fn time_namespaces_of_one_boot_are_exact() {
    let mut case = Case::new();
    for (pid, offset) in [(1, 0), (2, 3_000_000_000), (3, -1_000_000)] {
        // A wall clock that nobody can rely on.
        let mut ring = Ring::new(pid, (5_000_000 + offset) as u64);
        ring.identity.opened.realtime = u64::from(pid) * 1_000_000_000_000;
        ring.identity.monotonic_offset = offset;
        ring.thread(1, 11, "", 0, 0);
        ring.calls(1, 0, &[call(1, (5_000_000 + offset) as u64 + u64::from(pid) * 1000, 10)], true);
        case.add(&format!("{pid}.bin"), ring.bytes(true));
    }
    let (summary, report) = case.json();
    let starts: Vec<_> = events(&report).iter().map(|e| e["ts"].as_f64().unwrap()).collect();
    assert_eq!(starts, [1.0, 2.0, 3.0]);
    assert!(summary.warnings.is_empty());
}

#[test]
fn a_clock_read_once_borrows_its_speed_from_a_neighbour() {
    let mut case = Case::new();
    for (pid, closed) in [(1, 0), (2, 30_000_000)] {
        let mut ring = Ring::new(pid, 10_000_000);
        ring.identity.clock = CLOCK_TSC;
        ring.thread(1, 11, "", 0, 0);
        ring.calls(1, 0, &[call(1, 10_000_000, 3000)], true);
        // 3 ticks per nanosecond, told by the second file only.
        ring.identity.imported = if closed == 0 {
            Anchor::default()
        } else {
            Anchor { ticks: 40_000_000, monotonic: 20_000_000, realtime: 1 }
        };
        case.add(&format!("{pid}.bin"), ring.bytes(true));
    }
    let (summary, report) = case.json();
    for event in events(&report) {
        assert!((event["dur"].as_f64().unwrap() - 1.0).abs() < 0.0015, "{event}");
    }
    assert!(summary.warnings.is_empty());
}
