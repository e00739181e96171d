//! Windows.

use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::c_int;
#[cfg(not(Py_3_12))]
use std::ffi::{CStr, c_void};
use std::fs::File;
use std::hash::Hash;
use std::io::{self, Error, ErrorKind};
use std::mem::{offset_of, size_of, zeroed};
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::OnceLock;
use std::time::Duration;
use windows_sys::Win32::Foundation::{ERROR_LOCK_VIOLATION, HANDLE, STATUS_CONTROL_C_EXIT};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_NAME_INFO, FileNameInfo, GetFileInformationByHandleEx, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::SystemInformation::GetTickCount64;
use windows_sys::Win32::System::Threading::GetCurrentThreadId;

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    /// Whether libraries are told that the process ends.
    fn RtlDllShutdownInProgress() -> u8;
}

/// The interpreter's module of functions of the system.
pub const OS_MODULE: &str = "nt";

/// The id of the main thread.
static MAIN_THREAD: OnceLock<i32> = OnceLock::new();

/// Adds nothing: the Python package for this system asks the system itself.
pub fn add_functions(_: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}

/// Notes which thread is the main thread. Before CPython 3.13 nobody says that: then it is the calling thread, which
/// imports this module.
pub fn note_main_thread(python: Python<'_>) {
    let known = python.import("_thread").and_then(|module| module.call_method0("_get_main_thread_ident"));
    let known = known.and_then(|id| Ok(id.extract::<u32>()?.cast_signed()));
    MAIN_THREAD.get_or_init(|| known.unwrap_or_else(|_| thread_id()));
}

/// Whether this is the main thread, on which Python handles signals.
pub fn is_main_thread() -> bool {
    MAIN_THREAD.get() == Some(&thread_id())
}

/// The id of the calling thread.
pub fn thread_id() -> i32 {
    // SAFETY: a call without arguments.
    unsafe { GetCurrentThreadId() }.cast_signed()
}

/// A thread that was waited for is gone.
pub fn is_thread_there(_: i32) -> bool {
    false
}

/// Whether the data of the calling thread is dropped although the process ends at once, as by `_exit`. Other threads are
/// gone by then, perhaps with locks.
pub fn is_process_ending() -> bool {
    // SAFETY: a call without arguments.
    unsafe { RtlDllShutdownInProgress() != 0 }
}

/// There are no signals that interrupt a thread.
pub struct BlockedSignals;

impl BlockedSignals {
    /// Does nothing.
    pub fn new() -> BlockedSignals {
        BlockedSignals
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {}
}

/// The time since the start of the machine, in steps of 10 to 16 ms.
pub fn coarse_time() -> Duration {
    // SAFETY: a call without arguments.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// Whether this process has a stderr.
pub fn has_stderr() -> bool {
    io::stderr().as_handle().try_clone_to_owned().is_ok()
}

/// The path that these bytes are, which a control block holds. Halves of characters, which a path may have, are lost.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Whether the path of a source file ends with this, whose parts have `/` between them. Files of the standard library
/// may have paths that begin inside of it: `multiprocessing\pool.py`.
pub fn ends_with(file: &str, end: &str) -> bool {
    let file = file.replace('\\', "/");
    file.ends_with(end) || end.strip_prefix('/') == Some(&file)
}

/// Opens a regular file for reading.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(Error::from(ErrorKind::InvalidInput)) }
}

/// Whether a process holds the lock by which others see that it writes this file: that on a byte that no file has.
pub fn is_written(file: &File) -> bool {
    // SAFETY: all zeros is a value of this structure.
    let mut place: OVERLAPPED = unsafe { zeroed() };
    (place.Anonymous.Anonymous.Offset, place.Anonymous.Anonymous.OffsetHigh) = (u32::MAX - 1, i32::MAX as u32);
    // SAFETY: an open handle, and a place that outlives the call, since it does not wait. Closing the file unlocks it.
    let is_locked =
        unsafe { LockFileEx(file.as_raw_handle(), LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &raw mut place) } != 0;
    !is_locked && Error::last_os_error().raw_os_error() == Some(ERROR_LOCK_VIOLATION as i32)
}

/// The time between two looks whether a file is written.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Waits a while for the process that writes this file. `false`: the file is still written. Ctrl+C ends no call of the
/// system, so that the caller looks for it in between.
pub fn await_writer(file: &File) -> bool {
    let is_written = is_written(file);
    if is_written {
        std::thread::sleep(LOOK_INTERVAL);
    }
    !is_written
}

/// The longest name of a pipe, in units of 16 bits, and the structure in which the system gives it.
#[repr(C)]
struct PipeName {
    head: FILE_NAME_INFO,
    rest: [u16; 255],
}

/// What tells the pipe of this handle from all others: its name. A pipe without one has no identity.
#[cfg_attr(not(Py_3_12), expect(dead_code, reason = "arrows of pools are looked for from 3.12 on"))]
pub fn pipe_identity(handle: u64) -> Option<impl Hash + Copy> {
    // SAFETY: all zeros is a value of this structure of numbers.
    let mut name: PipeName = unsafe { zeroed() };
    let (handle, size) = (handle as usize as HANDLE, size_of::<PipeName>() as u32);
    let to = (&raw mut name).cast();
    // SAFETY: the system stores at most `size` bytes, or fails, also if the number is none of a handle.
    let is_known = unsafe { GetFileInformationByHandleEx(handle, FileNameInfo, to, size) } != 0;
    let units = name.head.FileNameLength as usize / 2;
    if !is_known || units == 0 || units > 1 + name.rest.len() {
        return None;
    }
    let mut text = [0_u16; 256];
    let from = (&raw const name).cast::<u8>().wrapping_add(offset_of!(FILE_NAME_INFO, FileName)).cast::<u16>();
    // SAFETY: so many units are in the structure, from its first unit on, and fit the array.
    unsafe { ptr::copy_nonoverlapping(from, text.as_mut_ptr(), units) };
    Some(text)
}

/// The address of a symbol of the interpreter's library; null if it is not there.
#[cfg(not(Py_3_12))]
pub fn symbol(name: &CStr) -> *mut c_void {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleHandleExW,
        GetProcAddress,
    };
    let mut library = ptr::null_mut();
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    // SAFETY: an address inside of the library, which is not read, and a place for its handle.
    unsafe { GetModuleHandleExW(flags, (&raw const ffi::PyType_Type).cast(), &raw mut library) };
    // SAFETY: the handle of a library, or null, and a name that ends with a NUL.
    unsafe { GetProcAddress(library, name.as_ptr().cast()) }.map_or(ptr::null_mut(), |symbol| symbol as *mut c_void)
}

/// Ends the process with this status, by the C library of the interpreter. The interpreter is finalized already.
pub fn exit(status: c_int) -> ! {
    // SAFETY: ends the process; nothing of this thread is used afterwards.
    unsafe { ffi::Py_Exit(status) }
}

/// Ends the process with the status that says that Ctrl+C has ended it.
pub fn die_of_interrupt() {
    exit(STATUS_CONTROL_C_EXIT);
}
