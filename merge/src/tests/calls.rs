//! Calls as data: whatever calls there are, and however they fall into parts, the rows are a forest, and their sums are
//! those of the table of functions.

use super::Case;
use crate::sample::{Ring, call, record, small};
use crate::trace::Trace;
use crate::trace::calls::Calls;
use crate::{Bound, Request, Selection};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use proptest::prelude::*;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use viztracer_format::record::{Kind, Record};

/// A row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    boot: Option<String>,
    pid: u32,
    process: Option<String>,
    tid: u64,
    thread: Option<String>,
    task: Option<String>,
    function: Option<String>,
    module: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    start: i64,
    duration: i64,
    own: i64,
    depth: u32,
    id: i64,
    parent: Option<i64>,
    raised: bool,
    unfinished: bool,
    clipped: bool,
    args: Option<String>,
}

fn of_batch(batch: &RecordBatch) -> Vec<Row> {
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let word = |name: &str, row: usize| {
        let words = column(name).as_dictionary::<Int32Type>();
        let distinct: Vec<_> = words.values().as_string::<i32>().iter().collect();
        let mut sorted = distinct.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), distinct.len(), "pandas takes each word once");
        words.key(row).map(|key| distinct[key].unwrap().to_owned())
    };
    let long = |name: &str, row: usize| column(name).as_primitive::<Int64Type>().value(row);
    let short = |name: &str, row: usize| column(name).as_primitive::<UInt32Type>().value(row);
    let flag = |name: &str, row: usize| column(name).as_boolean().value(row);
    let row = |row: usize| Row {
        boot: word("boot", row),
        pid: short("pid", row),
        process: word("process", row),
        tid: column("tid").as_primitive::<UInt64Type>().value(row),
        thread: word("thread", row),
        task: word("task", row),
        function: word("function", row),
        module: word("module", row),
        file: word("file", row),
        line: column("line").is_valid(row).then(|| short("line", row)),
        start: long("start_ns", row),
        duration: long("duration_ns", row),
        own: long("self_ns", row),
        depth: short("depth", row),
        id: long("id", row),
        parent: column("parent").is_valid(row).then(|| long("parent", row)),
        raised: flag("raised", row),
        unfinished: flag("unfinished", row),
        clipped: flag("clipped", row),
        args: column("args").is_valid(row).then(|| column("args").as_string::<i32>().value(row).to_owned()),
    };
    (0..batch.num_rows()).map(row).collect()
}

fn opened(request: Request) -> Arc<Calls> {
    Arc::new(Calls::open(request, &()).unwrap())
}

fn batches(calls: &Arc<Calls>) -> Vec<RecordBatch> {
    let mut stream = calls.stream().unwrap();
    std::iter::from_fn(|| stream.next(&()).unwrap()).collect()
}

fn rows(request: Request) -> Vec<Row> {
    batches(&opened(request)).iter().flat_map(of_batch).collect()
}

/// What is known of a function: its name, file, line.
type Key = (Option<String>, Option<String>, Option<u32>);

/// Calls of each function, the time in it, how many never ended, and how many an exception ended.
fn sums(rows: &[Row]) -> BTreeMap<Key, [i64; 4]> {
    let mut sums = BTreeMap::<Key, [i64; 4]>::new();
    for row in rows {
        let sum = sums.entry((row.function.clone(), row.file.clone(), row.line)).or_default();
        for (sum, value) in sum.iter_mut().zip([1, row.own, row.unfinished.into(), row.raised.into()]) {
            *sum += value;
        }
    }
    sums
}

fn sums_of_functions(request: &Request) -> BTreeMap<Key, [i64; 4]> {
    let (functions, _) = Trace::read(request, &()).unwrap().functions(&()).unwrap();
    let called = functions.rows.iter().filter(|(_, row)| row.calls > 0);
    let sum = called.map(|(function, row)| {
        let key = function.as_ref().filter(|function| &*function.name != "unknown function").map(|function| {
            let source = (!function.file.is_empty()).then(|| (function.file.to_string(), function.line));
            (Some(function.name.to_string()), source)
        });
        let (name, source) = key.unwrap_or_default();
        let (file, line) = source.unzip();
        ((name, file, line), [row.calls, row.own, row.unfinished, row.raised].map(|number| number as i64))
    });
    sum.collect()
}

fn assert_is_forest(rows: &[Row]) {
    let by_id: HashMap<i64, &Row> = rows.iter().map(|row| (row.id, row)).collect();
    assert_eq!(by_id.len(), rows.len(), "each call has an id of its own");
    let mut own: HashMap<i64, i64> = rows.iter().map(|row| (row.id, row.duration)).collect();
    for row in rows {
        assert_eq!(row.parent.is_none(), row.depth == 0, "{row:?}");
        let Some(parent) = row.parent else { continue };
        let around = by_id[&parent];
        assert_eq!((around.pid, around.tid, around.depth + 1), (row.pid, row.tid, row.depth));
        assert!(around.start <= row.start && row.start + row.duration <= around.start + around.duration);
        assert!(around.id < row.id);
        *own.get_mut(&parent).unwrap() -= row.duration;
    }
    assert!(rows.iter().all(|row| own[&row.id] == row.own));
}

/// A thread's records as they come: steps begin a call of a function, or end one.
fn records(steps: &[(Option<u8>, u64)], repeat: usize) -> Vec<Record> {
    let (mut now, mut open, mut records) = (5_000_000, Vec::new(), Vec::new());
    let end = |open: &mut Vec<(u32, u64)>, now: u64| {
        let kind = if open.len() % 7 == 3 { Kind::Raise } else { Kind::Return };
        open.pop().map(|(function, start)| record(kind, function, start, now - start))
    };
    for (step, (begins, wait)) in steps.iter().cycle().take(steps.len() * repeat).enumerate() {
        now += wait;
        match begins {
            // The outermost calls last over many parts.
            Some(function) if open.len() < 40 => open.push((u32::from(*function), now)),
            _ if open.len() > 3 || step % 1000 == 999 => records.extend(end(&mut open, now)),
            _ => {}
        }
    }
    while let Some(record) = end(&mut open, now + 1) {
        now += 1;
        records.push(record);
    }
    records
}

fn ring(threads: &[Vec<(Option<u8>, u64)>]) -> Ring {
    let mut ring = small(9);
    for (serial, steps) in (1..).zip(threads) {
        ring.thread(serial, u64::from(serial) + 100, &format!("thread {serial}"), 0, 0);
        let repeat = 20_000 / steps.len();
        let mut count = 0;
        for part in records(steps, repeat).chunks(200) {
            ring.calls(serial, count, part, true);
            count += part.len() as u64;
        }
    }
    ring
}

/// Cuts of every kind, on a trace that begins at 5 ms.
fn cuts() -> Vec<Selection> {
    let nothing = Selection::default;
    let micros = Duration::from_micros;
    vec![
        nothing(),
        Selection { max_depth: Some(5), ..nothing() },
        Selection { functions: Some(Regex::new("^f").unwrap()), ..nothing() },
        Selection { drop_c_functions: true, ..nothing() },
        Selection { min_duration: Some(Duration::from_nanos(900)), ..nothing() },
        Selection { since: Some(Bound::After(micros(30))), until: Some(Bound::After(micros(900))), ..nothing() },
        Selection { last: Some(micros(700)), tids: vec![101], ..nothing() },
        Selection { pids: vec![8], ..nothing() },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_a_forest_with_the_sums_of_the_functions(
        threads in prop::collection::vec(prop::collection::vec((prop::option::of(1..4_u8), 0..90_u64), 2..60), 1..3),
    ) {
        let case = Case::of(ring(&threads), true);
        for selection in cuts() {
            let request = Request { selection, ..Request::new(case.inputs.clone(), "-".into()) };
            let rows = rows(request.clone());
            assert_is_forest(&rows);
            prop_assert_eq!(sums(&rows), sums_of_functions(&request));
        }
    }
}

/// A ring of which not all is known: a function without a name, overwritten events, calls that never ended.
fn unknown() -> Ring {
    let mut ring = small(9);
    ring.thread(2, 12, "", 500, 0);
    ring.calls(2, 498, &[call(7, 5_000_100, 10), call(1, 5_000_120, 30)], true);
    ring.stack(2, &[(2, 5_000_000), (1, 5_000_050)]);
    ring
}

#[test]
fn what_is_not_known_is_null_or_marked() {
    let case = Case::of(unknown(), false);
    let request = Request::new(case.inputs.clone(), "-".into());
    let rows = rows(request.clone());
    let named: Vec<_> = rows.iter().map(|row| (row.function.as_deref(), row.line, row.depth, row.unfinished)).collect();
    let expected = [
        (None, None, 2, false),
        (Some("f"), Some(7), 2, false),
        (Some("f"), Some(7), 1, true),
        (Some("builtins.len"), None, 0, true),
    ];
    assert_eq!(named, expected);
    assert!(rows.iter().all(|row| row.thread.is_none() && row.task.is_none() && row.boot.is_none()), "{rows:?}");
    assert_eq!((rows[3].module.as_deref(), rows[3].file.as_deref()), (Some("builtins"), None));
    assert_eq!(rows[0].module, None);
    // The newest overwritten event ended before the first one that is left: its time is that of no call.
    let [inner, outer] = [&rows[2], &rows[3]];
    assert!(inner.own < inner.duration - rows[0].duration - rows[1].duration, "{inner:?}");
    assert_eq!(outer.own + inner.duration, outer.duration - (inner.start - outer.start));
    assert_eq!(sums(&rows), sums_of_functions(&request));
    let calls = opened(request);
    let schema = calls.stream().unwrap().schema();
    let metadata: Value = serde_json::from_str(&schema.metadata()["viztracer.metadata"]).unwrap();
    assert_eq!(metadata["processes"][0]["threads"][1]["overwritten"], 498);
    assert!(metadata["processes"][0]["threads"][1].get("events").is_none(), "they are not counted yet");
    assert_eq!(schema.metadata()["viztracer.begin_ns"], "1005000000");
    assert_eq!(inner.start, 1_005_000_050);
    assert!(calls.summary().missing()[0].contains("498 overwritten"));
}

#[test]
fn the_part_of_a_call_in_the_selected_time() {
    let mut ring = small(9);
    ring.calls(1, 0, &[call(2, 5_000_200, 100), call(1, 5_000_000, 1000)], true);
    let case = Case::of(ring, true);
    let after = |nanoseconds| Some(Bound::After(Duration::from_nanos(nanoseconds)));
    let selection = Selection { since: after(250), until: after(900), ..Selection::default() };
    let rows = rows(Request { selection, ..Request::new(case.inputs.clone(), "-".into()) });
    let parts: Vec<_> =
        rows.iter().map(|row| (row.start - 1_005_000_000, row.duration, row.own, row.clipped)).collect();
    assert_eq!(parts, [(250, 50, 50, true), (250, 650, 600, true)]);
}

#[test]
fn a_selection_of_nothing_has_columns_and_no_batch() {
    let case = Case::of(small(9), true);
    let calls = opened(Request::new(case.inputs.clone(), "-".into()));
    assert!(batches(&calls).is_empty());
    assert_eq!(calls.stream().unwrap().schema().fields().len(), 21);
}
