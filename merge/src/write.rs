//! The report, part after part: workers decode, format and compress runs of segments; the calling thread writes them
//! in order.
//!
//! A part is one run of one file, so its bytes depend on the files alone and never on the number of workers. What
//! workers need of a file (the open file, its prepared texts) is loaded by the first one that comes and dropped by
//! the last one that leaves.

pub mod gzip;
pub mod json;

use crate::align::{Alignment, Clock};
use crate::decode::{Buffers, Moment, Outcome, decode};
use crate::error::{MergeError, Problem};
use crate::frames::OpenFrame;
use crate::input::{Input, State};
use crate::names;
use crate::output::{self, Output};
use crate::progress::{Step, Watch};
use crate::sources::{self, Sources};
use crate::summary::Summary;
use crate::survey::FilePlan;
use crate::window::in_order;
use gzip::Gzip;
use json::{FileText, Text};
use rayon::ThreadPool;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use viztracer_format::record::Kind;

/// Records in a part: enough that a part is near 1 MiB of text, which is what a gzip member should have.
const RECORDS_PER_PART: usize = 8192;
/// Text that is collected before it is written, after the events.
const TAIL_MAX: usize = 1 << 20;

/// The kinds of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.json`
    Json,
    /// `.json.gz`
    JsonGzip,
}

impl Format {
    /// The kind that a file's name asks for. A device or a pipe has no such name and gets plain JSON.
    pub fn of(path: &Path) -> Result<Format, MergeError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match &*name {
            name if name.ends_with(".json") => Ok(Format::Json),
            name if name.ends_with(".json.gz") => Ok(Format::JsonGzip),
            _ if output::is_special(path) => Ok(Format::Json),
            _ => Err(MergeError::Extension(path.into())),
        }
    }
}

/// All that a report is made of.
#[derive(Debug)]
pub struct Report<'a> {
    /// The files, in order.
    pub files: &'a [FilePlan],
    /// Their clocks.
    pub alignment: &'a Alignment,
    /// Which kind of report.
    pub format: Format,
    /// Whether the program's text is added.
    pub source: bool,
}

impl Report<'_> {
    /// Writes the report and tells in `summary` what went into it.
    pub fn write(
        &self,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<(), MergeError> {
        let Mentioned { sources, tasks } = self.events(pool, watch, output, summary)?;
        let mut tail = Tail { output, encoder: self.encoder(), text: Text::default() };
        for (plan, tasks) in self.files.iter().zip(&tasks) {
            tail.tasks(plan, tasks)?;
        }
        json::metadata(&summary.metadata(), &mut tail.text);
        if self.source {
            tail.sources(sources, watch)?;
        }
        json::end(&mut tail.text);
        tail.flush()
    }

    fn events(
        &self,
        pool: &ThreadPool,
        watch: &dyn Watch,
        output: &mut Output,
        summary: &mut Summary,
    ) -> Result<Mentioned, MergeError> {
        let parts = parts(self.files);
        let shared = Shared::new(self, &parts);
        let total = self.files.iter().flat_map(|f| &f.calls).map(|c| u64::from(c.events)).sum();
        let local = || Worker { encoder: self.encoder(), ..Worker::default() };
        let work = |worker: &mut Worker, index: usize| match parts.get(index) {
            Some(part) => worker.format(&shared, part, index == 0),
            None => Finished::default(),
        };
        let mut planned = 0;
        let mut tasks = vec![BTreeSet::new(); self.files.len()];
        let take = |mut finished: Finished| {
            output.write(finished.text.as_bytes())?;
            planned += finished.planned;
            watch.progress(Step::Writing, planned, total);
            summary.add(finished.file, &finished.outcome);
            tasks[finished.file].append(&mut finished.outcome.tasks);
            shared.give_back(finished.text);
            Ok(())
        };
        in_order(pool, parts.len(), || watch.stopped(), local, work, take).map_err(MergeError::from)?;
        Ok(Mentioned { sources: shared.sources, tasks })
    }

    fn encoder(&self) -> Option<Gzip> {
        (self.format == Format::JsonGzip).then(|| Gzip::new(gzip::LEVEL))
    }
}

/// What the events speak of and the tail tells.
struct Mentioned {
    sources: Sources,
    /// By file, the serials of asyncio tasks.
    tasks: Vec<BTreeSet<u32>>,
}

/// A run of a file's CALLS segments. Every file has a first one, be it empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    file: usize,
    first: usize,
    end: usize,
}

fn parts(files: &[FilePlan]) -> Vec<Part> {
    let mut parts = Vec::new();
    for (file, plan) in files.iter().enumerate() {
        let mut first = 0;
        loop {
            let end = plan.run_of(first, RECORDS_PER_PART);
            parts.push(Part { file, first, end });
            first = end;
            if first >= plan.calls.len() {
                break;
            }
        }
    }
    parts
}

/// What workers share.
struct Shared<'a> {
    report: &'a Report<'a>,
    slots: Vec<Slot>,
    sources: Sources,
    /// Texts that were written and can be used again: fresh memory costs as much as filling it.
    spare: Mutex<Vec<Text>>,
}

/// A file's place for what workers need of it.
#[derive(Default)]
struct Slot {
    parts_left: AtomicUsize,
    opened: Mutex<Option<Arc<Opened>>>,
}

/// What workers need of a file.
struct Opened {
    input: Result<Arc<Input>, Problem>,
    text: FileText,
}

impl<'a> Shared<'a> {
    fn new(report: &'a Report<'a>, parts: &[Part]) -> Shared<'a> {
        let slots: Vec<Slot> = report.files.iter().map(|_| Slot::default()).collect();
        for part in parts {
            slots[part.file].parts_left.fetch_add(1, Ordering::Relaxed);
        }
        Shared { report, slots, sources: Sources::default(), spare: Mutex::default() }
    }

    fn open(&self, file: usize) -> Arc<Opened> {
        let mut opened = lock(&self.slots[file].opened);
        let load = || Arc::new(Opened::load(self.report, &self.report.files[file], &self.sources));
        Arc::clone(opened.get_or_insert_with(load))
    }

    fn leave(&self, file: usize) {
        if self.slots[file].parts_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            *lock(&self.slots[file].opened) = None;
        }
    }

    fn spare(&self) -> Text {
        lock(&self.spare).pop().unwrap_or_default()
    }

    fn give_back(&self, mut text: Text) {
        text.clear();
        lock(&self.spare).push(text);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Opened {
    fn load(report: &Report<'_>, plan: &FilePlan, sources: &Sources) -> Opened {
        let mut text = FileText::new(plan);
        let input = reopen(plan);
        if let Ok(input) = &input {
            names::functions(input, &plan.names, |id, function| {
                text.add(id, &function);
                if report.source {
                    sources.add(&function);
                }
            });
        }
        Opened { input, text }
    }
}

/// What was planned: the copy of a living file, else the file.
pub fn reopen(plan: &FilePlan) -> Result<Arc<Input>, Problem> {
    if let Some(snapshot) = &plan.snapshot {
        return Ok(Arc::clone(snapshot));
    }
    let input = Input::open(&plan.path)?;
    if input.place == plan.place {
        return Ok(Arc::new(input));
    }
    Err(Problem::new("another file has taken its name meanwhile"))
}

/// What a worker keeps from part to part.
#[derive(Default)]
struct Worker {
    buffers: Buffers,
    encoder: Option<Gzip>,
    text: Text,
}

/// A part, ready to be written.
#[derive(Default)]
struct Finished {
    file: usize,
    text: Text,
    outcome: Outcome,
    /// Events that were expected, to tell the progress by.
    planned: u64,
}

impl Worker {
    fn format(&mut self, shared: &Shared<'_>, part: &Part, begins: bool) -> Finished {
        let report = shared.report;
        let opened = shared.open(part.file);
        let (plan, clock) = (&report.files[part.file], &report.alignment.clocks[part.file]);
        let mut text = std::mem::take(&mut self.text);
        if text.is_empty() && self.encoder.is_none() {
            text = shared.spare();
        }
        let mut outcome = Outcome::default();
        if part.first == 0 {
            open_frames(plan, clock, &opened.text, &mut text, &mut outcome);
        }
        if begins {
            let first = std::mem::take(&mut text);
            json::begin(report.files, &first, &mut text);
        }
        match &opened.input {
            Ok(input) => {
                let run = part.first..part.end;
                let each = |moment: &Moment<'_>| opened.text.event(moment, &mut text);
                let decoded = decode(plan, input, clock, run, &mut self.buffers, each);
                outcome.append(decoded);
            }
            Err(problem) if part.first == 0 => outcome.problems.add(problem.clone()),
            Err(_) => {}
        }
        drop(opened);
        shared.leave(part.file);
        let text = self.encode(shared, text);
        let calls = plan.calls.get(part.first..part.end).unwrap_or_default();
        let planned = calls.iter().map(|calls| u64::from(calls.events)).sum();
        Finished { file: part.file, text, outcome, planned }
    }

    fn encode(&mut self, shared: &Shared<'_>, mut text: Text) -> Text {
        let Some(gzip) = &mut self.encoder else { return text };
        let mut member = shared.spare();
        if !text.is_empty() {
            member.put(gzip.member(text.as_bytes()));
        }
        text.clear();
        self.text = text;
        member
    }
}

/// The calls that were open: when tracing stopped, without an end; when the process died or we looked, to just after
/// the last moment that the file knows of, so that they contain whatever began then.
fn open_frames(plan: &FilePlan, clock: &Clock, pieces: &FileText, text: &mut Text, outcome: &mut Outcome) {
    for frame in &plan.frames {
        let Some(thread) = plan.thread(frame.thread) else { continue };
        let ticks = plan.last_moment.saturating_sub(frame.start);
        let (start, duration) = clock.span(frame.start, ticks);
        let OpenFrame { task, function, .. } = *frame;
        let moment = Moment { thread, task, kind: Kind::Open, function, start, duration: duration + 1, payload: None };
        outcome.tasks.insert(task);
        match plan.state {
            State::Sealed => pieces.event(&moment, text),
            State::Crashed | State::Living => pieces.unfinished(&moment, text),
        }
        let of = outcome.thread(thread);
        of.written += 1;
        of.unfinished += 1;
    }
}

/// What comes after the events, written as it grows.
struct Tail<'a> {
    output: &'a mut Output,
    encoder: Option<Gzip>,
    text: Text,
}

impl Tail<'_> {
    /// The names of a file's tasks: only now is it known which of them the report shows.
    fn tasks(&mut self, plan: &FilePlan, tasks: &BTreeSet<u32>) -> Result<(), MergeError> {
        let mut shown: BTreeMap<u32, Option<String>> = tasks.iter().map(|serial| (*serial, None)).collect();
        shown.remove(&0);
        if let Some(input) = (!shown.is_empty()).then(|| reopen(plan).ok()).flatten() {
            names::tasks(&input, &plan.names, |serial, name| {
                shown.entry(serial).and_modify(|shown| *shown = Some(name.to_owned()));
            });
        }
        for (serial, name) in shown {
            json::task_name(plan, serial, name.as_deref(), &mut self.text);
            self.flush_if_large()?;
        }
        Ok(())
    }

    fn sources(&mut self, sources: Sources, watch: &dyn Watch) -> Result<(), MergeError> {
        let mut files = sources.into_files();
        json::begin_files(&mut self.text);
        let mut is_first = true;
        let mut unreadable = Vec::new();
        for path in files.keys() {
            match sources::read(path) {
                Some(source) => {
                    json::file(path, &source, is_first, &mut self.text);
                    is_first = false;
                }
                None => unreadable.push(path.clone()),
            }
            self.flush_if_large()?;
            if watch.stopped() {
                return Err(MergeError::Interrupted);
            }
        }
        for path in unreadable {
            files.remove(&path);
        }
        json::begin_functions(&mut self.text);
        let mut is_first = true;
        for (path, places) in &files {
            for (line, name) in places {
                json::function(name, path, *line, is_first, &mut self.text);
                is_first = false;
                self.flush_if_large()?;
            }
        }
        json::end_files(&mut self.text);
        Ok(())
    }

    fn flush_if_large(&mut self) -> Result<(), MergeError> {
        if self.text.len() < TAIL_MAX { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), MergeError> {
        match &mut self.encoder {
            Some(gzip) => self.output.write(gzip.member(self.text.as_bytes()))?,
            None => self.output.write(self.text.as_bytes())?,
        }
        self.text.clear();
        Ok(())
    }
}
