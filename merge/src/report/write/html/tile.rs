//! A tile: what a served page adds to its calls. It has more detail of a time than the page.
//!
//! ```text
//! <script class="block" data-process="0">AQBiA...       as in the page
//! <script id="tile">{"from":...                         the time, the detail, how many calls each stream has
//! ```

use super::block::{PageBlock, Stream};
use super::packed::Packer;
use crate::error::MergeError;
use crate::events::content::Content;
use crate::events::timeline::{Detail, FileWindows};
use crate::parallel::progress::Watch;
use crate::parallel::reorder_buffer::in_order;
use crate::plan::file::FilePlan;
use crate::report::functions::InternedFunctions;
use crate::report::write::by_id::ById;
use crate::report::write::files::LoadedFiles;
use crate::report::write::part::{Part, Reader, Scratch, parts};
use crate::report::write::text::Text;
use crate::report::write::writer::Report;
use rayon::ThreadPool;
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Calls that a tile may have.
const CALLS_MAX: u64 = 4_000_000;
/// Parts that stand for all when the detail of a page is chosen.
const SAMPLE: usize = 48;
/// The shortest and the longest duration that is chosen, as powers of two.
const POWERS: (u32, u32) = (7, 45);

/// A trace of which tiles are made.
pub struct Tiler<'a> {
    /// What the trace consists of.
    pub report: &'a Report<'a>,
    /// Which calls are open around each part.
    pub windows: &'a [FileWindows],
    /// The numbers of functions.
    pub interned: &'a InternedFunctions,
    pub pool: &'a ThreadPool,
    /// A tile of a time with so many events, or fewer, has all calls.
    pub all_max: u64,
}

/// What a worker has made of a part.
struct Made {
    file: usize,
    script: Text,
    calls: Vec<(Stream, u64)>,
    merged: u64,
}

/// What is needed of a file.
struct OpenFile {
    content: Result<Content, crate::error::Problem>,
    numbers: ById,
}

impl Tiler<'_> {
    /// Makes a tile. If the time has few calls, all of them are shown, whatever the detail.
    pub fn tile(&self, detail: &Detail, watch: &dyn Watch) -> Result<Vec<u8>, MergeError> {
        let parts = self.parts(detail);
        let planned: u64 = parts.iter().map(|part| part.planned(&self.report.files[part.file])).sum();
        let shortest = if planned <= self.all_max { 0 } else { detail.shortest };
        let detail = &Detail { shortest, ..detail.clone() };
        let files = LoadedFiles::new(self.report.files.len(), &parts, 1);
        let work = |scratch: &mut Scratch, index: usize| {
            let part = parts.get(index)?;
            Some(files.with(part, || self.open(part.file), |file| self.part(part, file, detail, scratch)))
        };
        let mut text = Text::default();
        let mut calls: BTreeMap<(usize, Stream), u64> = BTreeMap::new();
        let (mut all, mut merged) = (0, 0);
        let take = |made: Option<Made>| {
            let Some(made) = made else { return Ok(()) };
            text.put(made.script.as_bytes());
            merged += made.merged;
            for (stream, count) in made.calls {
                *calls.entry((made.file, stream)).or_default() += count;
                all += count;
            }
            if all > CALLS_MAX { Err(MergeError::LargeTile) } else { Ok(()) }
        };
        in_order(self.pool, parts.len(), || watch.stopped(), Scratch::default, work, take).map_err(MergeError::from)?;
        let stream =
            |((file, stream), count): (&(usize, Stream), &u64)| json!([file, stream.thread, stream.task, count]);
        let header = json!({
            "from": detail.time.start,
            "to": detail.time.end,
            "shortest": detail.shortest,
            "merged": merged,
            "calls": calls.iter().map(stream).collect::<Vec<_>>(),
        });
        text.put(b"<script type=\"application/json\" id=\"tile\">");
        text.put(header.to_string().as_bytes());
        text.put(b"</script>\n");
        Ok(text.as_bytes().to_vec())
    }

    /// The least duration for which a page of all the time has about so many calls.
    pub fn shortest(&self, calls: u64) -> u64 {
        let all = parts(self.report.files);
        let sample: Vec<Part> = all.iter().step_by(all.len().div_ceil(SAMPLE).max(1)).copied().collect();
        let files = LoadedFiles::new(self.report.files.len(), &sample, (POWERS.1 - POWERS.0) as usize);
        let count = |power: u32| {
            let detail = Detail::of_all(1 << power);
            let of_part = |scratch: &mut Scratch, part: &Part| {
                let count = |made: Made| made.calls.iter().map(|(_, count)| count).sum::<u64>();
                files.with(part, || self.open(part.file), |file| count(self.part(part, file, &detail, scratch)))
            };
            let counts = || sample.par_iter().map_init(Scratch::default, of_part).sum::<u64>();
            self.pool.install(counts) * all.len() as u64 / sample.len().max(1) as u64
        };
        let (mut low, mut high) = POWERS;
        while low < high {
            let middle = low.midpoint(high);
            (low, high) = if count(middle) <= calls { (low, middle) } else { (middle + 1, high) };
        }
        1 << low
    }

    /// The parts that may have calls of the time.
    fn parts(&self, detail: &Detail) -> Vec<Part> {
        let has = |part: &Part| {
            let windows = self.windows.get(part.file).map_or(&[][..], |file| file.of_part(part.number));
            windows.iter().any(|window| detail.has(window))
        };
        parts(self.report.files).into_iter().filter(has).collect()
    }

    fn open(&self, file: usize) -> OpenFile {
        let plan: &FilePlan = &self.report.files[file];
        let content = Content::of(plan);
        let mut numbers = ById::default();
        if let Ok(content) = &content {
            content.functions(plan, |id, function| {
                let shown = self.report.prefixes.shown(&function);
                numbers.insert(id, self.interned.number(&shown).unwrap_or_default());
            });
        }
        OpenFile { content, numbers }
    }

    fn part(&self, part: &Part, file: &OpenFile, detail: &Detail, scratch: &mut Scratch) -> Made {
        let mut block = PageBlock::new(self.interned);
        let mut reader = Reader {
            plan: &self.report.files[part.file],
            clock: &self.report.alignment.clocks[part.file],
            content: &file.content,
            part,
            windows: self.windows.get(part.file),
            selection: None,
            scratch,
        };
        reader.detail(detail, |event, open| block.take(&event, open, |id| file.numbers.get(id).unwrap_or_default()));
        let (calls, merged) = (block.calls().collect(), block.merged);
        let mut script = Text::default();
        if !block.is_empty() {
            let attributes = format!("class=\"block\" data-process=\"{}\"", part.file);
            Packer::for_server().put_script(&attributes, &block.bytes(), &mut script);
        }
        Made { file: part.file, script, calls, merged }
    }
}
