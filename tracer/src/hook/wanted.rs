//! What a hook is to report.

/// What is to be recorded.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// Calls at all.
    pub calls: bool,
    /// C functions.
    pub c_functions: bool,
    /// Which asyncio task calls them all.
    pub tasks: bool,
}
