//! Windows has no signal handlers, and so no stacks for them.

/// The stack that a thread would have from us.
pub struct SignalStack;

impl SignalStack {
    /// Gives the calling thread none.
    pub fn give() -> Option<SignalStack> {
        None
    }
}
