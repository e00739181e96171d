//! A large trace that stays open: a page of all of it with little detail, and tiles with more.

use super::{Trace, pool, workers};
use crate::align::Alignment;
use crate::error::{BadInput, MergeError};
use crate::events::selection::{Selected, TimeRange};
use crate::events::timeline::{Detail, FileWindows};
use crate::inspect::last_words::innermost;
use crate::parallel::progress::Watch;
use crate::plan::file::FilePlan;
use crate::report::functions::{InternedFunctions, Sort};
use crate::report::summary::Summary;
use crate::report::write::top::{Style, Top};
use crate::report::write::{Report, Served, Tiler};
use crate::request::Request;
use crate::storage::output::Output;
use rayon::ThreadPool;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A file, and a thread of it by its index, or all of the file.
pub type Where = (usize, Option<usize>);

/// The inputs of a request as they were when they were opened.
pub struct Tiles {
    request: Request,
    pool: ThreadPool,
    plans: Vec<FilePlan>,
    alignment: Alignment,
    bad: Vec<BadInput>,
    interned: Arc<InternedFunctions>,
    windows: Vec<FileWindows>,
    settings: TileSettings,
    shortest: u64,
}

/// When a trace is served in tiles, and how.
#[derive(Clone, Debug)]
pub struct TileSettings {
    /// A trace with so many events, or fewer, is not.
    pub least: u64,
    /// About how many calls the page has.
    pub calls: u64,
    /// What the page calls this opening of the trace when it asks for tiles.
    pub id: String,
}

impl Tiles {
    /// Opens and plans the inputs of a request, of which the output and the selection do not matter. `None` if the
    /// trace is not large enough to be served in tiles.
    pub fn open(request: Request, settings: TileSettings, watch: &dyn Watch) -> Result<Option<Tiles>, MergeError> {
        let Trace { plans, alignment, bad, .. } = Trace::read(&request, watch)?;
        let planned: u64 = plans.iter().flat_map(|plan| &plan.calls).map(|calls| u64::from(calls.events)).sum();
        if planned <= settings.least {
            return Ok(None);
        }
        let pool = pool(workers(&request))?;
        let (interned, windows) = (Arc::default(), Vec::new());
        let mut tiles = Tiles { request, pool, plans, alignment, bad, interned, windows, settings, shortest: 0 };
        tiles.interned = Arc::new(tiles.report(None).numbered(&tiles.pool, watch)?);
        tiles.windows = tiles.report(None).windows(&tiles.pool, watch)?;
        tiles.shortest = tiles.tiler(&tiles.report(None)).shortest(tiles.settings.calls);
        Ok(Some(tiles))
    }

    /// Writes the page of all the time.
    pub fn write_page(&self, output: &Path, watch: &dyn Watch) -> Result<Summary, MergeError> {
        let mut summary = Summary { output: output.into(), ..self.summary() };
        summary.last_words = innermost(&self.plans);
        let mut output = Output::create(output)?;
        let known = (Arc::clone(&self.interned), &self.windows[..]);
        let (id, whole) = (self.settings.id.clone(), self.whole());
        let served = Served { detail: Detail::of_all(self.shortest), id, whole };
        self.report(None).served_page(known, served, &self.pool, watch, &mut output, &mut summary)?;
        output.finish(true)?;
        Ok(summary)
    }

    /// A tile of a time, in which calls that are shorter are merged, both in ns.
    pub fn tile(&self, time: Range<u64>, shortest: u64, watch: &dyn Watch) -> Result<Vec<u8>, MergeError> {
        self.tiler(&self.report(None)).tile(&Detail { time, shortest }, watch)
    }

    /// The functions of a time, of some threads or of all, as `--top --json` prints them.
    pub fn functions(
        &self,
        time: Range<u64>,
        threads: Option<Vec<Where>>,
        is_busy: bool,
        watch: &dyn Watch,
    ) -> Result<Vec<u8>, MergeError> {
        let times = vec![TimeRange::new(time.start, time.end); self.plans.len()];
        let is_all = times.iter().all(|time| *time == TimeRange::ALL) && threads.is_none();
        let selected = Selected::of_threads(&self.request.selection, times, threads);
        let top = Top { rows: usize::MAX, sort: Sort::Own, is_busy, style: Style::Json };
        let mut output = Output::memory();
        let report = self.report((!is_all).then_some(selected));
        report.top(top, &self.pool, watch, &mut output, &mut self.summary())?;
        Ok(output.into_bytes())
    }

    /// How many events of a time are few enough for a tile with all calls.
    fn whole(&self) -> u64 {
        self.settings.calls / 2
    }

    fn summary(&self) -> Summary {
        let Tiles { request, plans, alignment, bad, .. } = self;
        Summary::of(request.output.clone(), plans, alignment, &request.prefixes, bad.clone())
    }

    fn report<'a>(&'a self, selected: Option<Selected<'a>>) -> Report<'a> {
        let Tiles { request, plans: files, alignment, .. } = self;
        let (source, show_losses, source_root, sides) = (request.source, false, None, None);
        Report { files, alignment, source, show_losses, source_root, selected, prefixes: &request.prefixes, sides }
    }

    fn tiler<'a>(&'a self, report: &'a Report<'a>) -> Tiler<'a> {
        Tiler { report, windows: &self.windows, interned: &self.interned, pool: &self.pool, all_max: self.whole() }
    }
}
