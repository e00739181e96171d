//! The plans of all inputs, made without reading all events.
//!
//! The headers of the segments of a ring file make a [`table`]; [`ring`] counts their events, and [`cut`] leaves out
//! what is more than the newest events that were asked for. Then every process gets the [`number`] of its tracks, and
//! [`waits`] adds what parents know of the ends of their children, and [`roles`] says which processes are workers.

pub mod cut;
pub mod number;
pub mod ring;
pub mod roles;
mod shared_payloads;
pub mod table;
pub mod waits;

use crate::chrome;
use crate::error::{BadInput, MergeError, Problem};
use crate::parallel::progress::{Stage, Watch};
use crate::parallel::reorder_buffer::in_order;
use crate::plan::file::FilePlan;
use crate::storage::store::Store;
use crate::text::display::{self, printable};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The plans of all files that can be read, in order; the others are added to `bad`. Plans have the newest events that
/// were asked for when they were recorded, or `all_events` that the files hold.
pub(crate) fn all(
    paths: &[PathBuf],
    all_events: bool,
    pool: &rayon::ThreadPool,
    watch: &dyn Watch,
    bad: &mut Vec<BadInput>,
) -> Result<Vec<FilePlan>, MergeError> {
    let mut plans = Vec::with_capacity(paths.len());
    let done = AtomicUsize::new(0);
    let documents = Documents { all_events, ..Documents::default() };
    let work = |(): &mut (), index: usize| paths.get(index).map(|path| documents.plans(path));
    let take = |file: Option<Result<Vec<FilePlan>, Problem>>| {
        match (file, paths.get(done.fetch_add(1, Ordering::Relaxed))) {
            (Some(Ok(mut of_file)), _) => plans.append(&mut of_file),
            (Some(Err(problem)), Some(path)) => bad.push(BadInput::new(path, problem)),
            _ => {}
        }
        Ok(())
    };
    let stopped = || {
        watch.progress(Stage::Reading, done.load(Ordering::Relaxed) as u64, paths.len() as u64);
        documents.stop.store(watch.stopped(), Ordering::Relaxed);
        documents.stop.load(Ordering::Relaxed)
    };
    in_order(pool, paths.len(), stopped, || (), work, take).map_err(MergeError::from)?;
    Ok(plans)
}

/// What may be missing, if files that are being written were read without a copy of them.
pub(crate) fn uncopied(plans: &[FilePlan]) -> Option<String> {
    let mut uncopied = plans.iter().filter_map(|plan| plan.uncopied.as_ref().map(|reason| (&plan.path, reason)));
    let (path, reason) = uncopied.next()?;
    let others = match uncopied.count() {
        0 => String::new(),
        others => format!(", nor could {others} more"),
    };
    let (path, to, reason) = (display::path(path), std::env::temp_dir(), printable(reason));
    Some(format!(
        "{path} is being written and could not be copied to {} ({reason}){others}: what is overwritten while it is read \
         may be missing",
        display::path(&to)
    ))
}

/// How inputs are read. Traces in JSON have one store for all, and a flag to stop, as they may be long.
#[derive(Default)]
struct Documents {
    all_events: bool,
    store: OnceLock<Result<Arc<Store>, Problem>>,
    stop: AtomicBool,
}

impl Documents {
    /// The plan of a ring file, or those of a trace in JSON.
    fn plans(&self, path: &Path) -> Result<Vec<FilePlan>, Problem> {
        if !chrome::is_trace(path) {
            let plan = if self.all_events { FilePlan::of_all_events(path) } else { FilePlan::of(path) };
            return plan.map(|plan| vec![plan]);
        }
        let store = self.store.get_or_init(|| Store::new(None).map(Arc::new).map_err(chrome::store_failed));
        chrome::read(path, store.as_ref().map_err(Clone::clone)?, &self.stop)
    }
}
