//! The calls of a trace, which a reader pulls batch by batch.

use super::{Trace, pool, workers};
use crate::align::Alignment;
use crate::error::{BadInput, MergeError};
use crate::events::selection::Selected;
use crate::parallel::lock::lock;
use crate::parallel::progress::Watch;
use crate::plan::file::FilePlan;
use crate::report::summary::Summary;
use crate::report::write::{CallReader, CallWindows, Report};
use crate::request::Request;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use rayon::ThreadPool;
use std::collections::VecDeque;
use std::process;
use std::sync::{Arc, Mutex};

/// All selected calls of some inputs, to be read any number of times, as they were when the inputs were opened.
pub struct Calls {
    request: Request,
    plans: Vec<FilePlan>,
    alignment: Alignment,
    bad: Vec<BadInput>,
    /// What the first stream has found out for all.
    windows: Mutex<Option<Arc<CallWindows>>>,
}

/// A stream of calls, as batches in the layout of Arrow. When it is asked for the next batch and has none left, it
/// decodes several of them in parallel; between two questions no thread works.
pub struct CallStream {
    calls: Arc<Calls>,
    /// The workers, and the process that they run in.
    pool: Option<(u32, ThreadPool)>,
    windows: Option<Arc<CallWindows>>,
    reader: CallReader,
    ready: VecDeque<RecordBatch>,
}

impl Calls {
    /// Opens and plans the inputs of a request, of which the output does not matter.
    pub fn open(request: Request, watch: &dyn Watch) -> Result<Calls, MergeError> {
        let Trace { plans, alignment, bad, .. } = Trace::read(&request, watch)?;
        Ok(Calls { request, plans, alignment, bad, windows: Mutex::default() })
    }

    /// Begins to read the calls.
    pub fn stream(self: &Arc<Calls>) -> Result<CallStream, MergeError> {
        let reader = CallReader::new(&self.report()?, self.summary());
        Ok(CallStream { calls: Arc::clone(self), pool: None, windows: None, reader, ready: VecDeque::new() })
    }

    /// What is known before events are read.
    pub fn summary(&self) -> Summary {
        let Calls { request, plans, alignment, bad, .. } = self;
        Summary::of(request.output.clone(), plans, alignment, &request.prefixes, bad.clone())
    }

    fn report(&self) -> Result<Report<'_>, MergeError> {
        let Calls { request, plans: files, alignment, .. } = self;
        let selected = Selected::of(&request.selection, files, alignment)?;
        let (source, show_losses, source_root, sides) = (false, false, None, None);
        Ok(Report { files, alignment, source, show_losses, source_root, selected, prefixes: &request.prefixes, sides })
    }

    fn windows(&self, pool: &ThreadPool, watch: &dyn Watch) -> Result<Arc<CallWindows>, MergeError> {
        // Not under the lock: a signal handler may read the table, too, and so may a forked child.
        let known = lock(&self.windows).clone();
        let windows = match known {
            Some(windows) => windows,
            None => Arc::new(CallWindows::read(&self.report()?, pool, watch)?),
        };
        Ok(Arc::clone(lock(&self.windows).get_or_insert(windows)))
    }
}

impl CallStream {
    /// The columns of all batches.
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// What was read so far, and what was missing.
    pub fn summary(&self) -> &Summary {
        self.reader.summary()
    }

    /// The next batch, or `None` at the end. The calling thread asks `watch` whether to stop.
    pub fn next(&mut self, watch: &dyn Watch) -> Result<Option<RecordBatch>, ArrowError> {
        while self.ready.is_empty() && !self.reader.is_at_end() {
            if watch.stopped() {
                return Err(external(MergeError::Interrupted));
            }
            let batches = self.read(watch)?;
            self.ready.extend(batches.into_iter().map(|(_, batch)| batch));
        }
        Ok(self.ready.pop_front())
    }

    fn read(&mut self, watch: &dyn Watch) -> Result<Vec<(usize, RecordBatch)>, ArrowError> {
        self.forget_workers_of_parent();
        let (_, pool) = match &mut self.pool {
            Some(pool) => pool,
            none => none.insert((process::id(), pool(workers(&self.calls.request)).map_err(|e| external(e.into()))?)),
        };
        let windows = match &mut self.windows {
            Some(windows) => windows,
            none => none.insert(self.calls.windows(pool, watch).map_err(external)?),
        };
        let report = self.calls.report().map_err(external)?;
        self.reader.read(&report, windows, pool)
    }

    /// A forked child has inherited no workers. What it knows of its parent's can only be forgotten: to end them would
    /// wait for locks that they may hold.
    fn forget_workers_of_parent(&mut self) {
        if let Some((_, pool)) = self.pool.take_if(|(of, _)| *of != process::id()) {
            std::mem::forget(pool);
        }
    }
}

impl Drop for CallStream {
    fn drop(&mut self) {
        self.forget_workers_of_parent();
    }
}

fn external(error: MergeError) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}
