//! Which events a hook reports.

/// What is recorded besides Python functions.
#[derive(Clone, Copy)]
pub struct EventOptions {
    /// Whether C functions are recorded.
    pub c_functions: bool,
    /// Whether the asyncio task that runs is recorded.
    pub tasks: bool,
}
