//! A page that needs nothing but itself: the trace, and the viewer in `merge/viewer` that shows it.
//!
//! ```text
//! head, style, viewer's modules                         as they are, in an import map
//! <script class="block" data-process="0">H4sIA...       the events of a part: see [`block`]
//! <script class="lives" data-process="0">H4sIA...        the lives that ended in it: see [`lives`]
//! <script class="source">H4sIA...                       ["/x/a.py",[text,lines]]
//! <script id="header">{"format":1,...                   processes, threads, functions: see [`header`]
//! ```
//!
//! A page that a server adds to has less detail, and no lives: see [`tile`].
//!
//! `merge/viewer/README.md` describes all of it. Functions are [`numbered`](super::numbered) before anything else is
//! read.

mod block;
mod header;
mod lives;
mod modules;
mod packed;
mod served;
pub mod tile;
mod totals;

use super::by_id::ById;
use super::lives::Lives;
use super::numbered;
use super::part::Reader;
use super::text::Text;
use super::writer::{Report, ReportEnd, Tail, Writer, WrittenPart};
use crate::error::MergeError;
use crate::events::decode::Outcome;
use crate::events::timeline::{Call, StackEvent};
use crate::parallel::lock::lock;
use crate::parallel::progress::Watch;
use crate::plan::file::FilePlan;
use crate::report::functions::InternedFunctions;
use block::PageBlock;
use packed::Packer;
use rayon::ThreadPool;
use serde_json::Value;
pub use served::Served;
use std::sync::{Arc, Mutex};
use totals::PageTotals;
use viztracer_format::names::Function;

/// Events that a page may hold: a browser needs some 30 bytes of memory for each.
pub const EVENTS_MAX: u64 = 20_000_000;

/// What stands around the blocks.
const PAGE: &str = include_str!("../../../viewer/page.html");
const BLOCKS: &str = "{{BLOCKS}}";
/// The rule by which the page asks nobody, and the same with a server of this machine. Which one, that server says.
const NOBODY: &str = "default-src 'none';";
const SERVER: &str = "default-src 'none'; connect-src http://127.0.0.1:* http://localhost:*;";

/// Writes the page.
#[derive(Debug)]
pub struct Html {
    interned: Arc<InternedFunctions>,
    totals: Mutex<PageTotals>,
    lives: Lives,
    packer: Packer,
    events_max: u64,
    /// Set if a server adds more.
    served: Option<Served>,
}

impl Html {
    /// Makes the writer of a page, or an error if the report holds too many events for a page.
    pub fn new(report: &Report<'_>, pool: &ThreadPool, watch: &dyn Watch) -> Result<Html, MergeError> {
        Html::with_at_most(EVENTS_MAX, report, pool, watch)
    }

    fn with_at_most(
        events_max: u64,
        report: &Report<'_>,
        pool: &ThreadPool,
        watch: &dyn Watch,
    ) -> Result<Html, MergeError> {
        let planned: u64 = report.files.iter().flat_map(|f| &f.calls).map(|c| u64::from(c.events)).sum();
        // How many of them are selected is only known after they were read.
        if report.selected.is_none() && planned > events_max {
            return Err(MergeError::TooManyEvents(planned, events_max));
        }
        let interned = Arc::new(numbered::functions(report, pool, watch)?);
        let (totals, lives, packer) = (Mutex::default(), Lives::default(), Packer::for_file());
        Ok(Html { interned, totals, lives, packer, events_max, served: None })
    }

    /// Makes the writer of a page to which a server adds more.
    pub fn served(interned: Arc<InternedFunctions>, served: Served) -> Html {
        let (totals, lives, packer) = (Mutex::default(), Lives::default(), Packer::for_server());
        Html { interned, totals, lives, packer, events_max: EVENTS_MAX, served: Some(served) }
    }

    /// Writes a source file.
    fn put_source(&self, path: String, source: &[u8], text: &mut Text) {
        let pair = [b"[", Value::from(path).to_string().as_bytes(), b",", source, b"]"].concat();
        self.packer.put_script("class=\"source\"", &pair, text);
    }
}

impl Writer for Html {
    type File = ById;
    const NESTED: bool = true;
    const SOURCES: bool = true;

    fn file(&self, _: &FilePlan) -> ById {
        ById::default()
    }

    fn function(&self, file: &mut ById, id: u32, function: &Function<'_>) {
        // A function that got its name after the numbering is unknown.
        file.insert(id, self.interned.number(function).unwrap_or_default());
    }

    fn begin(&self, _: &Report<'_>, text: &mut Text) {
        let (before, _) = PAGE.split_once(BLOCKS).unwrap_or((PAGE, ""));
        let before = modules::embedded(before);
        match self.served {
            Some(_) => text.put(before.replace(NOBODY, SERVER).as_bytes()),
            None => text.put(before.as_bytes()),
        }
    }

    fn part(&self, reader: &mut Reader<'_>, file: &ById, text: &mut Text) -> Outcome {
        let mut block = PageBlock::new(&self.interned);
        let take = |event: StackEvent<'_>, open: &[Call]| {
            block.take(&event, open, |id| file.get(id).unwrap_or_default());
        };
        let outcome = match &self.served {
            Some(Served { detail, .. }) => reader.detail(detail, take),
            None => self.lives.stack_events(reader, take),
        };
        let index = reader.part.file;
        let mut totals = lock(&self.totals);
        totals.missing.entry(index).or_default().extend(reader.missing());
        for (stream, start, end) in block.overwritten() {
            let times = totals.overwritten.entry(index).or_default().entry(stream).or_default();
            times.extend([start, end]);
        }
        let calls = totals.calls.entry(index).or_default();
        block.calls().for_each(|(stream, count)| *calls.entry(stream).or_default() += count);
        totals.all += block.calls().map(|(_, count)| count).sum::<u64>();
        totals.merged += block.merged;
        drop(totals);
        if !block.is_empty() {
            let attributes = format!("class=\"block\" data-process=\"{index}\"");
            self.packer.put_script(&attributes, &block.bytes(), text);
        }
        outcome
    }

    fn follow(&self, written: &WrittenPart<'_, ById>, tail: &mut Tail<'_>) -> Result<u64, MergeError> {
        let (found, _) = self.lives.follow(written);
        if !found.is_empty() {
            let bytes = lives::bytes(&found, |id| written.file.get(id).unwrap_or_default());
            let attributes = format!("class=\"lives\" data-process=\"{}\"", written.part.file);
            self.packer.put_script(&attributes, &bytes, &mut tail.text);
        }
        Ok(0)
    }

    fn close(&self, _: &Report<'_>, _: usize, _: &mut Tail<'_>) -> Result<(), MergeError> {
        match lock(&self.totals).all {
            events if events > self.events_max => Err(MergeError::TooManyEvents(events, self.events_max)),
            _ => Ok(()),
        }
    }

    fn end(&self, end: &ReportEnd<'_>, tail: &mut Tail<'_>) -> Result<(), MergeError> {
        end.put_sources(tail, |path, _, source, text| self.put_source(path, source, text))?;
        header::put(end, &self.interned, &lock(&self.totals), self.served.as_ref(), tail)?;
        let (_, after) = PAGE.split_once(BLOCKS).unwrap_or((PAGE, ""));
        tail.text.put(modules::embedded(after).as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::selection::{Selected, Selection};
    use crate::report::write::Pipeline;
    use crate::sample::{Ring, call};
    use crate::storage::output::Output;
    use crate::trace::Trace;
    use crate::{Prefixes, Request};

    #[test]
    fn the_page_has_a_place_for_all_and_asks_nobody() {
        for placeholder in [BLOCKS, NOBODY, modules::STYLE, modules::VIEWER] {
            assert_eq!(PAGE.matches(placeholder).count(), 1, "{placeholder}");
        }
        for asks in ["http:", "https:", "src=", "<link", "@import", "url("] {
            assert!(!PAGE.contains(asks), "{asks}");
        }
    }

    /// What a page of a trace of three calls says that may hold so many.
    fn written(events_max: u64, selection: Option<&Selection>) -> Result<(), MergeError> {
        let mut ring = Ring::new(1, 5_000_000);
        ring.thread(1, 5, "", 0, 0);
        ring.calls(1, 0, &[10, 20, 30].map(|at| call(1, 5_000_000 + at, 5)), true);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.bin");
        std::fs::write(&path, ring.bytes(true)).unwrap();
        let request = Request::new(vec![path], "a.html".into());
        let trace = Trace::read(&request, &()).unwrap();
        let (files, alignment, prefixes) = (trace.plans(), trace.alignment(), &Prefixes::default());
        let selected = selection.and_then(|selection| Selected::of(selection, files, alignment).unwrap());
        let (source, show_losses, source_root) = (false, false, None);
        let report = Report { files, alignment, source, show_losses, source_root, selected, prefixes, sides: None };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let html = Html::with_at_most(events_max, &report, &pool, &())?;
        let mut output = Output::create(&directory.path().join("a.html")).unwrap();
        let pipeline = Pipeline { report: &report, pool: &pool, watch: &(), gzip: false, windows: None };
        pipeline.write(&html, &mut output, &mut trace.summary())
    }

    #[test]
    fn too_much_is_refused() {
        written(3, None).unwrap();
        let error = written(2, None).unwrap_err().to_string();
        for word in [" 2 events", " 3:", "--last", "--func", ".pftrace"] {
            assert!(error.contains(word), "{error}");
        }
        let some = Selection { max_depth: Some(7), ..Selection::default() };
        written(3, Some(&some)).unwrap();
        let error = written(2, Some(&some)).unwrap_err();
        assert!(matches!(error, MergeError::TooManyEvents(3, 2)));
        let none = Selection { pids: vec![99], ..Selection::default() };
        written(0, Some(&none)).unwrap();
    }
}
