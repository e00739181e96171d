//! The summary as a table, with a last line that says what went into the report.

use super::{FileSummary, Summary};
use crate::align::barrier::PlacedHost;
use crate::text::columns::aligned;
use crate::text::display::{self, grouped, printable};
use crate::text::when;
use std::fmt;

/// Files that get a row of their own in the table.
const ROWS_MAX: usize = 100;
const COLUMNS: usize = 9;
const HEADINGS: [&str; COLUMNS] =
    ["pid", "process", "threads", "events", "overwritten", "unfinished", "lost", "ending", "file"];
/// Columns of words; the others are numbers.
const WORDS: [usize; 3] = [1, 7, 8];

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(self.files.iter().take(ROWS_MAX).map(FileSummary::row));
        f.write_str(&aligned(&rows, &WORDS))?;
        if self.files.len() > ROWS_MAX {
            writeln!(f, "... and {} more files", grouped((self.files.len() - ROWS_MAX) as u64))?;
        }
        self.last_words.fmt(f)?;
        self.elided().iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.hosts.iter().try_for_each(|host| writeln!(f, "{}", placed(host)))?;
        writeln!(f, "{}", self.last_line())
    }
}

impl Summary {
    /// The report, and how many events of how many files are in it and are not.
    pub fn last_line(&self) -> String {
        // A report that was merged before holds many processes.
        let files = self.files.chunk_by(|a, b| a.path == b.path).count();
        let plural = if files == 1 { "" } else { "s" };
        let (events, files) = (grouped(self.events()), grouped(files as u64));
        let lost = self.files.iter().map(FileSummary::lost).fold(0, u64::saturating_add);
        let too_deep = self.files.iter().map(|file| file.sum(|thread| thread.too_deep)).fold(0, u64::saturating_add);
        let forgotten = self.files.iter().map(|file| file.forgotten_threads).fold(0, u64::saturating_add);
        let others = [
            (self.overwritten(), "are overwritten"),
            (lost, "are lost"),
            (self.left_out(), "were left out by the options"),
            (too_deep, "are too deep for it to show"),
            (forgotten, "threads have only overwritten events"),
        ];
        let others = others.iter().filter(|(count, _)| *count > 0);
        let others: String = others.map(|(count, what)| format!("; {} {what}", grouped(*count))).collect();
        let switched = self.switched().map(|words| format!("; {words}")).unwrap_or_default();
        format!("{}: {events} events of {files} file{plural}{others}{switched}", display::output(&self.output))
    }
}

/// How exactly a barrier has placed a machine.
fn placed(host: &PlacedHost) -> String {
    let PlacedHost { name, path, files, calls, fit, .. } = host;
    let others =
        if *files > 1 { format!(" and {} more of its machine", grouped(*files as u64 - 1)) } else { String::new() };
    let name = name.as_ref().map(|name| format!(" ({})", printable(name))).unwrap_or_default();
    let (path, count) = (display::path(path), grouped(*calls as u64));
    let calls = if *calls == 1 { "call" } else { "calls" };
    let error = when::duration(fit.uncertainty);
    let drifts =
        || format!("; its clock is {:.1} ppm {}", fit.drift.abs() * 1e6, if fit.drift < 0.0 { "fast" } else { "slow" });
    let drift = if fit.drift.abs() > fit.drift_error { drifts() } else { String::new() };
    format!("{path}{others}{name}: placed by {count} {calls} of the barrier, within {error}{drift}")
}

impl FileSummary {
    /// The row of the file.
    fn row(&self) -> [String; COLUMNS] {
        [
            self.pid.to_string(),
            printable(&self.process),
            self.threads.len().to_string(),
            grouped(self.sum(|thread| thread.events)),
            grouped(self.overwritten()),
            grouped(self.sum(|thread| thread.unfinished)),
            grouped(self.lost()),
            printable(&self.ending_word),
            display::path(&self.path),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ending::Ending;

    #[test]
    fn the_table_lines_up() {
        let mut file = FileSummary::sample();
        file.ending_word = Ending::Left.word().into_owned();
        file.threads[0].events = 240_012;
        let summary = Summary { output: "result.json".into(), files: vec![file], ..Summary::default() };
        let expected = "\
pid  process      threads   events  overwritten  unfinished  lost  ending            file
  7  MainProcess        1  240,012            0           1     0  left by os._exit  temp_dir/result_7.bin
result.json: 240,012 events of 1 file
";
        assert_eq!(summary.to_string(), expected);
    }

    #[test]
    fn the_last_line_tells_what_is_not_there() {
        let mut file = FileSummary::sample();
        (file.lost, file.forgotten_events, file.forgotten_threads) = (3, 20, 4);
        (file.threads[0].overwritten, file.threads[0].left_out) = (1000, 5);
        let summary = Summary { output: "result.json".into(), files: vec![file], ..Summary::default() };
        let expected = "result.json: 10 events of 1 file; 1,020 are overwritten; 3 are lost; \
                        5 were left out by the options; 4 threads have only overwritten events";
        assert_eq!(summary.last_line(), expected);
    }
}
