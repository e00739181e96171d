//! The function table for programs: a line for each process and function, then one for each function over all
//! processes. merge/README.md tells the columns.

use super::functions::{Collected, Printer};
use super::text::Text;
use super::writer::Tail;
use crate::error::MergeError;
use crate::parallel::progress::Watch;
use crate::report::functions::{Known, Process, Row};
use crate::text::display::{OVERWRITTEN_CALLS, UNKNOWN_FUNCTION, printable};

const HEADER: &[u8] = b"pid,process,function,file,line,calls,total_ns,self_ns,mean_ns,p50_ns,p99_ns,min_ns,max_ns,\
    unfinished,raised\n";

/// Stands in the place of a process's id.
const ALL: u32 = 0;

/// Prints it.
#[derive(Debug)]
pub struct Csv;

impl Printer for Csv {
    fn rows(&self) -> usize {
        usize::MAX
    }

    fn processes(&self) -> usize {
        0
    }

    fn begin(&self, text: &mut Text) {
        text.put(HEADER);
    }

    fn process(&self, process: &Process, known: &Known, text: &mut Text) {
        for row in &process.table.rows {
            put(process.pid, &process.name, row, known, text);
        }
        put_overwritten(process.pid, &process.name, process.table.overwritten, text);
    }

    fn end(&self, collected: &Collected<'_>, _: &dyn Watch, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        for row in &collected.all.rows {
            put(ALL, "", row, collected.known, &mut tail.text);
            tail.flush_if_large()?;
        }
        put_overwritten(ALL, "", collected.all.overwritten, &mut tail.text);
        Ok(())
    }
}

fn put(pid: u32, process: &str, row: &Row, known: &Known, text: &mut Text) {
    let function = known.get(row.function);
    let place =
        function.map_or((UNKNOWN_FUNCTION, "", 0), |function| (&*function.name, &*function.file, function.line));
    put_line(pid, process, place, row, text);
}

/// The time of which nobody knows who had it, if there is any.
fn put_overwritten(pid: u32, process: &str, time: u64, text: &mut Text) {
    if time > 0 {
        let row = Row { total: time, own: time, ..Row::default() };
        put_line(pid, process, (OVERWRITTEN_CALLS, "", 0), &row, text);
    }
}

fn put_line(pid: u32, process: &str, (name, file, line): (&str, &str, u32), row: &Row, text: &mut Text) {
    text.put_number(pid.into());
    for field in [process, name, file] {
        text.put(b",");
        put_field(field, text);
    }
    let Row { calls, total, own, mean, p50, p99, min, max, unfinished, raised, .. } = *row;
    for number in [line.into(), calls, total, own, mean, p50, p99, min, max, unfinished, raised] {
        text.put(b",");
        text.put_number(number);
    }
    text.put(b"\n");
}

/// A field as RFC 4180 has it: in quotes where it would not be one field otherwise. What acts on a terminal is escaped.
/// Spreadsheets take what begins like a formula for one, and run it, so an apostrophe stands before that; no function
/// that Python compiles from a file is called so.
fn put_field(field: &str, text: &mut Text) {
    let apostrophe = if field.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    let field = format!("{apostrophe}{}", printable(field));
    if field.contains(['"', ',']) {
        text.put(b"\"");
        text.put(field.replace('"', "\"\"").as_bytes());
        text.put(b"\"");
    } else {
        text.put(field.as_bytes());
    }
}
