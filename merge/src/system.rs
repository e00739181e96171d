//! What each operating system does in its own way: how it opens, locks and identifies files, what it knows of processes
//! and of its start, and how a report appears when it is whole. One file per system has all of it, under the same names.
//!
//! | | Linux | macOS | Windows |
//! |---|---|---|---|
//! | which file a path leads to | device and inode | device and inode | volume and file index |
//! | whose file it is | uid | uid | owner of the access list |
//! | a writer lives | `flock`, `/proc` | `flock`, `proc_pidinfo` | a lock on one byte, times of processes |
//! | holes of a file | `SEEK_DATA` | `SEEK_DATA` | read like all else |
//! | a report in the making | a file without a name | a temporary file | a temporary file |
//! | the mode of a report | umask, and that of the file before | the same | what the directory passes on |
//! | links and pipes of other users | refused where everybody may put files | the same | not looked for: no directory is for all |
//! | files below `--source_root` | `openat2` | none is opened | none is opened |
//! | the space of a snapshot | taken at once | taken as it is written | taken as it is written |
//! | the boot | `boot_id` | `kern.bootsessionuuid` | unknown |
//! | Ctrl+C while a list is read | heeded at once | heeded at once | heeded when more of the list comes |

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
#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
compile_error!("viztracer-merge runs on Linux, macOS and Windows");
