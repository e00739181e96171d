//! A file is merged again and again while its process writes it: no report has a gap.

use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::{LoggedEvent, Recorder};
use viztracer_tests::options;
use viztracer_tests::report::Report;

const THREADS: usize = 3;
const REPORTS: usize = 12;

/// Numbers its events in their payloads, from 0 on.
fn count(recorder: &Recorder, is_over: &AtomicBool) {
    let own = recorder.attach().as_ptr();
    let function = recorder.function(&Function::default());
    // SAFETY: attached, and this thread is the only user.
    let own = unsafe { &mut *own };
    for number in 0u64.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let event = LoggedEvent { kind: Kind::Instant, function, start: own.ticks(), duration: 0 };
        own.log(event, format!(r#"{{"number":{number}}}"#).as_bytes());
    }
}

/// The numbers of each thread; `None` where the payload is overwritten.
fn numbers(file: &Path, directory: &Path) -> BTreeMap<u64, Vec<Option<u64>>> {
    let report = Report::of(&[file.to_owned()], directory);
    assert_eq!(report.summary.bad.len(), 0, "{:?}", report.summary.bad);
    let mut found = BTreeMap::<u64, Vec<_>>::new();
    let events = report.json["traceEvents"].as_array().expect("a list of events");
    for event in events.iter().filter(|event| event["ph"] == "i") {
        let tid = event["tid"].as_u64().expect("a thread's id");
        found.entry(tid).or_default().push(event["args"].get("number").and_then(Value::as_u64));
    }
    found
}

/// Merges the file of threads that count.
fn reports(entries: u64) -> Vec<BTreeMap<u64, Vec<Option<u64>>>> {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), entries)).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| count(&recorder, &is_over));
        }
        let merge = || (0..REPORTS).map(|_| numbers(recorder.path(), directory.path())).collect();
        let reports = catch_unwind(AssertUnwindSafe(merge));
        is_over.store(true, Ordering::Relaxed);
        reports.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The ring goes around while it is copied, so the oldest events, or their payloads alone, may be overwritten.
fn check(entries: u64) {
    let mut newest = BTreeMap::new();
    for (tid, of_thread) in reports(entries).into_iter().flatten() {
        let Some(&last) = of_thread.iter().flatten().last() else { continue };
        let gap = of_thread.windows(2).position(|two| match *two {
            [Some(number), next] => next != Some(number + 1),
            _ => false,
        });
        let around = gap.map(|at| &of_thread[at.saturating_sub(3)..(at + 5).min(of_thread.len())]);
        assert_eq!(gap, None, "of {}: {around:?}", of_thread.len());
        let former = newest.insert(tid, last);
        assert!(former.is_none_or(|former| former <= last), "{tid}: {former:?}, then {last}");
    }
    assert!(!newest.is_empty());
}

#[test]
fn a_small_ring() {
    check(8_000);
}

#[test]
fn a_large_ring() {
    check(30_000);
}
