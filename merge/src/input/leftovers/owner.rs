//! Which process a directory or a temporary file is of, by its name, and whether its process still runs, by its pid and
//! its locks.

use crate::storage::output::TEMPORARY_PREFIX;
use crate::system::{lock_shared, may_run, open_unfollowed};
use std::path::Path;

/// The pid in `viztracer_<pid>_<hex>`.
pub fn owner(name: &str) -> Option<i32> {
    let (pid, random) = name.strip_prefix("viztracer_")?.split_once('_')?;
    let is_random = !random.is_empty() && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    pid.parse().ok().filter(|pid| is_random && *pid > 0)
}

/// Whether a file of this name is of use only while its writer lives: a ring file or a report in the making.
pub fn is_temporary(name: &str) -> bool {
    writer(name).is_some() || name.starts_with(TEMPORARY_PREFIX)
}

/// The pid in `.<stem>_<pid>.<32 digits>.new`.
fn writer(name: &str) -> Option<i32> {
    let (stem, random) = name.strip_prefix('.')?.strip_suffix(".new")?.rsplit_once('.')?;
    let is_random = random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    stem.rsplit('_').next()?.parse().ok().filter(|pid| is_random && *pid > 0)
}

/// Whether no process needs this temporary file any more. The writer's pid is checked first: the lock that is taken
/// here, although it is shared and released at once, could come before the writer's own.
pub fn is_forsaken(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    is_temporary(name) && !writer(name).is_some_and(may_run) && !is_locked(path)
}

/// Whether a process holds a lock on this file, or that cannot be known.
pub fn is_locked(path: &Path) -> bool {
    !open_unfollowed(path).is_ok_and(|file| lock_shared(&file).unwrap_or(false))
}
