//! The memory of control blocks, which other processes find by its name. Each kind of system has a file with the same
//! functions.

#[cfg(not(target_os = "linux"))]
mod files;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub use files::*;
#[cfg(target_os = "linux")]
pub use linux::*;
