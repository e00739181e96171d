//! A call that the depth limit keeps off the stack.

/// An open call that was too deep when it began, and the slots of the stack that were in use then. After the limit has
/// moved, further frames may be inside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooDeep {
    pub tag: u64,
    pub depth: usize,
}
