//! The coroutines as a table.

use super::counts::Counts;
use crate::report::functions::{InternedFunction, InternedFunctions, Sort};
use crate::report::summary::Summary;
use crate::report::write::top::{Style, losses};
use crate::text::columns::aligned;
use crate::text::display::{UNKNOWN_FUNCTION, display_name, grouped, printable};
use crate::text::markdown::{code, escaped, table};
use crate::text::when;
use std::cmp::Reverse;

const NUMBERS: usize = 7;
const HEADINGS: [&str; NUMBERS] = ["calls", "resumes", "p50", "p99", "max", "awaiting", "running"];

const CALLS: [&str; 2] = ["call", "calls"];
const TASKS: [&str; 2] = ["task", "tasks"];
const PROCESSES: [&str; 2] = ["process", "processes"];

/// What is printed.
pub struct Rows<'a> {
    /// The column that rows are sorted by.
    pub sort: Sort,
    pub rows: Vec<Row<'a>>,
    /// How many functions there are, also without a row.
    pub functions: u64,
    /// Sums over all of them.
    pub calls: u64,
    pub unfinished: u64,
    pub unknown: u64,
    pub counts: &'a Counts,
    pub summary: &'a Summary,
}

/// The coroutines of a function. Times are in nanoseconds; quantiles are of the calls whose whole time is known.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// `None`: its name is not known.
    pub function: Option<&'a InternedFunction>,
    pub calls: u64,
    pub resumes: u64,
    /// How many calls `mean` and the like are of.
    pub whole: u64,
    pub mean: u64,
    pub p50: u64,
    pub p99: u64,
    pub min: u64,
    pub max: u64,
    pub awaiting: u64,
    pub running: u64,
    pub raised: u64,
    pub unfinished: u64,
    pub unknown: u64,
}

impl<'a> Rows<'a> {
    /// At most so many rows of what was counted.
    pub fn new(
        (most, sort): (usize, Sort),
        counts: &'a Counts,
        interned: &'a InternedFunctions,
        summary: &'a Summary,
    ) -> Rows<'a> {
        let mut rows: Vec<Row<'a>> = counts
            .coroutines()
            .map(|(number, counts)| Row {
                function: interned.get(number),
                calls: counts.calls,
                resumes: counts.resumes,
                whole: counts.whole.calls,
                mean: counts.whole.mean(),
                p50: counts.whole.percentile(50),
                p99: counts.whole.percentile(99),
                min: if counts.whole.calls > 0 { counts.whole.min } else { 0 },
                max: counts.whole.max,
                awaiting: counts.awaiting,
                running: counts.running,
                raised: counts.whole.raised,
                unfinished: counts.unfinished,
                unknown: counts.unknown,
            })
            .collect();
        rows.sort_unstable_by(|a, b| {
            Reverse(a.key(sort)).cmp(&Reverse(b.key(sort))).then_with(|| a.name().cmp(&b.name()))
        });
        let sum = |number: fn(&Row<'_>) -> u64| rows.iter().map(number).fold(0, u64::saturating_add);
        let (calls, unfinished, unknown) = (sum(|row| row.calls), sum(|row| row.unfinished), sum(|row| row.unknown));
        let functions = rows.len() as u64;
        rows.truncate(most);
        Rows { sort, rows, functions, calls, unfinished, unknown, counts, summary }
    }

    /// How many functions have no row.
    pub fn more(&self) -> u64 {
        self.functions - self.rows.len() as u64
    }

    /// What is to be said below the table.
    fn foot(&self) -> Vec<String> {
        let Counts { unfinished_tasks, without_short_calls, without_awaits, .. } = *self.counts;
        let note =
            |count: u64, of: [&str; 2], what: &str| (count > 0).then(|| format!("{} {what}", counted(count, of)));
        let notes = [
            note(self.unfinished, CALLS, "had not ended when the recording did: p50, p99 and max are of the others"),
            note(self.unknown, CALLS, "without a known begin or end: p50, p99 and max are of the others"),
            note(unfinished_tasks, TASKS, "had not ended when the recording did"),
            note(without_awaits, PROCESSES, "on CPython 3.10 or 3.11, which do not tell an await from a return"),
            note(without_short_calls, PROCESSES, "without short calls (--min_duration): no coroutines are known there"),
        ];
        notes.into_iter().flatten().chain(losses(self.summary)).collect()
    }

    fn title(&self) -> String {
        format!(
            "{}, {} awaiting, {} running: {} of {}",
            counted(self.counts.tasks, TASKS),
            when::duration(self.counts.awaiting),
            when::duration(self.counts.running),
            counted(self.calls, CALLS),
            counted(self.functions, ["coroutine function", "coroutine functions"]),
        )
    }
}

/// So many, such as `1 call` or `2,000 calls`.
fn counted(count: u64, [one, more]: [&str; 2]) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { more })
}

impl Row<'_> {
    fn key(&self, sort: Sort) -> u64 {
        match sort {
            Sort::Own => self.running,
            Sort::Total => self.awaiting.saturating_add(self.running),
            Sort::Calls => self.calls,
            Sort::Mean => self.mean,
            Sort::P50 => self.p50,
            Sort::P99 => self.p99,
            Sort::Max => self.max,
        }
    }

    fn name(&self) -> String {
        self.function.map_or_else(|| UNKNOWN_FUNCTION.to_owned(), |function| display_name(&function.function()))
    }

    fn numbers(&self) -> [String; NUMBERS] {
        let latency = |time| if self.whole > 0 { when::duration(time) } else { "-".to_owned() };
        [
            grouped(self.calls),
            grouped(self.resumes),
            latency(self.p50),
            latency(self.p99),
            latency(self.max),
            when::duration(self.awaiting),
            when::duration(self.running),
        ]
    }
}

/// Makes the table, and what is to be said below it.
pub fn of(rows: &Rows<'_>, style: Style) -> String {
    if rows.counts.tasks == 0 && rows.counts.without_short_calls == 0 {
        return "no tasks: record with --log_async\n".to_owned();
    }
    let is_markdown = style == Style::Markdown;
    let title = rows.title();
    let mut text = if is_markdown { format!("### {}\n\n", escaped(&title)) } else { format!("{title}\n") };
    if !rows.rows.is_empty() {
        text += &if is_markdown { markdown(&rows.rows) } else { plain(&rows.rows) };
    }
    let more = rows.more();
    let more =
        (more > 0).then(|| format!("... and {} more function{}", grouped(more), if more == 1 { "" } else { "s" }));
    for line in more.into_iter().chain(rows.foot()) {
        text += &if is_markdown { format!("\n{}\n", escaped(&line)) } else { format!("{line}\n") };
    }
    text
}

fn plain(rows: &[Row<'_>]) -> String {
    let line = |numbers: [String; NUMBERS], name: String| numbers.into_iter().chain([name]).collect::<Vec<_>>();
    let mut lines = vec![line(HEADINGS.map(str::to_owned), "function".to_owned())];
    lines.extend(rows.iter().map(|row| line(row.numbers(), printable(&row.name()))));
    aligned(&lines, &[NUMBERS])
}

fn markdown(rows: &[Row<'_>]) -> String {
    let headings: Vec<(&str, bool)> =
        HEADINGS.iter().map(|heading| (*heading, true)).chain([("function", false)]).collect();
    table(&headings, rows.iter().map(|row| row.numbers().into_iter().chain([code(&printable(&row.name()))]).collect()))
}
