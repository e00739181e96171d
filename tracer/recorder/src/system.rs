//! What each operating system does in its own way: its clocks, what it knows of a process, and how it handles files that
//! other processes see. One file per system has all of it, under the same names; what only the ring file asks is in
//! `file/`.
//!
//! | | Linux | macOS | Windows |
//! |---|---|---|---|
//! | monotonic clock | `CLOCK_MONOTONIC` | `mach_continuous_time` | `QueryPerformanceCounter` |
//! | counter of the processor | used if the kernel trusts it | not used | not used |
//! | start of a process | `/proc/self/stat` | `proc_pidinfo` | `GetProcessTimes` |
//! | boot | `boot_id` | `kern.bootsessionuuid` | unknown: the merge relates files by the time of day |
//! | a new name for a file | `renameat2` | `renamex_np` | `MoveFileEx` |
//! | a lock for life | `flock` | `flock` | a lock on one byte behind all bytes, since locks keep readers out |
//! | which file it is | device and inode | device and inode | volume and file index |
//! | files of this user only | owner and mode | owner and mode | the access list that the directory passes on |
//! | a file that somebody cuts | memory replaces it | memory replaces it | nobody can cut a file that is mapped |

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
compile_error!("viztracer-recorder runs on Linux, macOS and Windows");
