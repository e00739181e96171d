//! macOS.

use super::unix::exists;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::unix::ffi::OsStringExt;
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

/// Where runs put their files if they are not told where: the user's own directory for temporary files. Unlike `TMPDIR`,
/// which is mostly the same, it is that of all processes of the user, whatever is in their environments.
pub fn run_directory() -> PathBuf {
    let mut path = vec![0u8; 1024];
    let (to, size) = (path.as_mut_ptr().cast(), path.len());
    // SAFETY: the C library fills at most `size` bytes.
    let length = unsafe { libc::confstr(libc::_CS_DARWIN_USER_TEMP_DIR, to, size) };
    if length == 0 || length > size {
        return PathBuf::from("/tmp");
    }
    path.truncate(length - 1); // without the NUL
    PathBuf::from(OsString::from_vec(path)).components().collect() // without a slash at the end
}

/// What the system says of the process with this pid; `None` if there is none, or it belongs to another user.
fn facts(pid: i32) -> Option<libc::proc_bsdinfo> {
    let mut facts = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let size = size_of::<libc::proc_bsdinfo>() as libc::c_int;
    let (to, also_ended) = (facts.as_mut_ptr().cast(), 1);
    // SAFETY: the system fills at most `size` bytes of the structure.
    let filled = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, also_ended, to, size) };
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
