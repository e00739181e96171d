//! The calls that were open when the recording or the process ended, or when the file is read, from STACKS segments.

use crate::error::Problem;
use crate::input::ring::{Input, Unread};
use std::collections::{BTreeMap, HashMap};
use viztracer_format::arguments::{ArgumentsReader, StackedArguments, is_part};
use viztracer_format::reader::Event;
use viztracer_format::record::{KIND_MASK, Record, full_ticks};
use viztracer_format::stack::{Block, FRAME, blocks, task_of};

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
    /// Whether it began before the time that an earlier merge was asked for.
    pub clipped: bool,
}

/// The open frames of every thread, outermost first, and the arguments of those that have some.
#[derive(Debug, Default)]
pub struct OpenFrames {
    /// The frames.
    pub frames: Vec<OpenFrame>,
    /// Their arguments.
    pub arguments: HashMap<OpenFrame, StackedArguments>,
}

/// Reads the open frames of every thread. The file holds 56 bits of a start; the whole is the tick count
/// with these bits that is nearest to `reference`. What is neither a
/// frame, nor a part of its arguments, nor the mark of a task is damage.
pub fn read(input: &Input, segments: &[u32], reference: u64, mut bad: impl FnMut(Problem)) -> OpenFrames {
    let mut threads: BTreeMap<u32, Vec<(u32, Vec<Record>)>> = BTreeMap::new();
    let mut buffer = Vec::new();
    for index in segments {
        match input.read_now(*index, &mut buffer) {
            Ok((_, body)) => {
                for block in blocks(body) {
                    threads.entry(block.thread).or_default().push((block.base, block.frames));
                }
            }
            Err(Unread::Damaged(problem)) => bad(problem),
            Err(Unread::Recycled) => {}
        }
    }
    let mut found = OpenFrames::default();
    for (thread, blocks) in threads {
        let damaged = calls(thread, blocks, reference, &mut found);
        if damaged > 0 {
            bad(Problem::new(format!("{damaged} open frames of thread {thread} are damaged")));
        }
    }
    found
}

/// Adds the calls among a thread's frames; the marks between them name their tasks. Returns how many entries are
/// neither.
///
/// A block whose base is more than the frames below it is above frames that the file had no space for: its calls are
/// real, but the task that a missing mark may have begun is unknown. A block that overlaps the one below is not
/// believed.
fn calls(thread: u32, mut blocks: Vec<(u32, Vec<Record>)>, reference: u64, into: &mut OpenFrames) -> usize {
    blocks.sort_by_key(|(base, _)| *base);
    let (mut depth, mut task, mut damaged) = (0, 0, 0);
    let (mut innermost, mut arguments) = (None, ArgumentsReader::default());
    // A block without frames is in use, but empty.
    for (base, frames) in blocks.into_iter().filter(|(_, frames)| !frames.is_empty()) {
        let base = base as usize;
        if base < depth {
            continue;
        }
        if base > depth {
            task = 0;
            into.finish(&mut innermost, &mut arguments);
        }
        depth = base + frames.len();
        for frame in frames {
            if is_part(frame) {
                arguments.take(frame);
                continue;
            }
            into.finish(&mut innermost, &mut arguments);
            if let Some(begun) = task_of(frame) {
                task = begun;
            } else if frame.kind_byte() & KIND_MASK == FRAME {
                let (function, start) = (frame.function(), full_ticks(frame.start(), reference));
                let inherited = Block::is_inherited(frame);
                let frame = OpenFrame { thread, task, function, start, inherited, clipped: false };
                into.frames.push(frame);
                innermost = Some(frame);
            } else {
                damaged += 1;
            }
        }
    }
    into.finish(&mut innermost, &mut arguments);
    damaged
}

impl OpenFrames {
    /// Keeps the arguments that were read behind a frame.
    fn finish(&mut self, frame: &mut Option<OpenFrame>, arguments: &mut ArgumentsReader) {
        if let (Some(found), Some(frame)) = (arguments.finish(), frame.take()) {
            self.arguments.insert(frame, found);
        }
    }
}

impl OpenFrame {
    /// The frame that this event ended.
    pub fn of(event: &Event) -> OpenFrame {
        let Event { thread, task, function, start, inherited, .. } = *event;
        OpenFrame { thread, task, function, start, inherited, clipped: false }
    }
}
