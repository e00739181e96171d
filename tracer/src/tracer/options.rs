//! What a recording is asked for, as Python passes it.

use crate::budget;
use crate::filter::Filter;
use crate::hook;
use crate::logged::options as logged_options;
use crate::process::switching::Address;
use crate::process::watcher::INTERVAL;
use crate::snapshots::shortest_time;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use viztracer_format::clock::Anchor;
use viztracer_recorder::{Budget, Options};

/// What a recorded call costs, in ns, and one with its arguments or its return value. A call of a function that is called
/// again and again costs half as much, but with a bound these are left out: the others find nothing in the processor's
/// caches. `benches/run pytest` shows it.
const CALL_COST: f64 = 200.0;
const CALL_COST_WITH_VALUES: f64 = 600.0;

/// The options of a recording, from a mapping with the names in `viztracer/tracer/options.py`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct RecordingOptions {
    tracer_entries: u64,
    /// In microseconds.
    min_duration: f64,
    /// Negative: no limit.
    max_stack_depth: i64,
    ignore_c_function: bool,
    ignore_frozen: bool,
    include_files: Vec<String>,
    exclude_files: Vec<String>,
    log_async: bool,
    trace_self: bool,
    /// No calls, but where `begin_calls` asks for them.
    log_sparse: bool,
    /// The longest text of one value.
    pub bytes_per_value: usize,
    /// As a part of the time that the process would take without tracing; 0: no bound.
    max_overhead: f64,
    /// When to keep a snapshot.
    keep_snapshot_at: Option<Vec<String>>,
}

/// Where ring files are, from the attributes of a `viztracer.process.ring_directory.RingDirectory`.
#[derive(FromPyObject)]
pub struct RingDirectory {
    path: PathBuf,
    prefix: String,
    session_id: [u8; 16],
    /// The name of the control block; `None` without one.
    block: Option<String>,
}

impl RingDirectory {
    /// By what the process finds the session's switches.
    pub fn address(&self) -> Option<Address> {
        self.block.clone().map(|block| Address { block, id: self.session_id })
    }
}

impl RecordingOptions {
    /// What the recorder, the filter and the hooks need to know of these options.
    pub fn split(
        self,
        python: Python<'_>,
        rings: RingDirectory,
        package: String,
        imported: Anchor,
    ) -> PyResult<(Options, Filter, hook::EventOptions)> {
        if self.tracer_entries == 0 {
            return Err(PyValueError::new_err("tracer_entries must be at least 1"));
        }
        let has_budget = self.max_overhead > 0.0;
        let shows_values = logged_options::arguments() || logged_options::return_values();
        let call_cost = if shows_values { CALL_COST_WITH_VALUES } else { CALL_COST };
        let interval = has_budget.then_some(budget::INTERVAL).or(rings.block.is_some().then_some(INTERVAL));
        let options = Options {
            directory: rings.path,
            prefix: rings.prefix,
            entries: self.tracer_entries,
            min_duration: (self.min_duration * 1000.0).round() as u64,
            max_depth: if self.log_sparse { 0 } else { usize::try_from(self.max_stack_depth).unwrap_or(usize::MAX) },
            session_id: rings.session_id,
            python_version: python.import("sys")?.getattr("hexversion")?.extract()?,
            imported,
            look_interval: interval.map(|interval| interval.as_nanos() as u64),
            slow_call: shortest_time(&self.keep_snapshot_at.unwrap_or_default()),
            budget: has_budget.then_some(Budget { bound: self.max_overhead, call_cost, has_tasks: self.log_async }),
        };
        let filter = Filter {
            include_files: self.include_files,
            exclude_files: self.exclude_files,
            ignore_frozen: self.ignore_frozen,
            package: if self.trace_self { String::new() } else { package },
        };
        let wanted = hook::EventOptions {
            calls: !self.log_sparse,
            c_functions: !self.ignore_c_function,
            tasks: self.log_async,
            #[cfg(Py_3_12)]
            counts: options.estimates_calls(),
        };
        Ok((options, filter, wanted))
    }
}
