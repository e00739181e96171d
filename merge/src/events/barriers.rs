//! The calls of barriers, by which [`crate::align::barrier`] places machines.

use super::content::Content;
use super::decode::Buffers;
use crate::align::Ticks;
use crate::align::barrier::{Pass, Passes};
use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::text::display::display_name;
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
