//! The functions of both sides, side by side.

use super::Both;
use super::matching::{Checkouts, FunctionKey, is_unknown};
use super::median::Median;
use super::metric::Metric;
use super::rank_test::{RankTest, SIGNIFICANT, least_p};
use super::samples::Samples;
use super::side::Run;
use crate::error::MergeError;
use crate::parallel::progress::Watch;
use crate::report::functions::{FunctionRow, InternedFunction};
use crate::text::display::{UNKNOWN_FUNCTION, display_name};
use indexmap::IndexMap;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

/// Stands for the name of a function in the row of the whole program.
pub const PROGRAM: &str = "[program]";

/// A function, or the whole program, in all runs.
#[derive(Clone, Debug)]
pub struct Row {
    /// As in the head, or as in the base if it is gone.
    pub function: InternedFunction,
    /// Its numbers.
    pub samples: Both<Samples>,
    /// The p-values of the times without and with called functions, if each side has several runs.
    p: Option<(f64, f64)>,
}

/// Which sides have called a function, as far as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    New,
    Gone,
    Both,
}

/// How a number of a function has changed: the medians of the runs, and the p-value of a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub base: Median,
    pub head: Median,
    pub p: Option<f64>,
}

/// Both sides.
#[derive(Debug)]
pub struct Comparison {
    /// The runs.
    pub runs: Both<Vec<Run>>,
    /// All functions together. Its total time is the sum of the times without called functions.
    pub program: Row,
    /// Each function, in the order of the metric that it was asked for.
    pub rows: Vec<Row>,
    /// The directories of the program.
    pub checkouts: Checkouts,
}

impl Row {
    fn new(function: InternedFunction, runs: &Both<Vec<Run>>) -> Row {
        Row { function, samples: runs.map(|runs| Samples::none(runs.len())), p: None }
    }

    /// The name as reports show it.
    pub fn name(&self) -> String {
        display_name(&self.function.function())
    }

    /// Whether this is the row of the whole program.
    pub fn is_program(&self) -> bool {
        self.function.file.is_empty() && &*self.function.name == PROGRAM
    }

    /// How a number has changed.
    pub fn change(&self, metric: Metric) -> Change {
        let medians = self.samples.map(|samples| samples.median(metric));
        let p = self.p.and_then(|(own, total)| match metric {
            Metric::Calls => None,
            Metric::Own => Some(own),
            Metric::Total => Some(total),
        });
        Change { base: medians.base, head: medians.head, p }
    }

    /// Whether some number may differ from what happened.
    pub fn is_unsure(&self, metric: Metric) -> bool {
        self.samples.base.is_unsure(metric) || self.samples.head.is_unsure(metric)
    }

    /// Whether only the base has called it, only the head, or both.
    pub fn presence(&self) -> Presence {
        match (self.samples.base.is_absent(), self.samples.head.is_absent()) {
            (true, false) => Presence::New,
            (false, true) => Presence::Gone,
            _ => Presence::Both,
        }
    }

    fn test(&mut self, test: &mut RankTest) {
        let Both { base, head } = &self.samples;
        if base.calls.len() > 1 && head.calls.len() > 1 {
            self.p = Some((test.p(&base.own, &head.own), test.p(&base.total, &head.total)));
        }
    }
}

impl Change {
    /// How much it is in either direction.
    pub fn size(&self) -> Median {
        self.base.above(self.head).max(self.head.above(self.base))
    }

    /// Hundredths of the base; `None` if that is 0.
    pub fn percent(&self) -> Option<f64> {
        let (base, head) = (self.base.number(), self.head.number());
        (base > 0.0).then(|| (head - base) / base * 100.0)
    }
}

impl Comparison {
    /// Puts the functions of these runs side by side. Those that have changed most come first.
    pub fn of(runs: Both<Vec<Run>>, sort: Metric, watch: &dyn Watch) -> Result<Comparison, MergeError> {
        let checkouts = Checkouts::find(&runs.map(|runs| files(runs)));
        let mut rows: IndexMap<FunctionKey, Row> = IndexMap::new();
        // The head first, as a row shows the function as it is there.
        let elided_head = add(&runs, &mut rows, &runs.head, of_head, |file| checkouts.of_head(file));
        let elided_base = add(&runs, &mut rows, &runs.base, of_base, |file| checkouts.of_base(file));
        mark(&mut rows, &runs.head, of_head, &elided_head);
        mark(&mut rows, &runs.base, of_base, &elided_base);
        let mut rows: Vec<Row> = rows.into_values().collect();
        let mut program = program(&runs);
        let mut test = RankTest::default();
        for row in rows.iter_mut().chain([&mut program]) {
            if watch.stopped() {
                return Err(MergeError::Interrupted);
            }
            row.test(&mut test);
        }
        let order = |row: &Row| {
            let size = |metric| Reverse(row.change(metric).size());
            (size(sort), size(Metric::Calls), size(Metric::Own), row.function.name.clone(), row.function.file.clone())
        };
        rows.sort_by_cached_key(order);
        Ok(Comparison { runs, program, rows, checkouts })
    }

    /// The module of each source file, by which functions match.
    pub fn modules(&self) -> HashMap<String, String> {
        let Both { base, head } = self.runs.map(|runs| files(runs));
        let of_base = base.iter().map(|file| (file.to_string(), self.checkouts.of_base(file)));
        let of_head = head.iter().map(|file| (file.to_string(), self.checkouts.of_head(file)));
        of_base.chain(of_head).collect()
    }

    /// Whether the rank test can find a difference of times between so many runs. One run says nothing of how much
    /// times vary, however many the other side has.
    pub fn has_enough_runs(&self) -> bool {
        let (base, head) = (self.runs.base.len(), self.runs.head.len());
        base > 1 && head > 1 && least_p(base, head) < SIGNIFICANT
    }

    /// A line for each side of which some run has no calls, since none are selected or none were recorded.
    pub fn sides_without_calls(&self) -> Vec<String> {
        let line = |(side, runs): (&str, &Vec<Run>)| {
            let without = runs.iter().filter(|run| run.functions.calls == 0).count();
            match (without, runs.len()) {
                (0, _) => None,
                (1, 1) => Some(format!("the {side} has no calls that are selected")),
                (some, all) => Some(format!("{some} of {all} runs of the {side} have no calls that are selected")),
            }
        };
        self.runs.named().into_iter().filter_map(line).collect()
    }

    /// Whether no run of any side has calls that are selected.
    pub fn is_of_nothing(&self) -> bool {
        self.runs.base.iter().chain(&self.runs.head).all(|run| run.functions.calls == 0)
    }

    /// What is to be said of the comparison as a whole.
    pub fn warnings(&self) -> Vec<String> {
        let few = (!self.has_enough_runs()).then(|| self.too_few_runs());
        self.sides_without_calls().into_iter().chain(few).collect()
    }

    /// Why times of so many runs have no verdict.
    pub fn too_few_runs(&self) -> String {
        let (base, head) = (self.runs.base.len(), self.runs.head.len());
        format!("too few runs to judge times (base: {base}, head: {head}): compare at least 4 on each side")
    }

    /// Whether a row shows a difference: in calls, or in times as far as that is more than chance makes.
    pub fn differs(&self, row: &Row) -> bool {
        let has_enough_runs = self.has_enough_runs();
        Metric::ALL.iter().any(|metric| {
            let change = row.change(*metric);
            let is_chance = has_enough_runs && change.p.is_some_and(|p| p >= SIGNIFICANT);
            change.size() > Median::default() && !is_chance
        })
    }
}

/// The source files of the functions.
fn files(runs: &[Run]) -> BTreeSet<&str> {
    let rows = runs.iter().flat_map(|run| &run.functions.rows);
    rows.filter_map(|(function, _)| Some(&*function.as_ref()?.file)).filter(|file| !file.is_empty()).collect()
}

type Of = fn(&mut Row) -> &mut Samples;

fn of_base(row: &mut Row) -> &mut Samples {
    &mut row.samples.base
}

fn of_head(row: &mut Row) -> &mut Samples {
    &mut row.samples.head
}

/// Adds the numbers of the runs of a side, and returns the functions of which not all calls are recorded there.
fn add(
    both: &Both<Vec<Run>>,
    rows: &mut IndexMap<FunctionKey, Row>,
    runs: &[Run],
    samples: Of,
    module: impl Fn(&str) -> String,
) -> BTreeSet<FunctionKey> {
    let unknown = InternedFunction { name: UNKNOWN_FUNCTION.into(), file: "".into(), line: 0, is_c: true };
    let mut elided = BTreeSet::new();
    for (run, Run { functions, .. }) in runs.iter().enumerate() {
        for (function, FunctionRow { calls, own, total, is_elided, .. }) in &functions.rows {
            let function = function.as_ref().unwrap_or(&unknown);
            let key = FunctionKey { module: module(&function.file), name: function.name.to_string() };
            if *is_elided {
                elided.insert(key.clone());
            }
            let row = rows.entry(key).or_insert_with(|| Row::new(function.clone(), both));
            samples(row).add(run, *calls, *own, *total);
        }
    }
    elided
}

/// Marks what may differ from what happened, also of functions that the side has not called as far as it is recorded.
fn mark(rows: &mut IndexMap<FunctionKey, Row>, runs: &[Run], samples: Of, elided: &BTreeSet<FunctionKey>) {
    let any = |is: fn(&Run) -> bool| runs.iter().any(is);
    let (is_partial, elides_c_calls) = (any(Run::is_partial), any(Run::elides_c_calls));
    let (are_times_unsure, is_own_unsure) = (any(Run::is_switched), any(|run| run.functions.is_least));
    for (key, row) in rows {
        let is_partial = is_partial || is_unknown(&row.function);
        let is_least = is_partial || elided.contains(key) || (row.function.is_c && elides_c_calls);
        let samples = samples(row);
        *samples = Samples { is_least, are_times_unsure, is_own_unsure, ..std::mem::take(samples) };
    }
}

/// All functions together.
fn program(runs: &Both<Vec<Run>>) -> Row {
    let function = InternedFunction { name: PROGRAM.into(), file: "".into(), line: 0, is_c: false };
    let samples = |runs: &Vec<Run>| {
        let mut samples = Samples::none(runs.len());
        for (index, Run { functions, .. }) in runs.iter().enumerate() {
            samples.add(index, functions.calls, functions.own, functions.own);
        }
        samples.is_least = runs.iter().any(|run| run.is_partial() || run.functions.is_least);
        samples.are_times_unsure = runs.iter().any(Run::is_switched);
        samples
    };
    Row { samples: runs.map(samples), ..Row::new(function, runs) }
}

#[cfg(test)]
impl Row {
    /// Of a function that was never called.
    pub(super) fn sample(function: &viztracer_format::names::Function<'_>) -> Row {
        let viztracer_format::names::Function { name, file, line, is_c } = *function;
        let function = InternedFunction { name: name.into(), file: file.into(), line, is_c };
        Row { function, samples: Both::default(), p: None }
    }
}
