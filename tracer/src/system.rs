//! What each operating system does in its own way, as far as the extension asks. One file per system has it under the
//! same names; what Linux and macOS share is in `unix.rs`. A module that is another one on Windows or macOS has a second
//! file, whose name says so.
//!
//! | | Linux | macOS | Windows |
//! |---|---|---|---|
//! | what Python knows of processes | `/proc` | this extension asks | `ctypes` asks |
//! | main thread | its id is that of the process | the C library knows | it is asked for when this module is imported |
//! | a ring file is written | `flock` | `flock` | a lock on one byte |
//! | which pipe it is | device and inode | device and inode | its name |
//! | Ctrl+C ends the program | by the signal | by the signal | by the status that stands for it |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "macos")]
pub use macos::*;
#[cfg(windows)]
pub use windows::*;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
compile_error!("the extension of viztracer-ring runs on Linux, macOS and Windows");
