//! Lists what happened and is not in the report, in words, for `--strict` and for a run that merges itself.

use crate::events::selection::AsOf;
use crate::report::summary::{FileSummary, SWITCHED, Summary};
use crate::system::recorded_error;
use crate::text::display::{self, grouped, printable};
use crate::text::when;

impl Summary {
    /// A line for every process of which something was lost, and lines about functions of which not all calls are
    /// recorded.
    pub fn losses(&self) -> Vec<String> {
        of_processes(self).into_iter().chain(self.elided()).collect()
    }

    /// A line for every input of which something is missing.
    pub fn missing(&self) -> Vec<String> {
        lines(self)
    }

    /// A line for every input of which parts could not be read.
    pub fn damaged(&self) -> Vec<String> {
        let damaged = self.files.iter().filter(|file| file.problems.count > 0);
        let line = |file: &FileSummary| {
            let first = file.problems.first.first().map(ToString::to_string).unwrap_or_default();
            let (path, count) = (display::path(&file.path), grouped(file.problems.count));
            let parts = if file.problems.count == 1 { "part" } else { "parts" };
            format!("{path}: {count} {parts} could not be read: {}", printable(&first))
        };
        damaged.map(line).collect()
    }

    /// A line for every process whose ring does not reach back over the whole time that this report, as of `instant`,
    /// shows.
    pub fn short(&self, instant: AsOf) -> Vec<String> {
        short(self, instant)
    }
}

/// A line for every process whose ring does not reach back over the whole time that a report as of this instant shows.
pub fn short(summary: &Summary, as_of: AsOf) -> Vec<String> {
    let Ok(instant) = as_of.of_report(summary.zero) else { return Vec::new() };
    let line = |file: &FileSummary| {
        let gaps = file.threads.iter().filter_map(|thread| thread.overwritten_time.clone());
        let until = gaps.filter(|gap| !gap.is_empty()).map(|gap| gap.end.min(instant)).max();
        let reach = match until {
            // It is not known when those threads ended.
            _ if file.forgotten_events > 0 => "lacks threads that were overwritten".to_owned(),
            Some(until) => format!("complete for the last {} only", when::duration(instant - until)),
            None => return None,
        };
        Some(format!("{} (pid {}): {reach}", printable(&file.process), file.pid))
    };
    summary.files.iter().filter_map(line).collect()
}

/// A line for every file of which something is missing.
pub fn lines(summary: &Summary) -> Vec<String> {
    let bad = summary.bad.iter().map(|bad| format!("{}: not read", display::path(&bad.path)));
    bad.chain(summary.files.iter().filter_map(line)).collect()
}

fn line(file: &FileSummary) -> Option<String> {
    let losses = losses(file);
    let path = display::path(&file.path);
    (!losses.is_empty()).then(|| format!("{path}: {}", losses.join(", ")))
}

/// A line for every process that lost events, for a user that has just recorded them. Overwritten events and calls that
/// never ended are shown elsewhere.
pub fn of_processes(summary: &Summary) -> Vec<String> {
    let line = |file: &FileSummary| {
        let counts = [
            (file.lost(), "events lost: no space in the ring file"),
            (file.unnamed, "functions without a name: no space in the ring file"),
            (file.unmatched, "returns that matched no call"),
            (file.damaged(), "damaged parts"),
        ];
        let mut losses: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", grouped(*count)))
            .collect();
        if file.failure > 0 {
            losses.push(format!("could not grow: {}", recorded_error(file.failure)));
        }
        losses.extend(file.switched.then(|| SWITCHED.to_owned()));
        (!losses.is_empty()).then(|| format!("{} (pid {}): {}", printable(&file.process), file.pid, losses.join(", ")))
    };
    summary.files.iter().filter_map(line).collect()
}

/// Lists what is missing of a process, or may be wrong, in words.
pub fn losses(file: &FileSummary) -> Vec<String> {
    // A process that ends by its own will, or its program's, in the middle of a call loses nothing.
    let is_death = file.ending.is_death() && !file.ending.is_dismissal(file.account.is_worker);
    let unfinished = if is_death { file.sum(|thread| thread.unfinished) } else { 0 };
    let counts = [
        (file.overwritten(), "overwritten"),
        (file.forgotten_threads, "threads of which nothing is left"),
        (file.forgotten_tasks, "tasks of which nothing is left"),
        (file.lost(), "lost"),
        (file.damaged(), "damaged"),
        (file.unnamed, "functions without a name"),
        (file.unmatched, "returns that matched no call"),
        (file.gaps, "times when another profiler had replaced the tracer's hook"),
        (unfinished, "unfinished"),
        (file.sum(|thread| thread.too_deep), "too deep to be drawn"),
    ];
    let counted = counts.iter().filter(|(count, _)| *count > 0);
    let mut losses: Vec<String> = counted.map(|(count, what)| format!("{} {what}", grouped(*count))).collect();
    if is_death {
        losses.push(file.ending.word().into_owned());
    }
    if file.failure > 0 {
        losses.push("recording stopped early".to_owned());
    }
    if file.switched {
        losses.push(SWITCHED.to_owned());
    }
    losses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;
    use crate::plan::ending::Ending;

    fn lines_of(change: impl Fn(&mut FileSummary)) -> Vec<String> {
        let mut file = FileSummary { path: "a.bin".into(), ..FileSummary::sample() };
        change(&mut file);
        lines(&Summary { files: vec![file], ..Summary::default() })
    }

    #[test]
    fn what_a_run_says_of_its_processes() {
        let mut file = FileSummary::sample();
        file.threads[0].overwritten = 5;
        let summary = |file: &FileSummary| Summary { files: vec![file.clone()], ..Summary::default() };
        assert!(of_processes(&summary(&file)).is_empty());
        (file.lost, file.unmatched, file.failure) = (1234, 1, 28);
        // Another system has another text for the number of Linux.
        let error = if cfg!(unix) { "No space left on device (os error 28)" } else { &recorded_error(28).to_string() };
        let expected = "MainProcess (pid 7): 1,234 events lost: no space in the ring file, \
                        1 returns that matched no call, could not grow: ";
        assert_eq!(of_processes(&summary(&file)), [format!("{expected}{error}")]);
    }

    #[test]
    fn every_kind_of_loss_alone() {
        assert!(lines_of(|_| {}).is_empty());
        for harmless in [Ending::Running, Ending::Left, Ending::Replaced, Ending::Stopped] {
            assert!(lines_of(|file| file.ending = harmless).is_empty());
        }
        assert_eq!(lines_of(|file| file.threads[0].overwritten = 1234), ["a.bin: 1,234 overwritten"]);
        assert_eq!(lines_of(|file| file.forgotten_events = 7), ["a.bin: 7 overwritten"]);
        assert_eq!(lines_of(|file| file.forgotten_threads = 8), ["a.bin: 8 threads of which nothing is left"]);
        assert_eq!(lines_of(|file| file.forgotten_tasks = 9), ["a.bin: 9 tasks of which nothing is left"]);
        assert_eq!(lines_of(|file| file.switched = true), [format!("a.bin: {SWITCHED}")]);
        assert_eq!(lines_of(|file| file.threads[0].lost = 2), ["a.bin: 2 lost"]);
        assert_eq!(lines_of(|file| file.threads[0].too_deep = 6), ["a.bin: 6 too deep to be drawn"]);
        assert_eq!(lines_of(|file| file.lost = 3), ["a.bin: 3 lost"]);
        assert_eq!(lines_of(|file| file.problems.add(Problem::new("x"))), ["a.bin: 1 damaged"]);
        assert_eq!(lines_of(|file| file.damaged_before = 7), ["a.bin: 7 damaged"]);
        assert_eq!(lines_of(|file| file.unnamed = 4), ["a.bin: 4 functions without a name"]);
        assert_eq!(lines_of(|file| file.unmatched = 5), ["a.bin: 5 returns that matched no call"]);
        let gaps = ["a.bin: 2 times when another profiler had replaced the tracer's hook"];
        assert_eq!(lines_of(|file| file.gaps = 2), gaps);
        assert_eq!(lines_of(|file| file.failure = 28), ["a.bin: recording stopped early"]);
        assert_eq!(lines_of(|file| file.ending = Ending::Silent), ["a.bin: 1 unfinished, ended without a word"]);
        assert_eq!(lines_of(|file| file.ending = Ending::Signal(11)), ["a.bin: 1 unfinished, crashed by SIGSEGV"]);
        assert_eq!(lines_of(|file| file.ending = Ending::Signal(15)), ["a.bin: 1 unfinished, ended by SIGTERM"]);
    }

    #[test]
    fn a_worker_that_its_program_ends_loses_nothing() {
        let worker = |ending| {
            lines_of(|file| {
                (file.ending, file.account.is_worker) = (ending, true);
            })
        };
        assert!(worker(Ending::Signal(15)).is_empty());
        for (number, word) in [(9, "killed by SIGKILL"), (11, "crashed by SIGSEGV")] {
            assert_eq!(worker(Ending::Signal(number)), [format!("a.bin: 1 unfinished, {word}")]);
        }
    }
}
