//! A comparison as a table for a terminal, or in Markdown, with what is to be said of its numbers below it.

use super::Both;
use super::comparison::{Comparison, Presence, Row};
use super::metric::Metric;
use super::side::Run;
use super::verdict::{Verdict, named as named_rows};
use crate::text::columns::aligned;
use crate::text::display::{grouped, printable};
use crate::text::markdown::{code, escaped};
use indexmap::IndexSet;

/// Rows that the text names of those that break a rule.
const BROKEN_SHOWN: usize = 10;
/// Lines about what is missing on one side.
const LOSSES_SHOWN: usize = 20;

/// What to show.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// How many functions.
    pub rows: usize,
    /// Whether it is Markdown.
    pub markdown: bool,
}

impl Table {
    /// The table, the notes and the verdicts.
    pub fn text(&self, comparison: &Comparison, verdicts: &[Verdict<'_>]) -> String {
        let differing: Vec<&Row> = comparison.rows.iter().filter(|row| comparison.differs(row)).collect();
        let shown = &differing[..differing.len().min(self.rows)];
        let rows: Vec<&Row> = [&comparison.program].into_iter().chain(shown.iter().copied()).collect();
        let has_p = comparison.program.change(Metric::Own).p.is_some();
        let titles = [titles(comparison).join("\n"), String::new()];
        let mut notes = rest(comparison, differing.len(), shown.len());
        notes.extend(signs(&rows));
        notes.extend(checkouts(comparison));
        notes.extend(comparison.warnings().into_iter().map(|warning| format!("warning: {warning}")));
        notes.extend(comparison.runs.named().into_iter().flat_map(|(side, runs)| losses(side, runs)));
        let verdicts: Vec<String> = verdicts.iter().map(|verdict| self.verdict(verdict)).collect();
        let mut text = match self.markdown {
            true => markdown(&titles[0], &headings(has_p), &rows, has_p),
            false => plain(&titles[0], &headings(has_p), &rows, has_p),
        };
        for note in notes {
            text += &if self.markdown { format!("\n{}\n", escaped(&note)) } else { format!("{note}\n") };
        }
        text += "\n";
        for verdict in verdicts {
            text += &verdict;
        }
        text
    }

    fn verdict(&self, verdict: &Verdict<'_>) -> String {
        let (rule, summary) = (printable(&verdict.rule.text), summary(verdict));
        let mut text = match self.markdown {
            true => format!("- {}: {}\n", code(&rule), escaped(&summary)),
            false => format!("{rule}: {summary}\n"),
        };
        for row in verdict.broken.iter().take(BROKEN_SHOWN) {
            let metric = verdict.rule.metric;
            let (name, [numbers, change]) = (printable(&row.name()), cells(row, metric));
            let p = row.change(metric).p.map_or(String::new(), |p| format!(", p {}", p_value(p)));
            text += &match self.markdown {
                true => format!("  - {}: {numbers} ({change}{p})\n", code(&name)),
                false => format!("  {name}: {numbers} ({change}{p})\n"),
            };
        }
        let more = verdict.broken.len().saturating_sub(BROKEN_SHOWN);
        match (more, self.markdown) {
            (0, _) => text,
            (more, true) => text + &format!("  - ... and {} more\n", grouped(more as u64)),
            (more, false) => text + &format!("  ... and {} more\n", grouped(more as u64)),
        }
    }
}

/// What a rule says, in one line.
pub fn summary(verdict: &Verdict<'_>) -> String {
    let broken = match verdict.broken.len() {
        0 => None,
        _ => Some(format!("broken by {}", named_rows(&verdict.broken))),
    };
    let words: Vec<String> = match (broken, verdict.undecided.is_empty()) {
        (None, true) => vec!["kept".to_owned()],
        (broken, _) => {
            let undecided = verdict.undecided.iter().map(|why| format!("no verdict: {why}"));
            broken.into_iter().chain(undecided).collect()
        }
    };
    words.join("; ")
}

/// A line about each side.
fn titles(comparison: &Comparison) -> [String; 2] {
    let program = &comparison.program.samples;
    let samples = [&program.base, &program.head];
    let mut lines = comparison.runs.named().into_iter().zip(samples).map(|((side, runs), samples)| {
        let processes = runs.iter().map(|run| run.summary.files.len() as u64).sum();
        let counts = [count(runs.len() as u64, "run"), count_of(processes, "process", "processes")].join(" of ");
        let median = if runs.len() > 1 { " (medians)" } else { "" };
        let least = if samples.is_unsure(Metric::Calls) { "at least " } else { "" };
        let calls = samples.median(Metric::Calls);
        let unit = if calls == 1.into() { "call" } else { "calls" };
        let calls = format!("{} {unit}", Metric::Calls.shown(calls));
        format!("{side}: {counts}, {least}{calls}, {}{median}", Metric::Own.shown(samples.median(Metric::Own)))
    });
    std::array::from_fn(|_| lines.next().unwrap_or_default())
}

fn count(number: u64, one: &str) -> String {
    count_of(number, one, &format!("{one}s"))
}

fn count_of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// How many functions the table does not show, and why.
fn rest(comparison: &Comparison, differing: usize, shown: usize) -> Vec<String> {
    let more = (differing - shown) as u64;
    let same = (comparison.rows.len() - differing) as u64;
    let functions = |number| count(number, "function");
    let is_tested = comparison.has_enough_runs();
    let why = if is_tested { "as many calls, and times that differ no more than by chance" } else { "no difference" };
    [
        (more > 0).then(|| format!("... and {} more with a difference", functions(more))),
        (same > 0).then(|| format!("{} with {why}", functions(same))),
        is_tested.then(|| chance(comparison.rows.len() as u64)).flatten(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How many times of functions differ by chance alone, if there may be some.
fn chance(functions: u64) -> Option<String> {
    const ONE_OF: u64 = 20;
    let times = functions.saturating_mul(2);
    let by_chance = times / ONE_OF;
    (by_chance > 0).then(|| {
        format!("Chance alone may give up to {} of the {} times p < 0.05.", grouped(by_chance), grouped(times))
    })
}

/// What the signs in the table mean, as far as there are some.
fn signs(rows: &[&Row]) -> Vec<String> {
    let sides = || rows.iter().flat_map(|row| [&row.samples.base, &row.samples.head]);
    let is_unsure = rows.iter().any(|row| Metric::ALL.iter().any(|metric| row.is_unsure(*metric)));
    let varies = sides().any(|samples| samples.varies(Metric::Calls));
    let unsure = "?: calls are missing in some run, were not all recorded, or may have wrong times, so the change is \
                  not certain. >=: the least that it was";
    [
        varies.then(|| "~: differs between the runs of a side; this is the median".to_owned()),
        is_unsure.then(|| unsure.to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn checkouts(comparison: &Comparison) -> Option<String> {
    let Both { base, head } = comparison.checkouts.directories.as_ref()?;
    Some(format!("Files below {} of the base match those below {} of the head.", named(base), named(head)))
}

fn named(directory: &str) -> String {
    if directory.is_empty() { "/".to_owned() } else { printable(directory) }
}

/// What is missing on a side. What is to be said of several runs stands there once.
fn losses(side: &str, runs: &[Run]) -> Vec<String> {
    let said: IndexSet<String> = runs.iter().flat_map(|run| run.losses().into_iter().chain(run.elided())).collect();
    let more = said.len().saturating_sub(LOSSES_SHOWN) as u64;
    let more = (more > 0).then(|| format!("... and {} more lines about what is missing", grouped(more)));
    said.into_iter().take(LOSSES_SHOWN).chain(more).map(|line| format!("{side}: {line}")).collect()
}

fn headings(has_p: bool) -> Vec<String> {
    let of = |metric: Metric| {
        let p = (has_p && metric.is_time()).then_some("p");
        [metric.name(), "change"].into_iter().chain(p)
    };
    Metric::ALL.into_iter().flat_map(of).chain(["function"]).map(str::to_owned).collect()
}

/// The cells of a row, without its name.
fn numbers(row: &Row, has_p: bool) -> Vec<String> {
    let of = |metric: Metric| {
        let p = (has_p && metric.is_time()).then(|| row.change(metric).p.map_or("-".to_owned(), p_value));
        cells(row, metric).into_iter().chain(p)
    };
    Metric::ALL.into_iter().flat_map(of).collect()
}

/// `100 -> 120`, `+20.0 %`.
fn cells(row: &Row, metric: Metric) -> [String; 2] {
    let change = row.change(metric);
    let number = |samples: &super::samples::Samples, number| {
        let least = if samples.is_least && metric != Metric::Own { ">=" } else { "" };
        let varies = if metric == Metric::Calls && samples.varies(metric) { "~" } else { "" };
        format!("{least}{varies}{}", metric.shown(number))
    };
    let (base, head) = (number(&row.samples.base, change.base), number(&row.samples.head, change.head));
    let numbers = if base == head { base } else { format!("{base} -> {head}") };
    let how = match (change.percent(), row.presence()) {
        _ if change.base == change.head => "=".to_owned(),
        (_, Presence::New) => "new".to_owned(),
        (_, Presence::Gone) => "gone".to_owned(),
        // No sign of a number that is shown as 0.
        (Some(percent), Presence::Both) if percent.abs() < 0.05 => "<0.1 %".to_owned(),
        (Some(percent), Presence::Both) => format!("{percent:+.1} %"),
        (None, Presence::Both) => "from 0".to_owned(),
    };
    [numbers, format!("{how}{}", if row.is_unsure(metric) { "?" } else { "" })]
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

fn plain(title: &str, headings: &[String], rows: &[&Row], has_p: bool) -> String {
    let mut lines = vec![headings.to_vec()];
    let cells = |row: &&Row| numbers(row, has_p).into_iter().chain([printable(&row.name())]).collect();
    lines.extend(rows.iter().map(cells));
    format!("{title}\n\n{}", aligned(&lines, &[headings.len() - 1]))
}

fn markdown(title: &str, headings: &[String], rows: &[&Row], has_p: bool) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("### Comparison\n\n{}\n\n", escaped(title).replace('\n', "  \n"));
    text += &line(headings);
    text += &format!("|{}---|\n", "--:|".repeat(headings.len() - 1));
    for row in rows {
        let name = code(&printable(&row.name()));
        text += &line(&numbers(row, has_p).into_iter().chain([name]).collect::<Vec<_>>());
    }
    text
}
