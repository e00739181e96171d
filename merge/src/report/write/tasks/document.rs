//! The coroutines as a JSON document for programs. merge/README.md says what its keys mean.

use super::table::{Row, Rows};
use crate::report::functions::InternedFunction;
use crate::report::summary::FileSummary;
use crate::text::json;
use clap::ValueEnum;
use serde_json::{Value, json};

/// Makes the document.
pub fn of(rows: &Rows<'_>) -> String {
    let summary = rows.summary;
    json::document(
        "tasks/1",
        json!({
            "sort": rows.sort.to_possible_value().map(|value| value.get_name().to_owned()),
            "tasks": rows.counts.tasks,
            "unfinished_tasks": rows.counts.unfinished_tasks,
            "functions": rows.functions,
            "calls": rows.calls,
            "awaiting_ns": rows.counts.awaiting,
            "running_ns": rows.counts.running,
            "top": rows.rows.iter().map(row).collect::<Vec<_>>(),
            "more_functions": rows.more(),
            "processes_without_awaits": rows.counts.without_awaits,
            "processes_without_short_calls": rows.counts.without_short_calls,
            "overwritten": summary.overwritten(),
            "lost": summary.files.iter().map(FileSummary::lost).fold(0, u64::saturating_add),
            "left_out": summary.left_out(),
            "bad": summary.bad.iter().map(|bad| bad.path.to_string_lossy()).collect::<Vec<_>>(),
        }),
    )
}

fn row(row: &Row<'_>) -> Value {
    let mut value = json::function(row.function.map(InternedFunction::function));
    let latency = |time: u64| (row.whole > 0).then_some(time);
    json::extend(
        &mut value,
        json!({
            "calls": row.calls,
            "resumes": row.resumes,
            "mean_ns": latency(row.mean),
            "p50_ns": latency(row.p50),
            "p99_ns": latency(row.p99),
            "min_ns": latency(row.min),
            "max_ns": latency(row.max),
            "awaiting_ns": row.awaiting,
            "running_ns": row.running,
            "raised": row.raised,
            "unfinished": row.unfinished,
            "unknown": row.unknown,
        }),
    );
    value
}
