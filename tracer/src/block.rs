//! `snaptrace.VizEvent`: a block of code that appears in the trace like a call.

use crate::logged::json::text;
use crate::tracer::Tracer;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyString};
use std::sync::atomic::{AtomicU64, Ordering};

/// What nothing was recorded at: the bits of a number that is no time.
const NO_START: u64 = f64::NAN.to_bits();

/// A context manager that records the block it is used with.
#[pyclass(subclass, frozen, module = "viztracer.vizevent")]
pub struct VizEvent {
    tracer: Py<PyAny>,
    name: String,
    /// The time of the begin as the tracer has it, as the bits of a number.
    start: AtomicU64,
    /// Whether the tracer logs as [`Tracer`] does.
    is_plain: bool,
}

#[pymethods]
impl VizEvent {
    #[new]
    fn new(
        tracer: &Bound<'_, PyAny>,
        event_name: &Bound<'_, PyAny>,
        file_name: &Bound<'_, PyAny>,
        lineno: &Bound<'_, PyAny>,
    ) -> PyResult<VizEvent> {
        let mut name = String::with_capacity(128);
        for (before, part) in [("", event_name), (" (", file_name), (":", lineno)] {
            name.push_str(before);
            append_formatted(part, &mut name)?;
        }
        name.push(')');
        let is_plain = logs_itself(tracer)?;
        Ok(VizEvent { tracer: tracer.clone().unbind(), name, start: AtomicU64::new(NO_START), is_plain })
    }

    fn __enter__(&self, python: Python<'_>) -> PyResult<()> {
        let tracer = self.tracer.bind(python);
        let start = match self.plain(python) {
            Some(tracer) => tracer.begin_block(),
            None if tracer.getattr(intern!(python, "enable"))?.is_truthy()? => Some(time_of(tracer)?),
            None => None,
        };
        self.start.store(start.map_or(NO_START, f64::to_bits), Ordering::Relaxed);
        Ok(())
    }

    /// Records the block, unless nothing was recorded when it began or is recorded now.
    #[pyo3(signature = (_kind = None, _error = None, _traceback = None))]
    fn __exit__(
        &self,
        python: Python<'_>,
        _kind: Option<&Bound<'_, PyAny>>,
        _error: Option<&Bound<'_, PyAny>>,
        _traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let start = f64::from_bits(self.start.load(Ordering::Relaxed));
        if start.is_nan() {
            return Ok(());
        }
        if let Some(tracer) = self.plain(python) {
            tracer.end_block(python, &self.name, start);
            return Ok(());
        }
        let tracer = self.tracer.bind(python);
        if tracer.getattr(intern!(python, "enable"))?.is_truthy()? {
            let event = PyDict::new(python);
            event.set_item("ph", "X")?;
            event.set_item("name", &self.name)?;
            event.set_item("ts", start)?;
            event.set_item("dur", time_of(tracer)? - start)?;
            event.set_item("cat", "FEE")?;
            tracer.call_method1(intern!(python, "add_raw"), (event,))?;
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.tracer)
    }
}

impl VizEvent {
    /// The tracer, if it logs as [`Tracer`] does.
    fn plain<'a>(&'a self, python: Python<'a>) -> Option<&'a Tracer> {
        self.tracer.bind(python).cast::<Tracer>().ok().filter(|_| self.is_plain).map(|tracer| tracer.get())
    }
}

/// Whether the class of a tracer has the method of [`Tracer`] that logs, and none of its own.
fn logs_itself(tracer: &Bound<'_, PyAny>) -> PyResult<bool> {
    static METHOD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let python = tracer.py();
    let name = intern!(python, "add_raw");
    let method = METHOD.get_or_try_init(python, || python.get_type::<Tracer>().getattr(name).map(Bound::unbind))?;
    Ok(tracer.is_instance_of::<Tracer>() && tracer.get_type().getattr(name)?.is(method))
}

fn time_of(tracer: &Bound<'_, PyAny>) -> PyResult<f64> {
    tracer.call_method0(intern!(tracer.py(), "getts"))?.extract()
}

/// Appends what an f-string makes of a value.
fn append_formatted(value: &Bound<'_, PyAny>, name: &mut String) -> PyResult<()> {
    if let Ok(string) = value.cast_exact::<PyString>() {
        name.push_str(&text(string));
    } else if let (Ok(_), Ok(number)) = (value.cast_exact::<PyInt>(), value.extract::<i64>()) {
        name.push_str(itoa::Buffer::new().format(number));
    } else {
        let formatted = value.call_method1(intern!(value.py(), "__format__"), ("",))?;
        name.push_str(&text(formatted.cast::<PyString>()?));
    }
    Ok(())
}
