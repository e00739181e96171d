//! Which events a hook reports.

/// What is recorded.
#[derive(Clone, Copy)]
pub struct EventOptions {
    /// Whether calls are recorded at all.
    pub calls: bool,
    /// Whether C functions are recorded.
    pub c_functions: bool,
    /// Whether the asyncio task that runs is recorded.
    pub tasks: bool,
    /// Whether calls that are no longer recorded are counted now and then.
    #[cfg(Py_3_12)]
    pub counts: bool,
}
