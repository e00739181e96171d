//! The calls that were open when tracing stopped, or the process, or when we look, out of the STACKS segments.

use crate::error::Problem;
use crate::input::{Input, Unread};
use std::collections::BTreeMap;
use viztracer_format::reader::Event;
use viztracer_format::record::{Record, full_ticks};
use viztracer_format::stack::{Block, blocks, task_of};

/// How often a stack that moves is read again.
const ATTEMPTS: usize = 4;

/// A call without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpenFrame {
    /// The thread's serial.
    pub thread: u32,
    /// The serial of the task that it runs in, 0 if none.
    pub task: u32,
    /// The function's id.
    pub function: u32,
    /// Ticks at its begin.
    pub start: u64,
    /// Whether it began in the parent process.
    pub inherited: bool,
}

/// The open frames of every thread, outermost first. Ticks are told from 56 bits as near to `reference` as can be.
pub fn read(input: &Input, segments: &[u32], reference: u64, mut bad: impl FnMut(Problem)) -> Vec<OpenFrame> {
    let mut threads: BTreeMap<u32, Vec<(u32, Vec<Record>)>> = BTreeMap::new();
    let mut buffer = Vec::new();
    for index in segments {
        match settled(input, *index, &mut buffer) {
            Ok(body) => {
                for block in blocks(&body) {
                    threads.entry(block.thread).or_default().push((block.base, block.frames));
                }
            }
            Err(Unread::Damaged(problem)) => bad(problem),
            Err(Unread::Recycled) => {}
        }
    }
    threads.into_iter().flat_map(|(thread, blocks)| calls(thread, stack(blocks), reference)).collect()
}

/// The calls among a thread's frames; the marks between them tell their tasks.
fn calls(thread: u32, frames: Vec<Record>, reference: u64) -> impl Iterator<Item = OpenFrame> {
    let mut task = 0;
    frames.into_iter().filter_map(move |frame| {
        if let Some(begun) = task_of(frame) {
            task = begun;
            return None;
        }
        let (function, start) = (frame.function(), full_ticks(frame.start(), reference));
        Some(OpenFrame { thread, task, function, start, inherited: Block::is_inherited(frame) })
    })
}

/// The body of a STACKS segment, if possible one that was read twice the same.
fn settled(input: &Input, index: u32, buffer: &mut Vec<u8>) -> Result<Vec<u8>, Unread> {
    let mut last = Vec::new();
    for _ in 0..ATTEMPTS {
        let (_, body) = input.read_now(index, buffer)?;
        if body == last {
            break;
        }
        last = body.to_vec();
    }
    Ok(last)
}

/// One thread's frames from its blocks, as far as they join without a gap.
fn stack(mut blocks: Vec<(u32, Vec<Record>)>) -> Vec<Record> {
    blocks.sort_by_key(|(base, _)| *base);
    let mut frames: Vec<Record> = Vec::new();
    for (base, block) in blocks {
        if base as usize == frames.len() {
            frames.extend(block);
        }
    }
    frames
}

impl OpenFrame {
    /// The frame that this event ended.
    pub fn of(event: &Event) -> OpenFrame {
        let Event { thread, task, function, start, inherited, .. } = *event;
        OpenFrame { thread, task, function, start, inherited }
    }
}
