//! The table as a JSON document for programs. merge/README.md says what its keys mean; they never change.

use crate::report::functions::{FunctionRow, InternedFunction, InternedFunctions, Rows, Table};
use crate::report::summary::FileSummary;
use crate::report::write::functions::FunctionTotals;
use crate::text::json;
use clap::ValueEnum;
use serde_json::{Value, json};

/// Makes the document.
pub fn of(rows: Rows, totals: &FunctionTotals<'_>) -> String {
    let (summary, interned) = (totals.summary, totals.interned);
    let sum = |number: fn(&FileSummary) -> u64| summary.files.iter().map(number).fold(0, u64::saturating_add);
    let processes = totals.processes.iter().map(|process| {
        let mut value = json!({ "pid": process.pid, "process": process.name });
        json::extend(&mut value, table(&process.table, interned));
        value
    });
    let members = json!({
        "sort": rows.sort.to_possible_value().map(|value| value.get_name().to_owned()),
        "busy": rows.is_busy,
        "all": table(totals.all, interned),
        "processes": processes.collect::<Vec<_>>(),
        "more_processes": totals.more_processes,
        "unfinished": sum(|file| file.sum(|thread| thread.unfinished)),
        "overwritten": summary.overwritten(),
        "lost": sum(|file| file.lost()),
        "left_out": summary.left_out(),
        "bad": summary.bad.iter().map(|bad| bad.path.to_string_lossy()).collect::<Vec<_>>(),
    });
    json::document("top/1", members)
}

fn table(table: &Table, interned: &InternedFunctions) -> Value {
    json!({
        "functions": table.functions,
        "calls": table.calls,
        "self_ns": table.own,
        "left_out_waiting_ns": table.left_out,
        "overwritten_ns": table.overwritten,
        "is_least": table.is_least,
        "top": table.rows.iter().map(|each| row(each, interned)).collect::<Vec<_>>(),
    })
}

fn row(row: &FunctionRow, interned: &InternedFunctions) -> Value {
    let mut value = json::function(interned.get(row.function).map(InternedFunction::function));
    json::extend(
        &mut value,
        json!({
            "calls": row.calls,
            "total_ns": row.total,
            "self_ns": row.own,
            "waiting_ns": row.waiting,
            "mean_ns": row.mean,
            "p50_ns": row.p50,
            "p99_ns": row.p99,
            "min_ns": row.min,
            "max_ns": row.max,
            "unfinished": row.unfinished,
            "raised": row.raised,
            "is_elided": row.is_elided,
            "elides_c_calls": row.elides_c_calls,
            "calls_about": row.about.map(|about| about.calls),
            "calls_error": row.about.map(|about| about.error),
        }),
    );
    value
}
