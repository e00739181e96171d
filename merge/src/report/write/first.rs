//! The first reading of files that are read as stack events, or that lack events. It finds the calls that are open
//! around each part, and around what is missing.

use super::files::LoadedFiles;
use super::part::{Part, Reader, Scratch};
use super::writer::Report;
use crate::error::MergeError;
use crate::events::content::Content;
use crate::events::timeline::{Edges, FileWindows, WindowsBuilder, overwritten, unfinished};
use crate::parallel::progress::Watch;
use crate::parallel::reorder_buffer::in_order;
use crate::plan::file::{FilePlan, Thread};
use rayon::ThreadPool;

/// Finds the windows of each file. A file that needs none has none.
pub fn read(
    report: &Report<'_>,
    parts: &[Part],
    is_nested: bool,
    pool: &ThreadPool,
    watch: &dyn Watch,
) -> Result<Vec<FileWindows>, MergeError> {
    let plans = report.files;
    let is_read = |plan: &FilePlan| is_nested || plan.threads.iter().any(Thread::is_incomplete);
    let mut builders: Vec<_> = plans.iter().map(|plan| is_read(plan).then(WindowsBuilder::default)).collect();
    let parts: Vec<Part> = parts.iter().filter(|part| builders[part.file].is_some()).copied().collect();
    let files = LoadedFiles::new(plans.len(), &parts, 1);
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
        if let Some((builder, edges)) = edges.and_then(|(file, edges)| Some((builders[file].as_mut()?, edges))) {
            builder.add(edges);
        }
        Ok(())
    };
    in_order(pool, parts.len(), || watch.stopped(), Scratch::default, work, take).map_err(MergeError::from)?;
    let finish = |((builder, plan), clock): ((Option<WindowsBuilder>, _), _)| {
        builder.map_or_else(FileWindows::default, |builder| {
            builder.finish(unfinished(plan, clock), overwritten(plan, clock))
        })
    };
    Ok(builders.into_iter().zip(plans).zip(clocks).map(finish).collect())
}
