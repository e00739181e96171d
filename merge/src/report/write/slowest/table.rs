//! The slowest calls as a table.

use super::rows::{Row, Rows};
use crate::report::slowest::By;
use crate::report::write::top::{Style, losses};
use crate::text::columns::aligned;
use crate::text::display::{UNKNOWN_FUNCTION, display_name, grouped, printable};
use crate::text::markdown::{code, escaped, table};
use crate::text::when;
use serde_json::Value;

/// The longest arguments that are shown as a whole, in characters.
const ARGUMENTS_MAX: usize = 200;

/// A column; one without a cell is left out, unless it is of numbers.
struct Column {
    heading: &'static str,
    is_number: bool,
    /// Whether cells are names, which Markdown shows as code.
    is_code: bool,
    cell: fn(&Row<'_>) -> String,
}

const COLUMNS: [Column; 9] = [
    number("duration", |row| time(row, row.duration)),
    number("self", |row| time(row, row.own)),
    number("start", |row| when::moment(row.start)),
    words("process", |row| format!("{} (pid {})", row.process, row.pid)),
    words("thread", |row| format!("{} (tid {})", row.thread, row.tid)),
    words("task", |row| row.task.clone().unwrap_or_default()),
    words("how", how),
    names("function", |row| match &row.function {
        Some(function) => display_name(&function.function()),
        None => UNKNOWN_FUNCTION.to_owned(),
    }),
    names("arguments", arguments),
];

const fn number(heading: &'static str, cell: fn(&Row<'_>) -> String) -> Column {
    Column { heading, is_number: true, is_code: false, cell }
}

const fn words(heading: &'static str, cell: fn(&Row<'_>) -> String) -> Column {
    Column { heading, is_number: false, is_code: false, cell }
}

const fn names(heading: &'static str, cell: fn(&Row<'_>) -> String) -> Column {
    Column { heading, is_number: false, is_code: true, cell }
}

/// Makes the table, and what is to be said below it.
pub fn of(rows: &Rows<'_>, style: Style) -> String {
    let is_markdown = style == Style::Markdown;
    let title = title(rows);
    let mut text = if is_markdown { format!("### {}\n\n", escaped(&title)) } else { format!("{title}\n") };
    if !rows.rows.is_empty() {
        text += &if is_markdown { markdown(&rows.rows) } else { plain(&rows.rows) };
    }
    for line in foot(rows) {
        text += &if is_markdown { format!("\n{}\n", escaped(&line)) } else { format!("{line}\n") };
    }
    text
}

/// `1,234 calls of 5 functions match, the 20 with the longest self time:`.
fn title(rows: &Rows<'_>) -> String {
    let plural = |count: u64, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{} {one}s", grouped(count)),
    };
    let verb = if rows.calls == 1 { "matches" } else { "match" };
    let all = format!("{} of {} {verb}", plural(rows.calls, "call"), plural(rows.functions as u64, "function"));
    let time = match rows.by {
        By::Duration => "duration",
        By::Own => "self time",
    };
    match (rows.calls, rows.more()) {
        (0, _) => "no call matches".to_owned(),
        (1, 0) => all,
        (_, 0) => format!("{all}, by {time}"),
        (_, _) => format!("{all}, the {} with the longest {time}", grouped(rows.rows.len() as u64)),
    }
}

/// What the numbers do not include, or include only partly.
fn foot(rows: &Rows<'_>) -> Vec<String> {
    let unfinished = match rows.unfinished {
        0 => None,
        1 => Some("1 matching call never ended: it took at least (>=) the time until the last event known".to_owned()),
        some => Some(format!(
            "{} matching calls never ended: they took at least (>=) the time until the last event known",
            grouped(some)
        )),
    };
    let elided = rows.elided.iter().cloned();
    unfinished.into_iter().chain(losses(rows.summary)).chain(elided).chain(rows.summary.switched()).collect()
}

/// The columns that have cells, with these.
fn columns(rows: &[Row<'_>]) -> Vec<(&'static Column, Vec<String>)> {
    let cells = |column: &'static Column| {
        let cells: Vec<String> = rows.iter().map(|row| printable(&(column.cell)(row))).collect();
        (column, cells)
    };
    COLUMNS.iter().map(cells).filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).collect()
}

fn plain(rows: &[Row<'_>]) -> String {
    let columns = columns(rows);
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|(column, _)| column.heading.to_owned()).collect()];
    let line = |row: usize| columns.iter().map(|(_, cells)| cells[row].clone()).collect();
    lines.extend((0..rows.len()).map(line));
    let is_word = |(index, (column, _)): (usize, &(&Column, _))| (!column.is_number).then_some(index);
    let words: Vec<usize> = columns.iter().enumerate().filter_map(is_word).collect();
    aligned(&lines, &words)
}

fn markdown(rows: &[Row<'_>]) -> String {
    let columns = columns(rows);
    let headings: Vec<(&str, bool)> = columns.iter().map(|(column, _)| (column.heading, column.is_number)).collect();
    let cell = |column: &Column, cell: &str| match (cell, column.is_code) {
        ("", _) => String::new(),
        (cell, true) => code(cell),
        (cell, false) => escaped(cell),
    };
    let line = |row: usize| columns.iter().map(|(column, cells)| cell(column, &cells[row])).collect();
    table(&headings, (0..rows.len()).map(line))
}

/// A time of a call, which may be the least that it took. Nothing is known of a call that began with the last event
/// known: it is open until just after that.
fn time(row: &Row<'_>, time: u64) -> String {
    match (row.is_least, row.duration) {
        (true, ..=1) => "unknown".to_owned(),
        (true, _) => format!(">={}", when::duration(time)),
        (false, _) => when::duration(time),
    }
}

/// What is to be said of a call that did not just return as a whole.
fn how(row: &Row<'_>) -> String {
    let how = Some(row.how).filter(|how| *how != "returned");
    let clipped = row.is_clipped.then_some("clipped");
    let inherited = row.is_inherited.then_some("from before the fork");
    how.into_iter().chain(clipped).chain(inherited).collect::<Vec<_>>().join(", ")
}

/// The arguments as one line, cut if they are long.
fn arguments(row: &Row<'_>) -> String {
    if row.arguments.is_empty() {
        return String::new();
    }
    let text = Value::Object(row.arguments.clone()).to_string();
    match text.char_indices().nth(ARGUMENTS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_time_of_a_call_that_never_ended() {
        let times = |duration, is_least| {
            let row = Row { duration, own: 1, is_least, ..Row::default() };
            [row.duration, row.own].map(|of| time(&row, of))
        };
        assert_eq!(times(1, false), ["1 ns", "1 ns"]);
        assert_eq!(times(2000, true), [">=2.000 us", ">=1 ns"]);
        assert_eq!(times(1, true), ["unknown", "unknown"], "it began with the last event known");
    }
}
