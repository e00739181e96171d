//! The first reading of parts that are to be told as steps: only now is it known which calls are open around each of them.

use super::Report;
use super::files::Files;
use super::part::{Part, Reader, Scratch};
use crate::content::Content;
use crate::error::MergeError;
use crate::progress::Watch;
use crate::timeline::{Edges, FileWindows, WindowsBuilder, unfinished};
use crate::window::in_order;
use rayon::ThreadPool;

/// By file, what its parts need to know of each other.
pub fn read(
    report: &Report<'_>,
    parts: &[Part],
    pool: &ThreadPool,
    watch: &dyn Watch,
) -> Result<Vec<FileWindows>, MergeError> {
    let plans = report.files;
    let mut builders: Vec<WindowsBuilder> = plans.iter().map(|_| WindowsBuilder::default()).collect();
    let files = Files::new(plans.len(), parts);
    let clocks = &report.alignment.clocks;
    let work = |scratch: &mut Scratch, index: usize| {
        let part = parts.get(index)?;
        let (plan, clock) = (&plans[part.file], &clocks[part.file]);
        let edges = files.with(
            part,
            || Content::of(plan),
            |content| Reader { plan, clock, content, part, windows: None, selection: None, scratch }.edges(),
        );
        Some((part.file, edges))
    };
    let take = |edges: Option<(usize, Edges)>| {
        if let Some((file, edges)) = edges {
            builders[file].add(edges);
        }
        Ok(())
    };
    in_order(pool, parts.len(), || watch.stopped(), Scratch::default, work, take).map_err(MergeError::from)?;
    let finish = |((builder, plan), clock): ((WindowsBuilder, _), _)| builder.finish(unfinished(plan, clock));
    Ok(builders.into_iter().zip(plans).zip(clocks).map(finish).collect())
}
