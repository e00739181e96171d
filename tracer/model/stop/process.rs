//! The tracer's `process`, as far as it is explored.

#[path = "../../src/process/lifecycle.rs"]
pub mod lifecycle;
