//! The functions that took the most time, as a table for a terminal or in Markdown, or as JSON.

mod document;

use super::functions::{FunctionTotals, Printer};
use super::writer::Tail;
use crate::error::MergeError;
use crate::report::functions::{FunctionRow, InternedFunctions, Rows, Sort, Table};
use crate::report::summary::{FileSummary, Summary};
use crate::report::{bursts, elided};
use crate::text::columns::aligned;
use crate::text::display::{OVERWRITTEN_CALLS, UNKNOWN_FUNCTION, display_name, grouped, printable};
use crate::text::markdown::{code, escaped, table};
use crate::text::when;

/// Processes that get a table of their own.
const PROCESSES_MAX: usize = 100;

/// Prints the table.
#[derive(Clone, Copy, Debug)]
pub struct Top {
    /// How many functions.
    pub rows: usize,
    /// Which of them.
    pub sort: Sort,
    /// Whether calls that wait are left out.
    pub is_busy: bool,
    pub style: Style,
}

/// What the tables look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Aligned, for a terminal.
    Plain,
    Markdown,
    /// One document, for programs.
    Json,
}

impl Style {
    /// The style that these two options ask for.
    pub fn of(markdown: bool, json: bool) -> Style {
        match (markdown, json) {
            (true, _) => Style::Markdown,
            (false, true) => Style::Json,
            (false, false) => Style::Plain,
        }
    }
}

/// Columns of numbers; the last one of all is the function.
const NUMBERS: usize = 7;
const COLUMNS: usize = NUMBERS + 1;
/// What a table with estimates says below its rows.
const ABOUT: &str = "~: estimated from short times in which the calls are counted; in 1 of 20 cases it is further off.";
const HEADINGS: [&str; NUMBERS] = ["calls", "total", "self", "self %", "mean", "p50", "p99"];

impl Printer for Top {
    fn rows(&self) -> Rows {
        Rows { sort: self.sort, most: self.rows, is_busy: self.is_busy }
    }

    fn processes(&self) -> usize {
        PROCESSES_MAX
    }

    fn end(&self, totals: &FunctionTotals<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        if self.style == Style::Json {
            tail.text.put(document::of(self.rows(), totals).as_bytes());
            return Ok(());
        }
        let interned = totals.interned;
        let count = totals.processes.len() + totals.more_processes;
        if count != 1 {
            let title = format!("all {} processes", grouped(count as u64));
            let accounts = || totals.summary.files.iter().map(|file| &file.account);
            let mut notes = elided::notes(accounts().flat_map(|account| account.elided.keys()));
            notes.extend(bursts::note(accounts().map(|account| account.bursts)));
            tail.text.put(self.table(&title, totals.all, &notes, interned).as_bytes());
        }
        for process in totals.processes {
            let title = format!("{} (pid {})", process.name, process.pid);
            tail.text.put(self.table(&title, &process.table, &process.notes, interned).as_bytes());
            tail.flush_if_large()?;
        }
        if totals.more_processes > 0 {
            let more = grouped(totals.more_processes as u64);
            tail.text.put(format!("... and {more} more processes, with less time in them\n\n").as_bytes());
        }
        for line in foot(totals.summary) {
            tail.text.put(format!("{line}\n").as_bytes());
        }
        Ok(())
    }
}

impl Top {
    fn table(&self, title: &str, table: &Table, notes: &[String], interned: &InternedFunctions) -> String {
        let title = format!("{title}: {}", counts(table));
        let mut lines: Vec<_> = table.rows.iter().map(|row| (numbers(row, table), name(row, interned))).collect();
        lines.extend((table.overwritten > 0).then(|| overwritten(table.overwritten)));
        let note = note(table);
        let is_markdown = self.style == Style::Markdown;
        let mut text = match is_markdown {
            true => markdown(&title, &note, &lines),
            false => plain(&title, &note, &lines),
        };
        let more = table.functions - table.rows.len();
        if more > 0 {
            let gap = if is_markdown { "\n" } else { "" };
            text += &format!("{gap}... and {} more function{}\n", grouped(more as u64), plural(more as u64));
        }
        let is_about = table.rows.iter().any(|row| row.about.is_some());
        let about = is_about.then(|| ABOUT.to_owned());
        for note in notes.iter().chain(&about) {
            text += &if is_markdown { format!("\n{}\n", escaped(note)) } else { format!("{note}\n") };
        }
        text + "\n"
    }
}

/// `1,234 calls of 56 functions, 7.890 s`.
pub fn counts(table: &Table) -> String {
    let (calls, functions) = (table.calls, table.functions as u64);
    let (calls, functions) = (
        format!("{} call{}", grouped(calls), plural(calls)),
        format!("{} function{}", grouped(functions), plural(functions)),
    );
    let least = if table.is_least { "at least " } else { "" };
    let waiting = match table.left_out {
        0 => String::new(),
        time => format!("; without {} of waiting", when::duration(time)),
    };
    format!("{least}{calls} of {functions}, {}{waiting}", when::duration(table.own))
}

/// Notes about calls that the numbers do not include, or include only partly.
pub fn foot(summary: &Summary) -> Vec<String> {
    let unfinished = sum(summary, |file| file.sum(|thread| thread.unfinished));
    let unfinished = note_of(unfinished, "calls never ended and are counted with the time until the last event known");
    let left_out = note_of(summary.left_out(), "events were left out by the options and are not counted");
    let lines = unfinished.into_iter().chain(losses(summary)).chain(left_out);
    lines.chain(summary.switched()).collect()
}

/// Notes about events that are not there any more.
pub fn losses(summary: &Summary) -> impl Iterator<Item = String> {
    let lost = sum(summary, |file| file.lost());
    let overwritten = note_of(summary.overwritten(), "events are overwritten by newer ones");
    overwritten.into_iter().chain(note_of(lost, "events are lost: the ring file had no space for them"))
}

fn sum(summary: &Summary, number: fn(&FileSummary) -> u64) -> u64 {
    summary.files.iter().map(number).fold(0, u64::saturating_add)
}

fn note_of(count: u64, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{} {what}", grouped(count)))
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The cells of the columns of numbers.
fn numbers(row: &FunctionRow, table: &Table) -> [String; NUMBERS] {
    let least = if row.is_elided { ">=" } else { "" };
    let calls = match row.about {
        Some(about) => format!("~{} ±{}%", about.rounded(), about.percent()),
        None => format!("{least}{}", grouped(row.calls)),
    };
    [
        calls,
        format!("{least}{}", when::duration(row.total)),
        when::duration(row.own),
        share(row.own, table.own),
        when::duration(row.mean),
        when::duration(row.p50),
        when::duration(row.p99),
    ]
}

/// The row of overwritten time, of which the functions are not known.
fn overwritten(time: u64) -> TableLine {
    let time = when::duration(time);
    let numbers = ["-", &time, &time, "-", "-", "-", "-"].map(str::to_owned);
    (numbers, OVERWRITTEN_CALLS.to_owned())
}

/// A note that the percentages need, if some time is overwritten.
fn note(table: &Table) -> String {
    match table.overwritten {
        0 => String::new(),
        time => format!(
            "{} more are unknown: the calls of that time were overwritten. Percentages are of what is known.\n",
            when::duration(time)
        ),
    }
}

/// Hundredths with one decimal.
pub fn share(part: u64, all: u64) -> String {
    let thousandths = (u128::from(part) * 1000 + u128::from(all) / 2) / u128::from(all.max(1));
    format!("{}.{}", thousandths / 10, thousandths % 10)
}

/// The name of a function.
pub fn name(row: &FunctionRow, interned: &InternedFunctions) -> String {
    interned
        .get(row.function)
        .map_or_else(|| UNKNOWN_FUNCTION.to_owned(), |function| display_name(&function.function()))
}

type TableLine = ([String; NUMBERS], String);

fn plain(title: &str, note: &str, lines: &[TableLine]) -> String {
    let row = |numbers: [String; NUMBERS], name: String| {
        let mut numbers = numbers.into_iter();
        std::array::from_fn::<_, COLUMNS, _>(|_| numbers.next().unwrap_or_else(|| name.clone()))
    };
    let mut rows = vec![row(HEADINGS.map(str::to_owned), "function".to_owned())];
    rows.extend(lines.iter().map(|(numbers, name)| row(numbers.clone(), printable(name))));
    format!("{}\n{note}{}", printable(title), aligned(&rows, &[NUMBERS]))
}

fn markdown(title: &str, note: &str, lines: &[TableLine]) -> String {
    let title = format!("### {}\n\n", escaped(&printable(title)));
    let note = if note.is_empty() { String::new() } else { format!("{note}\n") };
    let headings: Vec<(&str, bool)> =
        HEADINGS.iter().map(|heading| (*heading, true)).chain([("function", false)]).collect();
    let cells = |(numbers, name): &TableLine| numbers.iter().cloned().chain([code(&printable(name))]).collect();
    title + &note + &table(&headings, lines.iter().map(cells))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::elided::ElidedFunction;
    use viztracer_format::names::Function;

    #[test]
    fn numbers_of_functions_of_which_not_all_calls_are_recorded_are_the_least() {
        let mut interned = InternedFunctions::default();
        let function = Function { name: "f", file: "a.py", line: 1, is_c: false };
        let number = interned.add(&function);
        let row = FunctionRow { function: number, calls: 1234, total: 5000, own: 5000, ..FunctionRow::default() };
        let row = FunctionRow { is_elided: true, elides_c_calls: true, ..row };
        let table = Table { rows: vec![row], functions: 1, calls: 1234, own: 5000, is_least: true, ..Table::default() };
        let notes = elided::notes([ElidedFunction::of(&function, false)].iter());
        let text = |style| {
            let top = Top { rows: 9, sort: Sort::Own, is_busy: false, style };
            top.table("main (pid 1)", &table, &notes, &interned)
        };
        let plain = text(Style::Plain);
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0], "main (pid 1): at least 1,234 calls of 1 function, 5.000 us");
        assert!(lines[2].starts_with(">=1,234  >=5.000 us  5.000 us"), "{plain}");
        assert!(lines[3].starts_with(">=: called too often") && lines[4].starts_with("C functions that f calls"));
        let markdown = text(Style::Markdown);
        assert!(markdown.contains("| >=1,234 | >=5.000 us | 5.000 us |") && markdown.contains("\n\n\\>=: called"));
    }

    #[test]
    fn shares_are_rounded() {
        let shares = [(0, 0), (1, 3), (2, 3), (999, 1000), (9995, 10_000), (5, 5), (u64::MAX, u64::MAX)];
        assert_eq!(
            shares.map(|(part, all)| share(part, all)),
            ["0.0", "33.3", "66.7", "99.9", "100.0", "100.0", "100.0"]
        );
    }
}
