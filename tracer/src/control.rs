//! `snaptrace.ControlBlock`, Python's door to the control block of a run.

use pyo3::prelude::*;
use viztracer_recorder::control;

/// The page of shared memory in which the processes of a run count themselves, by its name.
#[pyclass(frozen, module = "viztracer.snaptrace")]
pub struct ControlBlock {
    #[pyo3(get)]
    name: String,
}

#[pymethods]
impl ControlBlock {
    /// The block with this name.
    #[new]
    fn new(name: String) -> ControlBlock {
        ControlBlock { name }
    }

    /// Makes the block of a run whose first process this is.
    #[staticmethod]
    fn create() -> PyResult<ControlBlock> {
        Ok(ControlBlock { name: control::create()? })
    }

    /// Locks the block again, for a first process that has become another program.
    fn hold(&self) -> PyResult<()> {
        Ok(control::hold(&self.name)?)
    }

    /// Counts this process as one that records; false if the run is over.
    fn join(&self) -> PyResult<bool> {
        Ok(control::join(&self.name)?)
    }

    /// Counts this process, which has joined, as one that cannot record.
    fn refuse(&self) -> PyResult<()> {
        Ok(control::refuse(&self.name)?)
    }

    /// Ends the run and removes the block; returns how many processes recorded, and how many could not.
    fn end(&self) -> PyResult<(u64, u64)> {
        let control::Counts { joined, refused } = control::end(&self.name)?;
        Ok((joined, refused))
    }
}
