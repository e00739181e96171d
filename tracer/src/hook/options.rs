//! What a hook is to report.

/// What is to be recorded besides Python functions.
#[derive(Clone, Copy)]
pub struct EventOptions {
    /// C functions.
    pub c_functions: bool,
    /// Which asyncio task calls them all.
    pub tasks: bool,
}
