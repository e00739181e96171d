//! Whose a directory or a temporary file is, by its name, and whether he still lives, by his pid and his locks.

use crate::storage::output::TEMPORARY_PREFIX;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::process::{Pid, test_kill_process};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The pid in `viztracer_<pid>_<hex>`.
pub fn owner(name: &str) -> Option<i32> {
    let (pid, random) = name.strip_prefix("viztracer_")?.split_once('_')?;
    let is_random = !random.is_empty() && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    pid.parse().ok().filter(|pid| is_random && *pid > 0)
}

/// Whether a file of this name is of use only while its writer lives: a ring file or a report in the making, or the
/// control block of a run.
pub fn is_temporary(name: &str) -> bool {
    writer(name).is_some() || name.starts_with(TEMPORARY_PREFIX)
}

/// The pid in `.<stem>_<pid>.<32 digits>.new`, or in the name of a run's control block.
fn writer(name: &str) -> Option<i32> {
    if let Some(block) = name.strip_prefix("viztracer_control_") {
        return block.split_once('_')?.0.parse().ok().filter(|pid| *pid > 0);
    }
    let (stem, random) = name.strip_prefix('.')?.strip_suffix(".new")?.rsplit_once('.')?;
    let is_random = random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    stem.rsplit('_').next()?.parse().ok().filter(|pid| is_random && *pid > 0)
}

/// Whether nobody needs this temporary file any more. Its writer is asked for by pid first: our lock,
/// although it is a shared one and gone at once, could come before the writer's own.
pub fn is_forsaken(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    is_temporary(name) && !writer(name).is_some_and(is_running) && !is_locked(path)
}

/// Whether somebody holds a lock on this file, or it cannot be known.
pub fn is_locked(path: &Path) -> bool {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits()).unwrap_or(0);
    let opened: std::io::Result<File> = OpenOptions::new().read(true).custom_flags(flags).open(path);
    !opened.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_ok())
}

/// Whether there is a process with this pid that has not died; one that waits for its parent to notice has.
pub fn is_running(pid: i32) -> bool {
    let Some(id) = Pid::from_raw(pid) else { return false };
    if test_kill_process(id) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, Some('Z' | 'X'))
}
