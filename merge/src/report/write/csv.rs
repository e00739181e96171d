//! The table of functions as CSV, for programs: a line for each function of each process, then a line for each function
//! over all processes. merge/README.md describes the columns.

use super::functions::{FunctionTotals, Printer};
use super::text::Text;
use super::writer::Tail;
use crate::error::MergeError;
use crate::report::functions::{FunctionRow, InternedFunctions, ProcessTable, Rows, Sort, Table};
use crate::text::display::{OVERWRITTEN_CALLS, UNKNOWN_FUNCTION, printable};
use csv::{ByteRecord, Writer};

const COLUMNS: [&str; 19] = [
    "pid",
    "process",
    "function",
    "file",
    "line",
    "calls",
    "total_ns",
    "self_ns",
    "mean_ns",
    "p50_ns",
    "p99_ns",
    "min_ns",
    "max_ns",
    "unfinished",
    "raised",
    "elided",
    "elides_c_calls",
    "calls_about",
    "calls_error",
];

/// The process id of lines over all processes.
const ALL: u32 = 0;

/// Rows that are written before the text is flushed.
const ROWS_PER_FLUSH: usize = 1024;

/// Prints functions as CSV.
#[derive(Debug)]
pub struct Csv;

impl Printer for Csv {
    fn rows(&self) -> Rows {
        Rows { sort: Sort::Own, most: usize::MAX, is_busy: false }
    }

    fn processes(&self) -> usize {
        0
    }

    fn begin(&self, text: &mut Text) {
        write([ByteRecord::from(&COLUMNS[..])], text);
    }

    fn process(&self, process: &ProcessTable, interned: &InternedFunctions, text: &mut Text) {
        write(records(process.pid, &process.name, &process.table.rows, interned), text);
        write(overwritten(process.pid, &process.name, &process.table), text);
    }

    fn end(&self, totals: &FunctionTotals<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        for rows in totals.all.rows.chunks(ROWS_PER_FLUSH) {
            write(records(ALL, "", rows, totals.interned), &mut tail.text);
            tail.flush_if_large()?;
        }
        write(overwritten(ALL, "", totals.all), &mut tail.text);
        Ok(())
    }
}

fn records<'a>(
    pid: u32,
    process: &'a str,
    rows: &'a [FunctionRow],
    interned: &'a InternedFunctions,
) -> impl Iterator<Item = ByteRecord> + 'a {
    rows.iter().map(move |row| match interned.get(row.function) {
        Some(function) => record(pid, process, (&function.name, &function.file, function.line), row),
        None => record(pid, process, (UNKNOWN_FUNCTION, "", 0), row),
    })
}

/// The line of the overwritten time, if there is any.
fn overwritten(pid: u32, process: &str, table: &Table) -> Option<ByteRecord> {
    let time = table.overwritten;
    let row = FunctionRow { total: time, own: time, ..FunctionRow::default() };
    (time > 0).then(|| record(pid, process, (OVERWRITTEN_CALLS, "", 0), &row))
}

fn record(pid: u32, process: &str, (name, file, line): (&str, &str, u32), row: &FunctionRow) -> ByteRecord {
    let FunctionRow { calls, total, own, mean, p50, p99, min, max, unfinished, raised, .. } = *row;
    let mut record = ByteRecord::from(vec![pid.to_string(), field(process), field(name), field(file)]);
    for number in [line.into(), calls, total, own, mean, p50, p99, min, max, unfinished, raised] {
        record.push_field(itoa::Buffer::new().format(number).as_bytes());
    }
    for flag in [row.is_elided, row.elides_c_calls] {
        record.push_field(if flag { b"true" } else { b"false" });
    }
    for number in [row.about.map(|about| about.calls), row.about.map(|about| about.error)] {
        record.push_field(number.map_or_else(String::new, |number| number.to_string()).as_bytes());
    }
    record
}

/// Text as a field. What acts on a terminal is escaped. A spreadsheet runs a field that begins like a formula, so such
/// a field gets an apostrophe; no function that Python compiles from a file has such a name.
fn field(text: &str) -> String {
    let apostrophe = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("{apostrophe}{}", printable(text))
}

fn write(records: impl IntoIterator<Item = ByteRecord>, text: &mut Text) {
    let mut writer = Writer::from_writer(text);
    let written = records.into_iter().try_for_each(|record| writer.write_byte_record(&record));
    debug_assert!(written.is_ok(), "memory takes all that is written to it");
}
