//! Windows. Nothing here guards against another user who may write to the directory of a file: it is this user's own, as
//! the directories for temporary files are, or its access list decides.

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::{size_of, zeroed};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use viztracer_format::header::HOST_MAX;
use viztracer_format::names::SourceIdentity;
use windows_sys::Win32::Foundation::{CloseHandle, ERROR_LOCK_VIOLATION, FILETIME, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Security::Cryptography::{BCRYPT_USE_SYSTEM_PREFERRED_RNG, BCryptGenRandom};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT, GetDiskFreeSpaceExW, GetFileInformationByHandle, LOCKFILE_EXCLUSIVE_LOCK,
    LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, MoveFileExW,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::IO::{DeviceIoControl, OVERLAPPED};
use windows_sys::Win32::System::Ioctl::FSCTL_SET_SPARSE;
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
use windows_sys::Win32::System::SystemInformation::{ComputerNamePhysicalDnsHostname, GetComputerNameExW};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetCurrentThread, GetCurrentThreadId, GetProcessTimes, GetThreadTimes,
};

/// The user's directory for temporary files.
pub fn temporary_directory() -> PathBuf {
    std::env::temp_dir()
}

/// `QueryPerformanceCounter`, in ns. It counts from the start of the machine, mostly in steps of 100 ns.
#[inline]
pub fn monotonic() -> u64 {
    static FREQUENCY: OnceLock<u64> = OnceLock::new();
    let frequency = *FREQUENCY.get_or_init(|| {
        let mut frequency = 0;
        // SAFETY: the system stores into the number.
        unsafe { QueryPerformanceFrequency(&raw mut frequency) };
        frequency.max(1) as u64
    });
    let mut count = 0;
    // SAFETY: the system stores into the number.
    unsafe { QueryPerformanceCounter(&raw mut count) };
    let count = count as u64;
    // In two parts, since the product of all would not fit 64 bits after half an hour.
    count / frequency * 1_000_000_000 + count % frequency * 1_000_000_000 / frequency
}

/// Windows does not say what it takes its time from, so the processor's counter is not used.
pub fn clock_source() -> Option<String> {
    None
}

/// The time of day, in ns since 1970.
pub fn realtime() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// The time at which this process began, and the processor time that it has used.
fn process_times() -> (u64, u64) {
    // SAFETY: all zeros is a value of this structure.
    let [mut began, mut ended, mut kernel, mut user]: [FILETIME; 4] = unsafe { zeroed() };
    // SAFETY: the system stores into the four structures; the handle stands for this process.
    unsafe { GetProcessTimes(GetCurrentProcess(), &raw mut began, &raw mut ended, &raw mut kernel, &raw mut user) };
    (steps(began), steps(kernel) + steps(user))
}

/// Steps of 100 ns.
fn steps(time: FILETIME) -> u64 {
    u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)
}

/// The processor time of the process, in ns.
pub fn processor_time() -> u64 {
    process_times().1 * 100
}

/// The processor time of the calling thread, in ns.
pub fn thread_time() -> u64 {
    // SAFETY: all zeros is a value of this structure.
    let [mut began, mut ended, mut kernel, mut user]: [FILETIME; 4] = unsafe { zeroed() };
    // SAFETY: the system stores into the four structures; the handle stands for the calling thread.
    unsafe { GetThreadTimes(GetCurrentThread(), &raw mut began, &raw mut ended, &raw mut kernel, &raw mut user) };
    (steps(kernel) + steps(user)) * 100
}

/// The pid of the parent; 0 if unknown.
pub fn parent_pid() -> u32 {
    // SAFETY: all zeros is a value of this structure of numbers.
    let mut entry: PROCESSENTRY32W = unsafe { zeroed() };
    entry.dwSize = size_of::<PROCESSENTRY32W>() as u32;
    // SAFETY: a call without pointers; what it opens is closed below.
    let all = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if all == INVALID_HANDLE_VALUE {
        return 0;
    }
    let this = std::process::id();
    // SAFETY: the structure says its size, and the handle is that of a list of processes.
    let mut found = unsafe { Process32FirstW(all, &raw mut entry) } != 0;
    while found && entry.th32ProcessID != this {
        // SAFETY: as above.
        found = unsafe { Process32NextW(all, &raw mut entry) } != 0;
    }
    // SAFETY: the handle was opened above.
    unsafe { CloseHandle(all) };
    if found { entry.th32ParentProcessID } else { 0 }
}

/// The start of this process in steps of 100 ns since 1601.
pub fn process_start() -> u64 {
    process_times().0
}

/// Windows has no number of a boot.
pub fn boot_id() -> String {
    String::new()
}

/// There are no pid namespaces.
pub fn pid_namespace() -> u64 {
    0
}

/// There are no time namespaces.
pub fn monotonic_offset() -> i64 {
    0
}

/// The name of the machine, filled up with NUL.
pub fn host() -> [u8; HOST_MAX] {
    let mut name = [0; HOST_MAX];
    let mut length = name.len() as u32;
    // SAFETY: the system stores at most `length` units into the array.
    let is_known = unsafe { GetComputerNameExW(ComputerNamePhysicalDnsHostname, name.as_mut_ptr(), &raw mut length) };
    let known = if is_known != 0 { &name[..length as usize] } else { &[] };
    let mut host = [0; HOST_MAX];
    for (to, byte) in host.iter_mut().zip(String::from_utf16_lossy(known).bytes()) {
        *to = byte;
    }
    host
}

/// The command line, NUL after each argument.
pub fn command_line() -> Vec<u8> {
    std::env::args_os().flat_map(|argument| format!("{}\0", argument.to_string_lossy()).into_bytes()).collect()
}

/// The system's id of the calling thread.
pub fn current_tid() -> u64 {
    // SAFETY: a call without arguments.
    u64::from(unsafe { GetCurrentThreadId() })
}

/// Fills the bytes at random; leaves them if the system cannot.
pub fn fill_at_random(bytes: &mut [u8]) {
    let (to, length) = (bytes.as_mut_ptr(), bytes.len() as u32);
    // SAFETY: the system fills these bytes.
    unsafe { BCryptGenRandom(ptr::null_mut(), to, length, BCRYPT_USE_SYSTEM_PREFERRED_RNG) };
}

/// The identity of the regular file to which the path leads now, if it does.
pub fn source_identity(path: &str) -> Option<SourceIdentity> {
    let facts = facts(File::open(path).ok()?)?;
    let modified = steps(facts.ftLastWriteTime).wrapping_sub(STEPS_TO_1970).wrapping_mul(100);
    let size = u64::from(facts.nFileSizeHigh) << 32 | u64::from(facts.nFileSizeLow);
    let is_file = facts.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY == 0;
    is_file.then(|| SourceIdentity { device: volume(&facts), inode: index(&facts), size, modified })
}

/// From 1601 to 1970.
const STEPS_TO_1970: u64 = 116_444_736_000_000_000;

fn facts(file: impl AsHandle) -> Option<BY_HANDLE_FILE_INFORMATION> {
    // SAFETY: all zeros is a value of this structure of numbers.
    let mut facts: BY_HANDLE_FILE_INFORMATION = unsafe { zeroed() };
    let handle = file.as_handle().as_raw_handle();
    // SAFETY: an open handle, and a structure that the system fills.
    (unsafe { GetFileInformationByHandle(handle, &raw mut facts) } != 0).then_some(facts)
}

fn volume(facts: &BY_HANDLE_FILE_INFORMATION) -> u64 {
    u64::from(facts.dwVolumeSerialNumber)
}

fn index(facts: &BY_HANDLE_FILE_INFORMATION) -> u64 {
    u64::from(facts.nFileIndexHigh) << 32 | u64::from(facts.nFileIndexLow)
}

/// Volume and index of an open file.
pub fn identity(file: impl AsHandle) -> Option<(u64, u64)> {
    facts(file).map(|facts| (volume(&facts), index(&facts)))
}

/// Whether an open file still has a name; `None` if that cannot be known.
pub fn is_linked(file: impl AsHandle) -> Option<bool> {
    facts(file).map(|facts| facts.nNumberOfLinks > 0)
}

/// Opens a file for reading. A link in its place is opened itself, and is no file for [`is_private`].
pub fn open_unfollowed(path: &Path) -> io::Result<File> {
    let flags = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Makes a file. Its access list is the one that the directory passes on.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Whether this is a regular file. Whose it is, is not looked at.
pub fn is_private(file: &File) -> io::Result<bool> {
    let facts = facts(file).ok_or_else(io::Error::last_os_error)?;
    Ok(facts.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT) == 0)
}

/// Reads from an offset, as far as one call does.
pub fn read_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(to, offset)
}

/// Takes the lock of a file, which readers find held for as long as the file is open. `false`: another one holds it. A
/// lock keeps others from the bytes that it covers, so this one covers a byte that no file has.
pub fn try_lock(file: impl AsHandle) -> io::Result<bool> {
    // SAFETY: all zeros is a value of this structure.
    let mut place: OVERLAPPED = unsafe { zeroed() };
    (place.Anonymous.Anonymous.Offset, place.Anonymous.Anonymous.OffsetHigh) = (u32::MAX - 1, i32::MAX as u32);
    let (handle, flags) = (file.as_handle().as_raw_handle(), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY);
    // SAFETY: an open handle, and a place that outlives the call, since it does not wait.
    if unsafe { LockFileEx(handle, flags, 0, 1, 0, &raw mut place) } != 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(ERROR_LOCK_VIOLATION as i32) => Ok(false),
        error => Err(error),
    }
}

/// Gives a file another name that nothing has yet.
pub fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let [from, to] = [from, to].map(wide);
    // SAFETY: two names that end with 0.
    if unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) } != 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

/// Lets parts of a file that nobody has written take no space on the disk. Not every file system can do that.
pub fn make_sparse(file: &File) {
    let (handle, nothing, mut returned) = (file.as_raw_handle(), ptr::null_mut(), 0);
    // SAFETY: an open handle, and a control code without data.
    unsafe { DeviceIoControl(handle, FSCTL_SET_SPARSE, nothing, 0, nothing, 0, &raw mut returned, ptr::null_mut()) };
}

/// The free space for this user in a directory, in bytes; `None` if unknown.
pub fn free_space(directory: &Path) -> Option<u64> {
    let (directory, mut free) = (wide(directory), 0);
    // SAFETY: a name that ends with 0, and a number into which the system stores.
    let is_known = unsafe { GetDiskFreeSpaceExW(directory.as_ptr(), &raw mut free, ptr::null_mut(), ptr::null_mut()) };
    (is_known != 0).then_some(free)
}

/// The numbers of Linux's errors: a ring file holds these, so that a report says the same on each system.
const NUMBERS: [(i32, io::ErrorKind); 4] = [
    (13, io::ErrorKind::PermissionDenied),
    (27, io::ErrorKind::FileTooLarge),
    (28, io::ErrorKind::StorageFull),
    (122, io::ErrorKind::QuotaExceeded),
];
/// Linux's number of an error that is none of these: EIO.
const OTHER: i32 = 5;

/// The number of an error for a ring file.
pub fn recorded_number(error: &io::Error) -> i32 {
    NUMBERS.iter().find(|(_, kind)| *kind == error.kind()).map_or(OTHER, |(number, _)| *number)
}

/// The error with a number that a ring file holds.
pub fn recorded_error(number: i32) -> io::Error {
    NUMBERS.iter().find(|(of, _)| *of == number).map_or(io::ErrorKind::Other, |(_, kind)| *kind).into()
}

/// No mapping needs to be replaced: nobody can cut a file that is mapped.
///
/// # Safety
/// There is nothing to promise.
pub unsafe fn replace_by_memory(_: usize, _: usize) -> bool {
    false
}
