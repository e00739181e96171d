//! The calls that are open on a thread, as data.

use super::arguments::Arguments;

/// An open call that was too deep when it began, and the slots of the stack that were in use then. After the limit has
/// moved, further frames may be inside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooDeep {
    pub tag: u64,
    pub depth: usize,
}

/// What is open on a thread.
#[derive(Debug)]
pub(crate) struct OpenCalls {
    /// From the outermost on.
    pub calls: Vec<OpenCall>,
    /// The depth limit, and the frames at the bottom of the stack that do not count for it.
    pub max_depth: usize,
    pub uncounted: usize,
}

/// An open call.
#[derive(Debug)]
pub(crate) struct OpenCall {
    pub tag: u64,
    /// `None` for a call that is too deep.
    pub function: Option<u32>,
    pub arguments: Option<Arguments>,
}
