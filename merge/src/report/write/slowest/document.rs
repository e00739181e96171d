//! The slowest calls as a JSON document for programs. merge/README.md says what its keys mean.

use super::rows::{Row, Rows};
use crate::report::functions::InternedFunction;
use crate::report::summary::FileSummary;
use crate::text::{json, when};
use clap::ValueEnum;
use serde_json::{Value, json};

/// Makes the document.
pub fn of(rows: &Rows<'_>) -> String {
    let summary = rows.summary;
    let zero = Some(summary.base_realtime).filter(|realtime| *realtime != 0);
    json::document(
        "calls/1",
        json!({
            "by": rows.by.to_possible_value().map(|value| value.get_name().to_owned()),
            "zero_ns": zero,
            "zero": zero.map(when::utc),
            "matching": rows.calls,
            "functions": rows.functions,
            "unfinished": rows.unfinished,
            "calls": rows.rows.iter().map(call).collect::<Vec<_>>(),
            "more_calls": rows.more(),
            "overwritten": summary.overwritten(),
            "lost": summary.files.iter().map(FileSummary::lost).fold(0, u64::saturating_add),
            "is_least": !rows.elided.is_empty(),
            "bad": summary.bad.iter().map(|bad| bad.path.to_string_lossy()).collect::<Vec<_>>(),
        }),
    )
}

fn call(row: &Row<'_>) -> Value {
    let mut value = json::function(row.function.map(InternedFunction::function));
    json::extend(
        &mut value,
        json!({
            "start_ns": row.start,
            "duration_ns": row.duration,
            "self_ns": row.own,
            "pid": row.pid,
            "process": row.process,
            "tid": row.tid,
            "thread": row.thread,
            "task": row.task,
            "how": row.how,
            "clipped": row.is_clipped,
            "inherited": row.is_inherited,
            "arguments": (!row.arguments.is_empty()).then_some(&row.arguments),
        }),
    );
    value
}
