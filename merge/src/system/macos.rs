//! macOS.

use super::unix::exists;
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::path::{Path, PathBuf};
use std::ptr;

unsafe extern "C" {
    /// A clock, in ns.
    fn clock_gettime_nsec_np(clock: libc::clockid_t) -> u64;
}

/// The clock of the recorder, in ns: `mach_continuous_time`.
pub fn monotonic() -> i64 {
    // SAFETY: a call without pointers.
    unsafe { clock_gettime_nsec_np(libc::CLOCK_MONOTONIC_RAW) }.cast_signed()
}

/// There are no time namespaces.
pub fn monotonic_offset() -> i64 {
    0
}

/// The random number of this boot, in hexadecimal digits; empty if unknown.
pub fn boot_id() -> String {
    let mut text = [0u8; 64];
    let mut length = text.len();
    let (name, to) = (c"kern.bootsessionuuid".as_ptr(), text.as_mut_ptr().cast());
    // SAFETY: the system fills at most `length` bytes of the array.
    let failed = unsafe { libc::sysctlbyname(name, to, &raw mut length, ptr::null_mut(), 0) };
    let text = text.get(..length).filter(|_| failed == 0).unwrap_or_default();
    String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
}

/// Where runs put their files if they are not told where.
pub fn run_directory() -> PathBuf {
    std::env::temp_dir()
}

/// What the system says of the process with this pid; `None` if there is none, or it belongs to another user.
fn facts(pid: i32) -> Option<libc::proc_bsdinfo> {
    let mut facts = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let size = size_of::<libc::proc_bsdinfo>() as libc::c_int;
    // SAFETY: the system fills at most `size` bytes of the structure.
    let filled = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, facts.as_mut_ptr().cast(), size) };
    // SAFETY: all of the structure is filled.
    (filled == size).then(|| unsafe { facts.assume_init() })
}

fn has_ended(facts: &libc::proc_bsdinfo) -> bool {
    facts.pbi_status == libc::SZOMB
}

/// Whether the process that had this pid and this start time (0 if unknown) still runs.
pub fn is_running_since(pid: u32, start: u64) -> bool {
    let began = |facts: &libc::proc_bsdinfo| facts.pbi_start_tvsec * 1_000_000 + facts.pbi_start_tvusec;
    start != 0 && facts(pid.cast_signed()).is_some_and(|facts| began(&facts) == start && !has_ended(&facts))
}

/// Whether any process with this pid may run. One that waits for its parent to notice its end does not.
pub fn may_run(pid: i32) -> bool {
    exists(pid) && !facts(pid).is_some_and(|facts| has_ended(&facts))
}

/// macOS takes space as it is written.
pub fn reserve(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

/// The file stays as large as it is.
pub fn free(_: &File, _: u64, _: u64) {}

/// There are no files without a name that can get one.
pub fn new_unnamed(_: &Path) -> Option<File> {
    None
}

/// There are none.
pub fn link_unnamed(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// macOS has no call that stays beneath a directory.
pub fn open_beneath(_: &File, _: &Path) -> io::Result<(File, PathBuf)> {
    Err(io::ErrorKind::Unsupported.into())
}
