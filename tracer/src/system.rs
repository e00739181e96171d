//! What each operating system does in its own way, as far as the extension asks. One file per system has all of it,
//! under the same names. A module that is another one on Windows has a second file, whose name says so.
//!
//! | | Linux | Windows |
//! |---|---|---|
//! | main thread | its id is that of the process | it is asked for when this module is imported |
//! | a ring file is written | `flock` | a lock on one byte |
//! | which pipe it is | device and inode | its name |
//! | Ctrl+C ends the program | by the signal | by the status that stands for it |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(windows)]
pub use windows::*;

#[cfg(not(any(target_os = "linux", windows)))]
compile_error!("the extension of viztracer-ring runs on Linux and Windows");
