//! The runs of a trace, and two traces side by side.

use super::{Trace, show_running};
use crate::align::{self, Align, Clock};
use crate::error::MergeError;
use crate::events::selection::{Selected, TimeRange};
use crate::plan::file::{ContentId, FilePlan};
use crate::report::write::Sides;
use crate::survey::number;
use crate::text::display;
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl<'a> Trace<'a> {
    /// The runs in the trace, in the order of their first files, each on a time line of its own. Inputs that cannot be
    /// read count for the first one. A run is all processes with one session, or all processes of a trace in JSON that
    /// names none, or a ring file that names none.
    pub fn runs(self) -> Result<Vec<Trace<'a>>, MergeError> {
        let Trace { request, pool, bad, passed_over, .. } = self;
        let mut by_run: IndexMap<RunId, Vec<FilePlan>> = IndexMap::new();
        for plan in self.plans {
            by_run.entry(RunId::of(&plan)).or_default().push(plan);
        }
        let mut unread = Some((bad, passed_over));
        let mut run = |mut plans: Vec<FilePlan>| {
            let copies = leave_out_copies(&mut plans);
            // Times count from the begin, also of a trace in JSON, whose own time line may have begun long before.
            let mut alignment = align::align(&plans, Align::Start, &request.offsets);
            alignment.warnings.extend(copies);
            show_running(request, &mut plans, &alignment)?;
            let (bad, passed_over) = unread.take().unwrap_or_default();
            let (pool, inputs) = (Arc::clone(&pool), HashSet::new());
            let (source_root, sides, times) = (None, None, None);
            Ok(Trace { request, pool, source_root, inputs, plans, alignment, bad, passed_over, sides, times })
        };
        by_run.into_values().map(&mut run).collect()
    }

    /// This trace, which is a base, and a head as one, in which all runs begin at the same time. Functions of one name
    /// match if these modules of their source files are the same. A selection applies to each run by itself.
    pub fn beside(self, head: Trace<'a>, modules: HashMap<String, String>) -> Result<Trace<'a>, MergeError> {
        let Trace { request, ref pool, .. } = self;
        let pool = Arc::clone(pool);
        let inputs = self.inputs.union(&head.inputs).copied().collect();
        let (base, head) = (self.runs()?, head.runs()?);
        let (base_labels, head_labels) = (labels("base", &base), labels("head", &head));
        let (base_runs, head_runs) = (base.len(), head.len());
        let is_head = base_labels.iter().map(|_| false).chain(head_labels.iter().map(|_| true)).collect();
        let labels = [base_labels, head_labels].concat();
        let sides = Some(Sides { labels, is_head, runs: [base_runs, head_runs], modules });
        let (mut plans, mut times, mut bad, mut passed_over) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for run in base.into_iter().chain(head) {
            times.extend(run.times()?);
            plans.extend(run.plans);
            bad.extend(run.bad);
            passed_over.extend(run.passed_over);
        }
        number::number(&mut plans);
        let alignment = align::align(&plans, Align::Start, &[]);
        // Each range is one on the time line of its run so far.
        let begin = |(plan, clock): (&FilePlan, &Clock)| clock.signed(plan.recording.opened.ticks);
        let begins = plans.iter().zip(&alignment.clocks).map(begin);
        let times = times.into_iter().zip(begins).map(|((time, begin), moved)| time.later(moved.wrapping_sub(begin)));
        let (source_root, times) = (None, Some(times.collect()));
        Ok(Trace { request, pool, source_root, inputs, plans, alignment, bad, passed_over, sides, times })
    }

    /// The selected time of each file, and when that was opened, both on the time line of this trace.
    fn times(&self) -> Result<Vec<(TimeRange, i64)>, MergeError> {
        let selected = Selected::of(&self.request.selection, &self.plans, &self.alignment)?;
        let time = |file: usize| selected.as_ref().and_then(|selected| selected.times().get(file).copied());
        let files = self.plans.iter().zip(&self.alignment.clocks).enumerate();
        let of = |(file, (plan, clock)): (usize, (&FilePlan, &Clock))| {
            (time(file).unwrap_or(TimeRange::ALL), clock.signed(plan.recording.opened.ticks))
        };
        Ok(files.map(of).collect())
    }
}

/// What each process of the runs of a side is called.
fn labels(side: &str, runs: &[Trace<'_>]) -> Vec<String> {
    let label = |index| if runs.len() == 1 { side.to_owned() } else { format!("{side} {}", index + 1) };
    let labels = runs.iter().enumerate().map(|(index, run)| vec![label(index); run.plans.len()]);
    labels.flatten().collect()
}

/// Leaves out files of processes that another file of the run is of, too, such as a copy of that, or a report of it. A
/// ring file stays rather than a report, else the longer one. Returns a line for each that is left out.
fn leave_out_copies(plans: &mut Vec<FilePlan>) -> Vec<String> {
    let process = |plan: &FilePlan| (plan.recording.pid, plan.recording.opened.realtime);
    let weight = |plan: &FilePlan| (plan.imported().is_none(), plan.length);
    let is_known = |plan: &FilePlan| plan.recording.session_id != NO_SESSION && plan.recording.opened.realtime != 0;
    let mut kept: IndexMap<_, FilePlan> = IndexMap::new();
    let mut lines = Vec::new();
    for (index, plan) in std::mem::take(plans).into_iter().enumerate() {
        // One of which it is not known is a process of its own.
        let key = (process(&plan), if is_known(&plan) { 0 } else { index });
        let Some(other) = kept.get_mut(&key) else {
            kept.insert(key, plan);
            continue;
        };
        let copy = if weight(&plan) > weight(other) { std::mem::replace(other, plan) } else { plan };
        let (path, copy_path) = (display::path(&other.path), display::path(&copy.path));
        lines.push(format!("{copy_path}: process {} is in {path}, too, and counts once", copy.recording.pid));
    }
    plans.extend(kept.into_values());
    lines
}

const NO_SESSION: [u8; 16] = [0; 16];

/// What the processes of a run have in common.
#[derive(PartialEq, Eq, Hash)]
enum RunId {
    Session([u8; 16]),
    Content(ContentId),
}

impl RunId {
    fn of(plan: &FilePlan) -> RunId {
        match plan.recording.session_id {
            NO_SESSION => RunId::Content(plan.content_id()),
            session => RunId::Session(session),
        }
    }
}
