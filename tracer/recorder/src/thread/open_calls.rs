//! The calls that are open on a thread, as data.

/// An open call that was too deep when it began, and the number of frames that it is inside of. After the limit has
/// moved, further frames may be inside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooDeep {
    pub tag: u64,
    pub depth: usize,
}

/// What is open on a thread.
#[derive(Debug)]
pub(crate) struct OpenCalls {
    /// The tag and the function of each call, from the outermost on. A call without a function is too deep.
    pub calls: Vec<(u64, Option<u32>)>,
    /// The depth limit, and the frames at the bottom of the stack that do not count for it.
    pub max_depth: usize,
    pub uncounted: usize,
}
