//! Which events are in the report, and which count as overwritten.

use super::{Case, events, small};
use crate::sample::{Ring, call, record};
use proptest::prelude::*;
use serde_json::Value;
use viztracer_format::header::Forgotten;
use viztracer_format::labels::LabelKind;
use viztracer_format::record::{Kind, Record};

#[test]
fn short_calls_are_left_out_exactly() {
    let mut ring = small(1);
    ring.identity.min_duration = 100;
    let records = [call(1, 5_000_000, 99), call(1, 5_000_200, 100), record(Kind::Instant, 2, 5_000_400, 0)];
    ring.calls(1, 0, &records, true);
    let (summary, report) = Case::of(ring, true).json();
    assert_eq!(events(&report).len(), 2);
    assert_eq!((summary.events(), summary.overwritten()), (2, 0));
}

#[test]
fn a_segment_that_changed_hands_and_events_long_gone() {
    let mut ring = small(1);
    ring.thread(2, 12, "", 1, 0);
    ring.thread(3, 13, "", 500, 4);
    ring.calls(1, 40, &[call(1, 5_000_000, 1), Record::thread(2), call(1, 5_000_010, 1)], true);
    let (summary, _) = Case::of(ring, true).json();
    let shown: Vec<_> = summary.files[0].threads.iter().map(|t| (t.tid, t.events, t.overwritten, t.lost)).collect();
    assert_eq!(shown, [(11, 1, 40, 0), (12, 1, 0, 0), (13, 0, 500, 4)]);
}

/// Threads whose slots were used again are no more among the threads, but their events still count.
#[test]
fn threads_that_were_forgotten() {
    let mut ring = Ring::new(1, 5_000_000);
    ring.function(1, "f", "/x/ev.py", 7);
    ring.labels(&[
        (LabelKind::Thread, 1_000_001, 77, 3, "Thread-1000001 (f)"),
        (LabelKind::Task, 9, 0, 0, "Task-9"),
        (LabelKind::Thread, 1, 70, 0, "MainThread"),
    ]);
    ring.forgotten = Forgotten { threads: 999_999, events: 2_999_997, tasks: 8 };
    ring.calls(1_000_001, 1, &[call(1, 5_000_000, 1), call(1, 5_000_010, 1)], true);
    let case = Case::of(ring, true);
    let (summary, report) = case.json();
    let shown: Vec<_> = summary.files[0].threads.iter().map(|t| (t.tid, &*t.name, t.events, t.overwritten)).collect();
    assert_eq!(shown, [(70, "MainThread", 0, 0), (77, "Thread-1000001 (f)", 2, 1)]);
    assert_eq!((summary.overwritten(), summary.files[0].overwritten()), (2_999_998, 2_999_998));
    let metadata = &report["viztracer_metadata"];
    assert_eq!(metadata["overflow"], true);
    let process = &metadata["processes"][0];
    assert_eq!((&process["forgotten_threads"], &process["forgotten_events"]), (&999_999.into(), &2_999_997.into()));
    let line = summary.last_line();
    assert!(
        line.ends_with(": 2 events of 1 file; 2,999,998 are overwritten; 999,999 threads have only overwritten events"),
        "{line}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_n_events_are_those_of_an_oracle(
        gaps in prop::collection::vec((0usize..4, 0u64..5, 0u64..20), 1..400),
        entries in 1u64..200,
        per_segment in 1usize..30,
        sealed in any::<bool>(),
    ) {
        let mut ring = Ring::new(1, 1000);
        ring.identity.entries = entries;
        let mut threads: [Vec<(u64, u64)>; 4] = Default::default();
        let mut now = 2000;
        for (thread, gap, duration) in gaps {
            now += gap;
            threads[thread].push((now, duration));
        }
        for (thread, calls) in threads.iter().enumerate() {
            let serial = thread as u32 + 1;
            ring.thread(serial, 100 + thread as u64, "", 0, 0);
            for (index, part) in calls.chunks(per_segment).enumerate() {
                let records: Vec<_> = part.iter().map(|(end, d)| call(1, end - d, *d)).collect();
                ring.calls(serial, (index * per_segment) as u64, &records, sealed);
            }
        }
        let mut oracle: Vec<(u64, u32, usize)> = Vec::new();
        for (thread, calls) in threads.iter().enumerate() {
            oracle.extend(calls.iter().enumerate().map(|(i, (end, _))| (*end, thread as u32, i)));
        }
        oracle.sort_unstable();
        let dropped = oracle.len().saturating_sub(entries as usize);
        let mut expected: Vec<_> = oracle[dropped..].to_vec();
        expected.sort_unstable_by_key(|(_, thread, i)| (*thread, *i));
        let (summary, report) = Case::of(ring, true).json();
        let mut shown: Vec<(u64, u64)> = events(&report)
            .iter()
            .map(|e| {
                let ns = |v: &Value| (v.as_f64().unwrap() * 1000.0).round() as u64;
                (e["tid"].as_u64().unwrap() - 100, 1000 + ns(&e["ts"]) + ns(&e["dur"]))
            })
            .collect();
        shown.sort_by_key(|(thread, _)| *thread);
        let expected: Vec<_> = expected.iter().map(|(end, t, _)| (u64::from(*t), *end)).collect();
        prop_assert_eq!(shown, expected);
        prop_assert_eq!(summary.overwritten(), dropped as u64);
        prop_assert_eq!(report["viztracer_metadata"]["overflow"].as_bool(), Some(dropped > 0));
    }
}
