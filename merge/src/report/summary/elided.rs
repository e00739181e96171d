//! What the summary says of functions, and of processes, of which not all calls are recorded.

use super::{FileSummary, Summary};
use crate::report::bursts;
use crate::report::elided::words;
use crate::text::display::{grouped, printable};
use indexmap::IndexMap;

/// Lines that are shown.
const LINES_MAX: usize = 20;

impl Summary {
    /// A line for all processes of which the same is to be said.
    pub fn elided(&self) -> Vec<String> {
        let mut said: IndexMap<String, Vec<&FileSummary>> = IndexMap::new();
        for file in &self.files {
            for words in
                words(&file.account.elided, &file.account.estimates).into_iter().chain(bursts::words_of(&file.account))
            {
                said.entry(words).or_default().push(file);
            }
        }
        let more = said.len().saturating_sub(LINES_MAX);
        let more = (more > 0).then(|| format!("... and {} more lines about such functions", grouped(more as u64)));
        let line = |(words, files): (String, Vec<&FileSummary>)| match files[..] {
            [file] => format!("{} (pid {}): {words}", printable(&file.process), file.pid),
            _ => format!("{} processes: {words}", grouped(files.len() as u64)),
        };
        said.into_iter().take(LINES_MAX).map(line).chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::elided::ElidedFunction;
    use viztracer_format::names::Function;

    fn file(pid: u32, functions: &[(&str, bool)]) -> FileSummary {
        let mut file = FileSummary { pid, ..FileSummary::sample() };
        for (name, only_c_calls) in functions {
            let function = Function { name, file: "a.py", line: 1, is_c: false };
            file.account.elided.insert(ElidedFunction::of(&function, *only_c_calls), 0);
        }
        file
    }

    fn lines_of(files: Vec<FileSummary>) -> Vec<String> {
        Summary { files, ..Summary::default() }.elided()
    }

    #[test]
    fn functions_that_are_not_recorded_in_a_line() {
        assert!(lines_of(vec![file(7, &[])]).is_empty());
        let whole = "MainProcess (pid 7): 3 functions were called too often to record all their calls \
                     (--max_overhead): fib, leaf and 1 other; their time, and that of C functions called there, \
                     counts for their callers";
        let of = [("fib", false), ("leaf", false), ("z", false), ("leaf", true)];
        assert_eq!(lines_of(vec![file(7, &of)]), [whole]);
        let one = "MainProcess (pid 7): 1 function was called too often to record all its calls (--max_overhead): \
                   \\nf; its time, and that of C functions called there, counts for its callers";
        assert_eq!(lines_of(vec![file(7, &[("\nf", false)])]), [one]);
    }

    #[test]
    fn c_functions_that_are_not_recorded_in_a_line() {
        let one = "MainProcess (pid 7): 1 function may have called C functions that are not recorded \
                   (--max_overhead): f; their time counts for it";
        assert_eq!(lines_of(vec![file(7, &[("f", true)])]), [one]);
        let lines = lines_of(vec![file(7, &[("f", true), ("g", false), ("h", true)])]);
        assert!(
            lines[1].contains("2 functions may have called C functions")
                && lines[1].ends_with("f, h; their time counts for them")
        );
    }

    #[test]
    fn processes_of_which_the_same_is_to_be_said_have_one_line() {
        let same = || file(7, &[("f", false)]);
        let lines = lines_of(vec![same(), file(8, &[]), file(9, &[("g", false)]), same()]);
        assert_eq!(lines.len(), 2);
        let many = (10..40).map(|n| file(n, &[(&format!("f{n}"), false)])).collect();
        assert_eq!(lines_of(many)[20..], ["... and 10 more lines about such functions"]);
        assert!(lines[0].starts_with("2 processes: 1 function was") && lines[1].starts_with("MainProcess (pid 9): 1"));
    }
}
