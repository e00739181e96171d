//! Files with clocks of their own, on one time line.

use super::page::{header, page};
use super::{Case, events, small};
use crate::align::Align;
use crate::sample::{Ring, call};
use crate::{MergeError, Request, Summary, merge};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_COUNTER, ENDING_EXIT};
use viztracer_format::record::Record;

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
    let starts = header(&page(&case))["starts"].take();
    // Both are of one run, whose processes stay where the clocks place them.
    assert_eq!(starts, json!({ "shifts": [0, 0], "baseRealtime": "1005000000", "boots": 2, "uncertainty": 1000 }));
}

#[test]
fn the_page_knows_how_runs_would_begin_together() {
    let mut case = Case::new();
    // The first file is of the machine that began later.
    for (pid, boot, realtime) in [(1, 3, 1_009_000_000), (2, 7, 1_005_000_000)] {
        let mut ring = Ring::new(pid, 5_000_000);
        (ring.identity.boot_id, ring.identity.session_id) = ([boot; 16], [boot; 16]);
        ring.identity.opened.realtime = realtime;
        ring.thread(1, u64::from(pid) * 11, "", 0, 0);
        ring.calls(1, 0, &[call(1, 5_000_700, 10)], true);
        case.add(&format!("{pid}.bin"), ring.bytes(true));
    }
    let starts = header(&page(&case))["starts"].take();
    assert_eq!((&starts["shifts"], &starts["baseRealtime"]), (&json!([-4_000_000, 0]), &json!("1009000000")));
    let apart = case.json().1;
    let output = case.directory.path().join("together.json");
    merge(&Request { align: Align::Start, ..Request::new(case.inputs.clone(), output.clone()) }, &()).unwrap();
    let together: Value = serde_json::from_slice(&fs::read(output).unwrap()).unwrap();
    for (event, moved) in events(&apart).into_iter().zip(events(&together)) {
        let shift = starts["shifts"][event["pid"].as_u64().unwrap() as usize - 1].as_f64().unwrap() / 1000.0;
        assert!((event["ts"].as_f64().unwrap() + shift - moved["ts"].as_f64().unwrap()).abs() < 1e-6);
    }
    assert_eq!(together["viztracer_metadata"]["baseTimeNanoseconds"].to_string(), "1009000000");
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
        ring.identity.clock = CLOCK_COUNTER;
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

/// Two processes on each of three machines, whose clocks are set and drift as they like, meet at a barrier. `change`
/// changes the calls of a process, and says how many of them were overwritten.
fn machines(mut change: impl FnMut(u32, &mut Vec<Record>) -> u64) -> Case {
    let mut case = Case::new();
    let clocks = [(0i64, 0.0), (700_000_000_000, 40e-6), (-3_000_000_000, -90e-6)];
    for (machine, (offset, drift)) in (0u8..).zip(clocks) {
        for process in 0..2 {
            let pid = 10 * (u32::from(machine) + 1) + process;
            let shown = |time: u64| (time as f64 * (1.0 + drift)).round() as u64 + (10_000_000_000 + offset) as u64;
            let mut calls = Vec::new();
            for round in 1..=50u64 {
                // The process that comes last enters 20 us before the first one leaves.
                let (met, late) = (round * round * 1_000_000, u64::from((round as u32 + pid) % 6));
                let mut add = |function, from, to| calls.push(call(function, shown(from), shown(to) - shown(from)));
                add(2, met - 500_000, met - 400_000);
                add(1, met - 20_000 - late * 30_000, met + late * 10_000);
            }
            let overwritten = change(pid, &mut calls);
            let mut ring = Ring::new(pid, shown(0));
            (ring.identity.boot_id, ring.ending) = ([machine + 1; 16], ENDING_EXIT);
            ring.thread(1, 11, "", overwritten, 0);
            ring.function(1, "barrier", "/x/b.py", 3);
            ring.function(2, "step", "/x/b.py", 9);
            ring.calls(1, overwritten, &calls, true);
            case.add(&format!("{pid}.bin"), ring.bytes(true));
        }
    }
    case
}

/// Merges by the barrier; checks that each step is where it was, within the error that is said.
fn placed_by_barrier(case: &Case) -> Result<(Summary, Value), MergeError> {
    let output = case.directory.path().join("out.json");
    let barrier = Some(Regex::new("^barrier").unwrap());
    let summary = merge(&Request { barrier, ..Request::new(case.inputs.clone(), output.clone()) }, &())?;
    let report: Value = serde_json::from_slice(&fs::read(output).unwrap()).unwrap();
    let error = summary.hosts.iter().map(|host| host.fit.uncertainty).max().unwrap();
    assert!(error < 60_000, "{error}");
    let mut left: HashMap<u64, u64> = HashMap::new();
    for step in events(&report).into_iter().rev().filter(|event| event["name"] == "step (/x/b.py:9)") {
        let round = left.entry(step["pid"].as_u64().unwrap()).or_insert(51);
        *round -= 1;
        let truth = (*round * *round) as f64 * 1000.0 - 500.0;
        let difference = (step["ts"].as_f64().unwrap() - truth).abs() * 1000.0;
        assert!(difference <= error as f64 + 2.0, "{step} {truth} {error}");
    }
    Ok((summary, report))
}

#[test]
fn a_barrier_places_machines_within_the_error_that_is_said() {
    let (summary, report) = placed_by_barrier(&machines(|_, _| 0)).unwrap();
    let alignment = &report["viztracer_metadata"]["alignment"];
    assert_eq!((&alignment["method"], summary.hosts.len()), (&"barrier".into(), 2));
    for (host, drift) in summary.hosts.iter().zip([-40e-6, 90e-6]) {
        assert!((host.fit.drift - drift).abs() < 10e-6, "{host:?}");
    }
    let text = summary.to_string();
    assert!(text.contains("20.bin and 1 more of its machine: placed by 50 calls of the barrier, within "), "{text}");
    assert!(summary.warnings.is_empty());
}

#[test]
fn calls_of_a_barrier_are_counted_from_the_end_where_the_first_ones_are_overwritten() {
    let overwrite = |pid: u32, calls: &mut Vec<Record>| calls.drain(..2 * (pid as usize % 7)).count() as u64;
    let (summary, _) = placed_by_barrier(&machines(overwrite)).unwrap();
    assert_eq!(summary.hosts.iter().map(|host| host.calls).collect::<Vec<_>>(), [47, 47]);
    // Without a word about what was overwritten, it is not known which calls belong together.
    let unsaid = machines(|pid, calls| {
        overwrite(pid, calls);
        0
    });
    let error = placed_by_barrier(&unsaid).unwrap_err().to_string();
    assert!(error.contains("it is no barrier of all of them"), "{error}");
}

#[test]
fn a_barrier_that_cannot_place_machines_is_refused() {
    let refused = |expected: &str, change: fn(u32, &mut Vec<Record>)| {
        let case = machines(|pid, calls| {
            change(pid, calls);
            0
        });
        let error = placed_by_barrier(&case).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("30.bin has 49 calls of it, another process 50", |pid, calls| {
        if pid == 30 {
            calls.remove(21);
        }
    });
    refused("contradict each other", |pid, calls| {
        calls.remove(if pid / 10 == 3 { 21 } else { 43 });
    });
    refused("no process on the machine of", |pid, calls| {
        if pid / 10 == 2 {
            calls.clear()
        }
    });
    refused("not in it at the same time", |pid, calls| {
        if pid == 31 {
            calls[1] = call(1, calls[1].start() + 600_000, 1);
        }
    });
    refused("no process has called it", |_, calls| calls.clear());
}
