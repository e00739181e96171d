//! A comparison in JSON, for programs. docs/comparing.md says what its keys mean; they never change.

use super::comparison::{Comparison, Presence, Row};
use super::median::Median;
use super::metric::Metric;
use super::samples::Samples;
use super::side::Run;
use super::table::summary;
use super::verdict::Verdict;
use crate::report::summary::FileSummary;
use crate::text::json;
use serde_json::{Value, json};

/// Makes the document, with the first `rows` functions.
pub fn document(comparison: &Comparison, verdicts: &[Verdict<'_>], rows: usize) -> String {
    let checkouts = comparison.checkouts.directories.as_ref();
    let members = json!({
        "base": side(&comparison.runs.base, checkouts.map(|both| &*both.base)),
        "head": side(&comparison.runs.head, checkouts.map(|both| &*both.head)),
        "warnings": comparison.warnings(),
        "program": row(&comparison.program),
        "functions": comparison.rows.iter().take(rows).map(row).collect::<Vec<_>>(),
        "more_functions": comparison.rows.len().saturating_sub(rows),
        "rules": verdicts.iter().map(rule).collect::<Vec<_>>(),
    });
    json::document("compare/1", members)
}

fn side(runs: &[Run], directory: Option<&str>) -> Value {
    json!({ "directory": directory, "runs": runs.iter().map(run).collect::<Vec<_>>() })
}

fn run(run: &Run) -> Value {
    let files = &run.summary.files;
    let session = files.first().map(|file| file.account.session).filter(|session| *session != [0; 16]);
    let sum = |number: fn(&FileSummary) -> u64| files.iter().map(number).fold(0, u64::saturating_add);
    json!({
        "session": session.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        "files": files.iter().map(|file| file.path.to_string_lossy()).collect::<Vec<_>>(),
        "processes": files.len(),
        "calls": run.functions.calls,
        "self_ns": run.functions.own,
        "overwritten": run.summary.overwritten(),
        "lost": sum(FileSummary::lost),
        "complete": run.losses().is_empty(),
        "elided": run.functions.is_least,
        "missing": run.losses(),
    })
}

fn row(row: &Row) -> Value {
    let function = &row.function;
    let presence = match row.presence() {
        Presence::New => "new",
        Presence::Gone => "gone",
        Presence::Both => "both",
    };
    json!({
        "function": function.name,
        "file": function.file,
        "line": function.line,
        "presence": presence,
        "calls": change(row, Metric::Calls),
        "self_ns": change(row, Metric::Own),
        "total_ns": change(row, Metric::Total),
    })
}

fn change(row: &Row, metric: Metric) -> Value {
    let change = row.change(metric);
    let numbers = |median: Median, samples: &Samples| json!({ "median": median.json(), "runs": samples.of(metric), "certain": !samples.is_unsure(metric) });
    let mut value = json!({
        "base": numbers(change.base, &row.samples.base),
        "head": numbers(change.head, &row.samples.head),
        "percent": change.percent(),
    });
    if metric.is_time() {
        value["p"] = change.p.into();
    }
    value
}

fn rule(verdict: &Verdict<'_>) -> Value {
    json!({
        "rule": verdict.rule.text,
        "verdict": verdict.word(),
        "summary": summary(verdict),
        "broken_by": verdict.broken.iter().map(|of| row(of)).collect::<Vec<_>>(),
    })
}
