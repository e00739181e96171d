//! The calls of barriers, by which [`crate::align::barrier`] places machines.

use super::content::Content;
use super::decode::Buffers;
use crate::align::Ticks;
use crate::align::barrier::{Pass, Passes};
use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::text::display::{self, display_name};
use rayon::prelude::*;
use regex::Regex;
use std::collections::HashSet;
use viztracer_format::record::Kind;

/// The most calls of a file that are kept: a barrier is called far less often.
const CALLS_MAX: usize = 1_000_000;

/// The calls of the functions whose names match, of each file. The error says why they are none of a barrier.
pub fn passes(files: &[FilePlan], pattern: &Regex, pool: &rayon::ThreadPool) -> Result<Vec<Passes>, String> {
    pool.install(|| files.par_iter().map(|plan| of_file(plan, pattern)).collect())
}

fn of_file(plan: &FilePlan, pattern: &Regex) -> Result<Passes, String> {
    let lacks_first = plan.threads.iter().any(|thread| thread.is_incomplete()) || plan.recording.lost > 0;
    let lacks_last = !matches!(plan.ending, Ending::Exited | Ending::Left);
    let mut passes = Passes { calls: Vec::new(), lacks_first, lacks_last };
    // A file that cannot be read says so when it is merged.
    let Ok(content) = Content::of(plan) else { return Ok(passes) };
    let mut barriers = HashSet::new();
    content.functions(plan, |id, function| {
        if pattern.is_match(&display_name(&function)) {
            barriers.insert(id);
        }
    });
    if barriers.is_empty() {
        return Ok(passes);
    }
    if let Some(reason) = missing(plan, pattern) {
        return Err(format!("{}: {reason}, so some of its calls may be missing", display::path(&plan.path)));
    }
    let mut buffers = Buffers::default();
    for index in 0..plan.calls.len() {
        content.decode(plan, &mut Ticks, index..index + 1, &mut buffers, |event| {
            let ended = matches!(event.kind, Kind::Return | Kind::Raise) && passes.calls.len() <= CALLS_MAX;
            if ended && barriers.contains(&event.function) {
                passes.calls.push(Pass { entered: event.start, left: event.start.saturating_add(event.duration) });
            }
        });
    }
    if passes.calls.len() > CALLS_MAX {
        return Err(format!("more than {CALLS_MAX} calls match, which is no barrier"));
    }
    passes.calls.sort_unstable_by_key(|pass| pass.left);
    Ok(passes)
}

/// Why calls may be missing between others, so that it is not known which ones of different processes belong together.
fn missing(plan: &FilePlan, pattern: &Regex) -> Option<&'static str> {
    let is_elided = || plan.elided.keys().any(|elided| pattern.is_match(&display_name(&elided.function())));
    if plan.min_duration() > 0 {
        Some("it was recorded with --min_duration")
    } else if plan.bursts.are_there() || is_elided() {
        Some("it was recorded with --max_overhead, which has left out calls")
    } else if plan.recording.gaps > 0 {
        Some("the hook of the tracer was gone for a time")
    } else if plan.problems.count > 0 {
        Some("parts of its file are damaged")
    } else {
        None
    }
}
