//! A page that needs nothing but itself: what was merged, what is missing, how processes died, and the functions that
//! took the time. It has no script, and every name in it is text.

use super::Tail;
use super::functions::{Collected, Printer};
use super::text::Text;
use super::top::{self, share};
use crate::error::MergeError;
use crate::functions::{Known, Table};
use crate::input::State;
use crate::last_words::{self, LastWords};
use crate::progress::Watch;
use crate::summary::{HEADINGS, Summary, WORDS, grouped};
use crate::when;

/// What stands around the page's content.
const PAGE: &str = include_str!("html/page.html");
const CONTENT: &str = "{content}";

/// Functions of a process, and of all.
const ROWS: usize = 100;
/// Processes that get a table of functions.
const PROCESSES_MAX: usize = 100;
/// Processes that died and get to say what they were doing.
const LAST_WORDS_MAX: usize = 100;
/// Files that get a line in the summary.
const FILES_MAX: usize = 1000;

/// Prints it.
#[derive(Debug)]
pub struct Html;

impl Printer for Html {
    fn rows(&self) -> usize {
        ROWS
    }

    fn processes(&self) -> usize {
        PROCESSES_MAX
    }

    fn end(&self, collected: &Collected<'_>, watch: &dyn Watch, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let (before, after) = PAGE.split_once(CONTENT).unwrap_or((PAGE, ""));
        tail.text.put(before.as_bytes());
        summary(collected.summary, &mut tail.text);
        last_words(collected, watch, tail)?;
        functions(collected, tail)?;
        tail.text.put(after.as_bytes());
        Ok(())
    }
}

fn summary(summary: &Summary, text: &mut Text) {
    let line = format!(
        "{} events of {} files; recorded from {} on",
        grouped(summary.events()),
        grouped(summary.files.len() as u64),
        when::utc(summary.base_realtime)
    );
    put(text, "p", &line);
    let notes = summary.warnings.iter().cloned();
    let bad = summary.bad.iter().map(|bad| format!("{}: {}", bad.path.display(), bad.problem));
    for note in notes.chain(bad) {
        element(text, "p class=\"warning\"", "p", &note);
    }
    text.put(b"<div class=\"wide\"><table>\n");
    row(text, "th", &HEADINGS.map(str::to_owned), &WORDS);
    for file in summary.files.iter().take(FILES_MAX) {
        row(text, "td", &file.row(), &WORDS);
    }
    text.put(b"</table></div>\n");
    let more = summary.files.len().saturating_sub(FILES_MAX);
    if more > 0 {
        put(text, "p", &format!("... and {} more files", grouped(more as u64)));
    }
    for line in top::foot(summary) {
        put(text, "p", &line);
    }
}

fn last_words(collected: &Collected<'_>, watch: &dyn Watch, tail: &mut Tail<'_>) -> Result<(), MergeError> {
    let report = collected.report;
    let unclosed = report.files.iter().zip(&report.alignment.clocks).filter(|(plan, _)| plan.state != State::Sealed);
    let told = unclosed.clone().take(LAST_WORDS_MAX);
    for (place, (plan, clock)) in told.enumerate() {
        if watch.stopped() {
            return Err(MergeError::Interrupted);
        }
        if place == 0 {
            put(&mut tail.text, "h2", "Last words");
        }
        let mut words = String::new();
        let _ = last_words::write(plan, &LastWords::of(plan, clock), &mut words);
        let (first, rest) = words.split_once('\n').unwrap_or((&words, ""));
        details(&mut tail.text, first, false, |text| put(text, "pre", rest));
        tail.flush_if_large()?;
    }
    let more = unclosed.count().saturating_sub(LAST_WORDS_MAX);
    if more > 0 {
        put(&mut tail.text, "p", &format!("... and {} more that did not end in order", grouped(more as u64)));
    }
    Ok(())
}

fn functions(collected: &Collected<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
    let known = collected.known;
    put(&mut tail.text, "h2", "Functions");
    let count = collected.processes.len() + collected.more_processes;
    if count != 1 {
        let title = format!("all {} processes: {}", grouped(count as u64), top::counts(collected.all));
        details(&mut tail.text, &title, true, |text| table(text, collected.all, known));
    }
    for process in collected.processes {
        let title = format!("{} (pid {}): {}", process.name, process.pid, top::counts(&process.table));
        details(&mut tail.text, &title, count == 1, |text| table(text, &process.table, known));
        tail.flush_if_large()?;
    }
    if collected.more_processes > 0 {
        let more = grouped(collected.more_processes as u64);
        put(&mut tail.text, "p", &format!("... and {more} more processes, with less time in them"));
    }
    Ok(())
}

/// Columns of functions; the first one is their name.
const COLUMNS: [&str; 11] =
    ["function", "calls", "total", "self", "self %", "mean", "p50", "p99", "max", "raised", "unfinished"];

fn table(text: &mut Text, table: &Table, known: &Known) {
    text.put(b"<div class=\"wide\"><table>\n");
    row(text, "th", &COLUMNS.map(str::to_owned), &[0]);
    for of in &table.rows {
        let cells = [
            top::name(of, known),
            grouped(of.calls),
            when::duration(of.total),
            when::duration(of.own),
            share(of.own, table.own),
            when::duration(of.mean),
            when::duration(of.p50),
            when::duration(of.p99),
            when::duration(of.max),
            grouped(of.raised),
            grouped(of.unfinished),
        ];
        row(text, "td", &cells, &[0]);
    }
    text.put(b"</table></div>\n");
    let more = table.functions - table.rows.len();
    if more > 0 {
        put(text, "p", &format!("... and {} more functions", grouped(more as u64)));
    }
}

/// A line of a table; columns of words stand to the left.
fn row(text: &mut Text, tag: &str, cells: &[String], words: &[usize]) {
    text.put(b"<tr>");
    for (column, cell) in cells.iter().enumerate() {
        match words.contains(&column) {
            true => element(text, &format!("{tag} class=\"word\""), tag, cell),
            false => element(text, tag, tag, cell),
        }
    }
    text.put(b"</tr>\n");
}

fn details(text: &mut Text, title: &str, is_open: bool, content: impl FnOnce(&mut Text)) {
    text.put(if is_open { b"<details open>" } else { b"<details>" });
    put(text, "summary", title);
    content(text);
    text.put(b"</details>\n");
}

fn put(text: &mut Text, tag: &str, content: &str) {
    element(text, tag, tag, content);
    text.put(b"\n");
}

fn element(text: &mut Text, open: &str, close: &str, content: &str) {
    text.put(format!("<{open}>{}</{close}>", escaped(content)).as_bytes());
}

/// Text that stays text. Of characters that nobody sees, the number is shown, as they could make a name look like
/// another one; the bidirectional ones could make a line look like another one.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\n' => escaped.push('\n'),
            _ if c.is_control() || is_invisible(c) => escaped += &format!("\\u{{{:x}}}", u32::from(c)),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_more_than_text() {
        let name = "<script>alert('x')</script>&\"\u{202e}\u{1b}[2J\0\u{feff}é🙂";
        let expected =
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\\u{202e}\\u{1b}[2J\\u{0}\\u{feff}é🙂";
        assert_eq!(escaped(name), expected);
    }

    #[test]
    fn the_page_has_a_place_for_its_content_and_asks_nobody() {
        assert_eq!(PAGE.matches(CONTENT).count(), 1);
        for asks in ["http:", "https:", "src=", "<script", "<link", "@import", "url("] {
            assert!(!PAGE.contains(asks), "{asks}");
        }
    }
}
