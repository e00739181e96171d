//! What speedscope.app opens: a profile for each thread and each asyncio task, with its calls as events in order.
//!
//! ```text
//! {"$schema":...,"exporter":...,"shared":{"frames":[{"name":"f","file":"/x/ev.py","line":7},...]},"profiles":[
//! {"type":"evented","name":"MainProcess (4711), MainThread (4711)","unit":"nanoseconds",
//! "startValue":1,"endValue":9,"events":[
//! {"type":"O","frame":0,"at":1},...,{"type":"C","frame":0,"at":9}]},...],"viztracer_metadata":{...}}
//! ```
//!
//! The events of a profile stand together, while the parts of a file mix threads and tasks. So workers put what they
//! have formatted into a [`Spool`], a file without a name, and when all parts of a file are there, its profiles are
//! copied out of it one after the other: memory does not grow with the trace, and no part is read more often.
//!
//! Frames are [`numbered`] before anything else is read.

mod chunk;

use super::by_id::ById;
use super::numbered;
use super::part::Reader;
use super::spool::Spool;
use super::text::Text;
use super::writer::{Report, ReportEnd, Tail, Writer, task_names};
use crate::error::MergeError;
use crate::events::decode::Outcome;
use crate::events::timeline::OVERWRITTEN;
use crate::parallel::lock::lock;
use crate::parallel::progress::Watch;
use crate::plan::file::FilePlan;
use crate::report::functions::{InternedFunction, InternedFunctions};
use crate::storage::output::Output;
use crate::storage::store::Region;
use crate::text::display::OVERWRITTEN_CALLS;
use chunk::{Chunks, ProfileTrack, put_event};
use rayon::ThreadPool;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use viztracer_format::names::Function;

/// Writes a speedscope profile.
#[derive(Debug)]
pub struct Speedscope {
    frames: InternedFunctions,
    /// The frame of what was overwritten, if anything was.
    overwritten: Option<u32>,
    spool: Spool,
    /// The chunks of each file and profile in the spool.
    files: Mutex<HashMap<usize, BTreeMap<ProfileTrack, Vec<Spooled>>>>,
    is_first: Mutex<bool>,
}

/// A chunk of a profile in the spool.
#[derive(Debug)]
struct Spooled {
    part: usize,
    region: Region,
    first: u64,
    last: u64,
    /// Frames that are open where it begins.
    before: Region,
    /// Frames that are open where it ends.
    after: Region,
}

impl Speedscope {
    /// For a report, with the frames of all its files.
    pub fn new(
        report: &Report<'_>,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &Output,
    ) -> Result<Speedscope, MergeError> {
        let spool = Spool::beside(output);
        let frames = numbered::functions(report, pool, watch)?;
        let is_overwritten = report.files.iter().flat_map(|file| &file.threads).any(|thread| thread.overwritten > 0);
        let overwritten = is_overwritten.then(|| frames.iter().count() as u32);
        Ok(Speedscope { frames, overwritten, spool, files: Mutex::default(), is_first: Mutex::new(true) })
    }
}

impl Writer for Speedscope {
    type File = ById;
    const NESTED: bool = true;

    fn file(&self, _: &FilePlan) -> ById {
        ById::default()
    }

    fn function(&self, file: &mut ById, id: u32, function: &Function<'_>) {
        // A function that got its name after the numbering is unknown.
        file.insert(id, self.frames.number(function).unwrap_or_default());
    }

    fn begin(&self, _: &Report<'_>, text: &mut Text) {
        text.put(
            b"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"viztracer-merge ",
        );
        text.put(env!("CARGO_PKG_VERSION").as_bytes());
        text.put(b"\",\"shared\":{\"frames\":[");
        for (number, frame) in self.frames.iter().enumerate() {
            text.put(if number > 0 { b",\n" } else { b"\n" });
            put_frame(frame, text);
        }
        if self.overwritten.is_some() {
            text.put(b",\n{\"name\":");
            text.put_string(OVERWRITTEN_CALLS);
            text.put(b"}");
        }
        text.put(b"\n]},\n\"profiles\":[");
    }

    fn part(&self, reader: &mut Reader<'_>, file: &ById, _: &mut Text) -> Outcome {
        let mut chunks = Chunks::default();
        let frame = |id| match self.overwritten.filter(|_| id == OVERWRITTEN) {
            Some(overwritten) => overwritten,
            None => file.get(id).unwrap_or_default(),
        };
        let outcome = reader.stack_events(|event, open| chunks.take(&event, open, frame));
        let part = reader.part;
        for (track, chunk) in chunks.finish() {
            let region = self.spool.write(chunk.text.as_bytes());
            let spooled = Spooled {
                part: part.number,
                region,
                first: chunk.first,
                last: chunk.last,
                before: self.keep(&chunk.before),
                after: self.keep(&chunk.open),
            };
            lock(&self.files).entry(part.file).or_default().entry(track).or_default().push(spooled);
        }
        outcome
    }

    fn close(&self, report: &Report<'_>, file: usize, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let tracks = lock(&self.files).remove(&file).unwrap_or_default();
        let Some(plan) = report.files.get(file) else { return Ok(()) };
        let tasks = tracks.keys().map(|track| track.task).collect();
        let tasks = task_names(plan, &tasks);
        for (track, mut chunks) in tracks {
            chunks.sort_unstable_by_key(|chunk| chunk.part);
            let is_first = std::mem::take(&mut *lock(&self.is_first));
            tail.text.put(if is_first { b"\n" } else { b",\n" });
            put_head(&title(plan, track, &tasks), &chunks, &mut tail.text);
            self.put_events(&chunks, tail)?;
            tail.text.put(b"]}");
        }
        Ok(())
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        tail.text.put(b"\n],\n\"viztracer_metadata\":");
        tail.text.put(end.summary.metadata().as_bytes());
        tail.text.put(b"}\n");
        Ok(())
    }
}

impl Speedscope {
    /// The events of a profile. Where those of one part do not fit those of the next, as only bytes that are no trace
    /// let happen, calls are closed and opened between them: one event that fits no other would cost the whole file.
    fn put_events(&self, chunks: &[Spooled], tail: &mut Tail<'_>) -> Result<(), MergeError> {
        let mut is_first = true;
        let mut open = Vec::new();
        let mut now = 0;
        for chunk in chunks {
            let mut between = Text::default();
            bridge(&open, &self.frames(chunk.before)?, now.max(chunk.first), &mut between);
            let bytes = self.spool.read(chunk.region)?;
            for events in [between.as_bytes(), &bytes[..]] {
                // Each event begins with a comma.
                tail.text.put(if is_first { events.get(1..).unwrap_or_default() } else { events });
                is_first &= events.is_empty();
            }
            (open, now) = (self.frames(chunk.after)?, now.max(chunk.last));
            tail.flush_if_large()?;
        }
        bridge(&open, &[], now, &mut tail.text);
        Ok(())
    }

    /// Frames of a stack, which may be as deep as the trace is long.
    fn keep(&self, frames: &[u32]) -> Region {
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.to_le_bytes()).collect();
        self.spool.write(&bytes)
    }

    fn frames(&self, kept: Region) -> Result<Vec<u32>, MergeError> {
        let bytes = self.spool.read(kept)?;
        Ok(bytes.as_chunks().0.iter().map(|frame| u32::from_le_bytes(*frame)).collect())
    }
}

/// Closes and opens calls until these are open.
fn bridge(open: &[u32], wanted: &[u32], at: u64, text: &mut Text) {
    let common = open.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    open[common..].iter().rev().for_each(|frame| put_event(b'C', *frame, at, text));
    wanted[common..].iter().for_each(|frame| put_event(b'O', *frame, at, text));
}

fn put_frame(frame: &InternedFunction, text: &mut Text) {
    text.put(b"{\"name\":");
    text.put_string(&frame.name);
    if !frame.file.is_empty() {
        text.put(b",\"file\":");
        text.put_string(&frame.file);
        text.put(b",\"line\":");
        text.put_number(frame.line.into());
    }
    text.put(b"}");
}

/// All of a profile before its events.
fn put_head(title: &str, chunks: &[Spooled], text: &mut Text) {
    text.put(b"{\"type\":\"evented\",\"name\":");
    text.put_string(title);
    let begin = chunks.iter().map(|chunk| chunk.first).min().unwrap_or(0);
    let end = chunks.iter().map(|chunk| chunk.last).max().unwrap_or(0);
    text.put(b",\"unit\":\"nanoseconds\",\"startValue\":");
    text.put_number(begin);
    text.put(b",\"endValue\":");
    text.put_number(end);
    text.put(b",\"events\":[");
}

fn title(plan: &FilePlan, track: ProfileTrack, tasks: &BTreeMap<u32, String>) -> String {
    let process = format!("{} ({})", plan.process_name(), plan.pid);
    match (tasks.get(&track.task), plan.threads.get(track.thread)) {
        (Some(task), _) => format!("{process}, {task}"),
        (None, Some(thread)) => format!("{process}, {} ({})", thread.display_name(), thread.tid),
        (None, None) => process,
    }
}
