//! Whether a process still runs, by its pid: for as long as somebody may write a file.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::fs;
use viztracer_format::process_stat::ProcessStat;

/// What `/proc` says of the process with this pid; `None` if there is none, or it cannot be read.
fn stat(pid: u32) -> Option<ProcessStat> {
    ProcessStat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether the process that had this pid and this start time (0 if unknown) still runs.
pub fn is_running_since(pid: u32, start: u64) -> bool {
    start != 0 && stat(pid).is_some_and(|stat| stat.start == start && !stat.has_ended())
}

/// Whether any process with this pid may run. One that waits for its parent to notice its end does not.
pub fn may_run(pid: i32) -> bool {
    let Some(id) = Pid::from_raw(pid) else { return false };
    test_kill_process(id) != Err(Errno::SRCH) && !stat(pid.unsigned_abs()).is_some_and(|stat| stat.has_ended())
}
