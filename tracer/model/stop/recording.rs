//! The tracer's `recording`.

#[path = "../../src/recording/file.rs"]
mod file;
#[path = "../../src/recording/fork.rs"]
mod fork;
#[path = "../../src/recording/owner.rs"]
mod owner;
#[path = "../../src/recording/state.rs"]
mod state;

pub use file::*;
pub use fork::*;
pub use owner::*;
pub use state::{Phase, begin, current, end, kept, records_calls};
