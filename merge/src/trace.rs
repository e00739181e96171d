//! The inputs, opened and planned and on one time line: from here on to a report, or to last words.

use crate::align::{self, Alignment};
use crate::error::{BadInput, MergeError};
use crate::input::State;
use crate::last_words::{self, LastWords, Others, innermost};
use crate::output::Output;
use crate::progress::Watch;
use crate::selection::Selected;
use crate::summary::Summary;
use crate::survey::{self, FilePlan};
use crate::write::{Format, Report};
use crate::{Request, discover};
use std::io::{self, ErrorKind, Write};

/// More workers than this only wait for the one that writes, and each of them holds some MB.
const WORKERS_USUAL: usize = 16;

/// What was asked for, and what the inputs hold.
pub struct Trace<'a> {
    request: &'a Request,
    pool: rayon::ThreadPool,
    plans: Vec<FilePlan>,
    alignment: Alignment,
    bad: Vec<BadInput>,
}

impl<'a> Trace<'a> {
    /// Opens and plans the inputs.
    pub fn read(request: &'a Request, watch: &dyn Watch) -> Result<Trace<'a>, MergeError> {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = request.threads.unwrap_or_else(|| processors().min(WORKERS_USUAL));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build()?;
        let (paths, mut bad) = discover::discover(&request.inputs);
        let plans = survey::all(&paths, &pool, watch, &mut bad)?;
        if plans.is_empty() {
            return Err(MergeError::NothingReadable(bad));
        }
        let alignment = align::align(&plans);
        Ok(Trace { request, pool, plans, alignment, bad })
    }

    /// Writes the report.
    pub fn report(&self, watch: &dyn Watch, format: Format) -> Result<Summary, MergeError> {
        let mut summary = self.summary();
        summary.last_words = innermost(&self.plans);
        let mut output = Output::create(&self.request.output)?;
        let (files, alignment) = (&self.plans[..], &self.alignment);
        let selected = Selected::of(&self.request.selection, files, alignment);
        let report = Report { files, alignment, format, source: self.request.source, selected };
        report.write(&self.pool, watch, &mut output, &mut summary)?;
        if watch.stopped() {
            return Err(MergeError::Interrupted);
        }
        output.finish()?;
        Ok(summary)
    }

    /// Writes what the processes were doing that did not end in order. A reader who goes away has read enough.
    pub fn last_words(&self, watch: &dyn Watch, to: &mut dyn Write) -> Result<Summary, MergeError> {
        let mut summary = self.summary();
        match self.write_last_words(watch, to, &mut summary) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(MergeError::Interrupted),
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(MergeError::LastWords(error)),
            _ => Ok(summary),
        }
    }

    fn write_last_words(&self, watch: &dyn Watch, to: &mut dyn Write, summary: &mut Summary) -> io::Result<()> {
        let mut told = 0;
        for ((plan, clock), file) in self.plans.iter().zip(&self.alignment.clocks).zip(&mut summary.files) {
            if plan.state == State::Sealed {
                continue;
            }
            if watch.stopped() {
                return Err(ErrorKind::Interrupted.into());
            }
            let words = LastWords::of(plan, clock);
            let mut text = String::new();
            last_words::write(plan, &words, &mut text).map_err(io::Error::other)?;
            to.write_all(text.as_bytes())?;
            file.problems.append(&words.problems);
            told += 1;
        }
        let others = Others { ended: self.plans.len() - told, all: told == 0 };
        to.write_all(others.to_string().as_bytes())?;
        to.flush()
    }

    fn summary(&self) -> Summary {
        let mut summary = Summary::of(self.request.output.clone(), &self.plans, self.bad.clone());
        summary.warnings = self.alignment.warnings.clone();
        summary.base_realtime = self.alignment.base_realtime;
        summary
    }
}
