//! Last words as text for a terminal of 100 columns.

use super::innermost::process;
use super::words::{EndedCall, LastWords, OpenCall, ThreadWords};
use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::text::display::{self, how, printable, quoted};
use crate::text::when;
use std::fmt::{self, Write};

const WIDTH: usize = 100;
/// Of deeper stacks the middle is left out: so many outermost and innermost calls are shown.
const OUTERMOST: usize = 20;
const INNERMOST: usize = 40;
/// Columns of a duration.
const DURATION: usize = 12;

/// Counts of the processes that have no last words.
#[derive(Clone, Copy, Debug)]
pub struct Others {
    /// Processes that ended in order.
    pub ended: usize,
    /// Processes whose end is not known.
    pub unknown: usize,
    /// Whether there were no others.
    pub all: bool,
}

/// Appends the last words of one process.
pub fn write(plan: &FilePlan, words: &LastWords, text: &mut String) -> fmt::Result {
    let process = process(plan);
    writeln!(text, "{process} {}", printable(&plan.ending_words()))?;
    let at = words.last_record;
    let reference = if plan.is_running() { "now" } else { "it" };
    let time = if at == 0 { "unknown when".to_owned() } else { format!("{}, {}", when::utc(at), when::ago(at)) };
    writeln!(text, "  last record: {time}; times count back from {reference}")?;
    if let Some(after) = plan.waited_after {
        writeln!(text, "  its parent:  knew of the end {} after the last sign of life", when::duration(after))?;
    }
    let arguments: Vec<String> = plan.recording.arguments.iter().map(quoted).collect();
    writeln!(text, "  command:     {}", shortened(&arguments.join(" "), WIDTH - 15))?;
    writeln!(text, "  file:        {}", display::path(&plan.path))?;
    for thread in &words.threads {
        ThreadText { thread, words, plan }.write(text)?;
    }
    match words.ended {
        0 => writeln!(text),
        1 => writeln!(text, "\n  1 other thread had ended before\n"),
        ended => writeln!(text, "\n  {ended} other threads had ended before\n"),
    }
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are_all = self.all && self.unknown == 0;
        match (are_all, self.ended) {
            (_, 0) => {}
            (true, 1) => writeln!(f, "The process ended in order: it has no last words.")?,
            (true, ended) => writeln!(f, "All {ended} processes ended in order: they have no last words.")?,
            (false, 1) => writeln!(f, "1 other process ended in order.")?,
            (false, ended) => writeln!(f, "{ended} other processes ended in order.")?,
        }
        match self.unknown {
            0 => Ok(()),
            1 => writeln!(f, "The end of 1 process is not known: its report does not show it."),
            unknown => writeln!(f, "The ends of {unknown} processes are not known: their reports do not show them."),
        }
    }
}

struct ThreadText<'a> {
    thread: &'a ThreadWords,
    words: &'a LastWords,
    plan: &'a FilePlan,
}

impl ThreadText<'_> {
    fn write(&self, text: &mut String) -> fmt::Result {
        let ThreadWords { name, tid, open, calls } = self.thread;
        writeln!(text, "\n  {}", shortened(&format!("{name} (tid {tid})"), WIDTH - 2))?;
        match open.len() {
            0 => writeln!(text, "    no call open")?,
            _ => self.open_calls(text)?,
        }
        match calls.len() {
            0 => writeln!(text, "    no call ended that is still recorded"),
            _ => self.ended_calls(text),
        }
    }

    fn open_calls(&self, text: &mut String) -> fmt::Result {
        let open = &self.thread.open;
        let heading = match self.plan.ending {
            Ending::Running if self.plan.is_running() => "open for",
            _ if self.plan.tells_its_end() => "was open for",
            _ => "for at least",
        };
        let name = WIDTH - 4 - 2 - DURATION;
        writeln!(text, "    {:<name$}  {heading:>DURATION$}", "open calls, outermost first")?;
        let hidden = open.len().saturating_sub(OUTERMOST + INNERMOST);
        let (first, last) = if hidden > 0 { (OUTERMOST, OUTERMOST + hidden) } else { (open.len(), open.len()) };
        for (depth, call) in open.iter().enumerate() {
            match depth {
                _ if depth < first || depth >= last => self.open_call(depth, call, text)?,
                _ if depth == first => writeln!(text, "    ... {hidden} more ...")?,
                _ => {}
            }
        }
        Ok(())
    }

    fn open_call(&self, depth: usize, call: &OpenCall, text: &mut String) -> fmt::Result {
        let digits = self.thread.open.len().to_string().len().max(2);
        let name = WIDTH - 4 - digits - 2 - 2 - DURATION;
        let mark = if call.inherited { ", from before the fork" } else { "" };
        let function = shortened(&self.words.function(call.function), name - mark.len()) + mark;
        let duration = match call.duration {
            // It began with the last sign of life.
            0 if !self.plan.is_running() && !self.plan.tells_its_end() => "unknown".to_owned(),
            duration => when::duration(duration),
        };
        writeln!(text, "    {depth:>digits$}  {function:<name$}  {duration:>DURATION$}")
    }

    fn ended_calls(&self, text: &mut String) -> fmt::Result {
        let heading = match self.thread.calls.len() {
            1 => "last call that ended".to_owned(),
            calls => format!("last {calls} calls that ended, newest last"),
        };
        let before = if self.plan.is_running() { "ended, ago" } else { "before end" };
        let name = WIDTH - 4 - 2 * (DURATION + 2) - 11;
        writeln!(text, "    {heading:<name$}  {:>DURATION$}  {before:>DURATION$}  how", "took")?;
        for call in &self.thread.calls {
            let EndedCall { function, duration, before, kind } = *call;
            let function = shortened(&self.words.function(function), name);
            let (took, before) = (when::duration(duration), when::duration(before));
            let how = how(kind);
            writeln!(text, "    {function:<name$}  {took:>DURATION$}  {before:>DURATION$}  {how}")?;
        }
        Ok(())
    }
}

/// At most `width` characters of a text, which is cut in the middle if it is longer; of `name (path/file:line)` if
/// possible in the path.
fn shortened(text: &str, width: usize) -> String {
    let characters: Vec<char> = printable(text).chars().collect();
    if characters.len() <= width {
        return characters.into_iter().collect();
    }
    let kept = width.saturating_sub(3);
    let name = characters.iter().position(|c| *c == '(').map_or(0, |at| at + 1);
    let file = characters.iter().rev().position(|c| *c == '/').map_or(0, |at| at + 1);
    let head = if name + file <= kept { (kept / 2).clamp(name, kept - file) } else { kept / 2 };
    let tail = characters.len() - (kept - head);
    [&characters[..head], &['.'; 3], &characters[tail..]].concat().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle_and_no_more_than_needed() {
        assert_eq!(shortened("abcdefghij", 10), "abcdefghij");
        assert_eq!(shortened("abcdefghijk", 10), "abc...hijk");
        assert_eq!(shortened("ééééééé", 5), "é...é");
        assert_eq!(shortened("a\x1b[2Jb", 12), r"a\x1b[2Jb");
        assert_eq!(shortened("abcdef", 2), "...");
        assert_eq!(shortened("a_long_name (/some/where/a.py:7)", 25), "a_long_name (...e/a.py:7)");
        assert_eq!(shortened("f (/some/where/long_name.py:7)", 25), "f (/so.../long_name.py:7)");
    }

    #[test]
    fn what_is_said_when_nobody_died() {
        let said = |ended, unknown, all| Others { ended, unknown, all }.to_string();
        assert_eq!(said(1, 0, true), "The process ended in order: it has no last words.\n");
        assert_eq!(said(3, 0, true), "All 3 processes ended in order: they have no last words.\n");
        assert_eq!(said(2, 0, false), "2 other processes ended in order.\n");
        assert_eq!(said(0, 0, false), "");
        let one = "The end of 1 process is not known: its report does not show it.\n";
        assert_eq!(said(0, 1, true), one);
        assert_eq!(said(1, 1, true), format!("1 other process ended in order.\n{one}"));
        let two = "The ends of 2 processes are not known: their reports do not show them.\n";
        assert_eq!(said(0, 2, false), two);
    }
}
