//! Processes do not fork on Windows: a new one begins with the interpreter, and joins the run there.

/// Does nothing.
pub fn watch() {}
