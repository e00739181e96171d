//! macOS. It has no `/proc` and no directory of shared memory.

pub use super::unix::{
    host, identity, is_linked, is_private, open_unfollowed, parent_pid, processor_time, read_at, realtime,
    recorded_error, replace_by_memory, source_identity, thread_time, try_lock,
};
use std::ffi::{CStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr;

unsafe extern "C" {
    /// A clock, in ns.
    fn clock_gettime_nsec_np(clock: libc::clockid_t) -> u64;
}

/// `mach_continuous_time`, in ns: this clock of `clock_gettime` is that counter. It goes on while the machine sleeps.
#[inline]
pub fn monotonic() -> u64 {
    // SAFETY: a call without pointers.
    unsafe { clock_gettime_nsec_np(libc::CLOCK_MONOTONIC_RAW) }
}

/// macOS does not say what it takes its time from, so the processor's counter is not used.
pub fn clock_source() -> Option<String> {
    None
}

/// The start of this process in µs since 1970; 0 if unknown.
pub fn process_start() -> u64 {
    let mut facts = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let size = size_of::<libc::proc_bsdinfo>() as libc::c_int;
    // SAFETY: the system fills at most `size` bytes of the structure.
    let filled =
        unsafe { libc::proc_pidinfo(libc::getpid(), libc::PROC_PIDTBSDINFO, 0, facts.as_mut_ptr().cast(), size) };
    // SAFETY: all zeros is a value of this structure of numbers, and the system has filled in the others.
    let facts = unsafe { facts.assume_init() };
    if filled == size { facts.pbi_start_tvsec * 1_000_000 + facts.pbi_start_tvusec } else { 0 }
}

/// The user's own directory for temporary files. Unlike `TMPDIR`, which is mostly the same, it is that of all processes
/// of the user, whatever is in their environments.
pub fn temporary_directory() -> PathBuf {
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

/// The random number of this boot, in hexadecimal digits; empty if unknown.
pub fn boot_id() -> String {
    const NAME: &CStr = c"kern.bootsessionuuid";
    let mut text = [0u8; 64];
    let mut length = text.len();
    // SAFETY: the system fills at most `length` bytes of the array.
    let failed =
        unsafe { libc::sysctlbyname(NAME.as_ptr(), text.as_mut_ptr().cast(), &raw mut length, ptr::null_mut(), 0) };
    let text = if failed == 0 { &text[..length.min(text.len())] } else { &[] };
    String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()
}

/// There are no pid namespaces.
pub fn pid_namespace() -> u64 {
    0
}

/// There are no time namespaces.
pub fn monotonic_offset() -> i64 {
    0
}

/// The command line, NUL after each argument, as it was at the start.
pub fn command_line() -> Vec<u8> {
    std::env::args_os().flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect()
}

/// The kernel's id of the calling thread.
pub fn current_tid() -> u64 {
    let mut id = 0;
    // SAFETY: 0 stands for the calling thread, and the system stores into the number.
    unsafe { libc::pthread_threadid_np(0, &raw mut id) };
    id
}

/// Fills the bytes at random; leaves them if the system cannot. There are at most 256 of them.
pub fn fill_at_random(bytes: &mut [u8]) {
    // SAFETY: the system fills these bytes.
    unsafe { libc::getentropy(bytes.as_mut_ptr().cast(), bytes.len()) };
}

/// Makes a file that only this user may open.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}
