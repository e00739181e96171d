//! What the tests and the fuzz target share: a ring file built in memory, and a walk over all that a ring file tells.

#![allow(dead_code, reason = "every test binary uses the part that it needs")]

pub mod build;
pub mod golden;
pub mod repair;
pub mod walk;

/// The golden file of format version 1.
pub const GOLDEN: &[u8] = include_bytes!("../golden/v1.bin");
/// The one whose threads and tasks have labels.
pub const GOLDEN_LABELS: &[u8] = include_bytes!("../golden/v1-labels.bin");
/// The one with payloads of calls and events of the Chrome trace format.
pub const GOLDEN_LOGGED: &[u8] = include_bytes!("../golden/v1-logged.bin");
/// The one with arguments of open calls.
pub const GOLDEN_ARGUMENTS: &[u8] = include_bytes!("../golden/v1-arguments.bin");
/// The one with elided functions.
pub const GOLDEN_ELIDED: &[u8] = include_bytes!("../golden/v1-elided.bin");
