//! Windows. It has no mode of a file that the umask gives, no `/tmp` where everybody may put links, and no named pipes
//! among files.

mod process;

pub use process::{is_running_since, may_run};
use std::fs::{File, Metadata, OpenOptions};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io;
use std::mem::zeroed;
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
pub use std::os::windows::io::AsHandle as AsOpen;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::ptr;
use windows_sys::Win32::Foundation::{CloseHandle, ERROR_LOCK_VIOLATION, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_FILE_OBJECT};
use windows_sys::Win32::Security::{
    EqualSid, GetTokenInformation, OWNER_SECURITY_INFORMATION, PSID, TOKEN_OWNER, TOKEN_QUERY, TOKEN_USER, TokenOwner,
    TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, GetFileInformationByHandle,
    LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, UnlockFileEx,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// The clock of the recorder, in ns: `QueryPerformanceCounter`.
pub fn monotonic() -> i64 {
    let (mut count, mut frequency) = (0, 0);
    // SAFETY: the system stores into the numbers.
    unsafe { QueryPerformanceCounter(&raw mut count) };
    // SAFETY: as above.
    unsafe { QueryPerformanceFrequency(&raw mut frequency) };
    let frequency = frequency.max(1);
    // In two parts, since the product of all would not fit 64 bits after half an hour.
    count / frequency * 1_000_000_000 + count % frequency * 1_000_000_000 / frequency
}

/// There are no time namespaces.
pub fn monotonic_offset() -> i64 {
    0
}

/// Windows has no number of a boot.
pub fn boot_id() -> String {
    String::new()
}

/// Where runs put their files if they are not told where.
pub fn run_directory() -> PathBuf {
    std::env::temp_dir()
}

/// Opens a path for reading.
pub fn open_unblocked(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a path for reading, unless a link stands there.
pub fn open_unfollowed(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
    if file.metadata()?.is_symlink() { Err(too_many_links()) } else { Ok(file) }
}

/// Reads from an offset, as far as one call does.
pub fn read_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(to, offset)
}

/// Reads all these bytes from an offset.
pub fn read_exact_at(file: &File, mut to: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !to.is_empty() {
        match file.seek_read(to, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (to, offset) = (to.get_mut(read..).unwrap_or_default(), offset.saturating_add(read as u64)),
        }
    }
    Ok(())
}

/// Writes all these bytes from an offset on.
pub fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => {
                (bytes, offset) = (bytes.get(written..).unwrap_or_default(), offset.saturating_add(written as u64))
            }
        }
    }
    Ok(())
}

/// Volume and index of the file at a path. What cannot be opened differs from all files, and from what has other paths.
pub fn identity_at(path: &Path, metadata: &Metadata) -> (u64, u64) {
    let opened = OpenOptions::new().access_mode(0).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path);
    let unknown = || (u64::MAX, BuildHasherDefault::<DefaultHasher>::default().hash_one(path));
    opened.map_or_else(|_| unknown(), |file| identity_of(&file, metadata))
}

/// Volume and index of an open file.
pub fn identity_of(file: &File, _: &Metadata) -> (u64, u64) {
    // SAFETY: all zeros is a value of this structure of numbers.
    let mut facts: BY_HANDLE_FILE_INFORMATION = unsafe { zeroed() };
    // SAFETY: an open handle, and a structure that the system fills.
    unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut facts) };
    let index = u64::from(facts.nFileIndexHigh) << 32 | u64::from(facts.nFileIndexLow);
    (u64::from(facts.dwVolumeSerialNumber), index)
}

/// When a file was modified, in ns since 1970.
pub fn modified(metadata: &Metadata) -> i64 {
    /// Steps of 100 ns from 1601 to 1970.
    const STEPS_TO_1970: u64 = 116_444_736_000_000_000;
    metadata.last_write_time().wrapping_sub(STEPS_TO_1970).wrapping_mul(100).cast_signed()
}

/// The user who owns a file: the one who runs this, or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    is_us: bool,
}

impl Owner {
    /// The owner of an open file.
    pub fn of(file: &File, _: &Metadata) -> Owner {
        let (mut owner, mut descriptor): (PSID, _) = (ptr::null_mut(), ptr::null_mut());
        let (handle, nothing) = (file.as_raw_handle(), ptr::null_mut());
        // SAFETY: an open handle; the system stores two pointers, of which the second one is freed below.
        let failed = unsafe {
            GetSecurityInfo(
                handle,
                SE_FILE_OBJECT,
                OWNER_SECURITY_INFORMATION,
                &raw mut owner,
                ptr::null_mut(),
                nothing as _,
                nothing as _,
                &raw mut descriptor,
            )
        };
        let is_us = failed == 0 && is_us(owner);
        // SAFETY: the system has allocated it so, or it is null.
        unsafe { LocalFree(descriptor) };
        Owner { is_us }
    }

    /// Whether what this user says in a file counts: the user who merges is trusted.
    pub fn is_trusted(self) -> bool {
        self.is_us
    }
}

/// Whether this is the user of this process, or who owns the files that it makes.
fn is_us(owner: PSID) -> bool {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the system stores a handle, which is closed below.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return false;
    }
    let mut memory = [0u64; 32];
    let size = size_of_val(&memory) as u32;
    let is_one = [TokenUser, TokenOwner].into_iter().any(|what| {
        let mut length = 0;
        let to = memory.as_mut_ptr().cast();
        // SAFETY: the system stores at most `size` bytes, which are aligned as the structures are.
        if unsafe { GetTokenInformation(token, what, to, size, &raw mut length) } == 0 {
            return false;
        }
        let id = if what == TokenUser {
            // SAFETY: the system has stored this structure.
            unsafe { (*to.cast::<TOKEN_USER>()).User.Sid }
        } else {
            // SAFETY: the system has stored this structure.
            unsafe { (*to.cast::<TOKEN_OWNER>()).Owner }
        };
        // SAFETY: both are ids that the system has given.
        unsafe { EqualSid(owner, id) != 0 }
    });
    // SAFETY: it was opened above.
    unsafe { CloseHandle(token) };
    is_one
}

/// Whether a link in a directory may be followed: no directory is for everybody.
pub fn is_trusted_in(_: &Path, _: &Metadata) -> bool {
    true
}

/// Whether the user who runs this owns a file: taken for granted, since runs are in a directory of this user.
pub fn is_own(_: &Metadata) -> bool {
    true
}

/// The byte that a lock covers: no file has it, since a lock keeps others from reading what it covers.
fn lock_place() -> OVERLAPPED {
    // SAFETY: all zeros is a value of this structure.
    let mut place: OVERLAPPED = unsafe { zeroed() };
    place.Anonymous.Anonymous.Offset = u32::MAX - 1;
    place.Anonymous.Anonymous.OffsetHigh = i32::MAX as u32;
    place
}

fn lock(file: &File, kind: u32) -> io::Result<bool> {
    let mut place = lock_place();
    let (handle, flags) = (file.as_raw_handle(), kind | LOCKFILE_FAIL_IMMEDIATELY);
    // SAFETY: an open handle, and a place that outlives the call, since it does not wait.
    if unsafe { LockFileEx(handle, flags, 0, 1, 0, &raw mut place) } != 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(ERROR_LOCK_VIOLATION as i32) => Ok(false),
        error => Err(error),
    }
}

/// Takes the lock of a file together with other readers, and returns whether nobody writes the file.
pub fn lock_shared(file: &File) -> io::Result<bool> {
    lock(file, 0)
}

/// Takes the lock of a file for its writer, and returns whether it was free.
pub fn lock_exclusive(file: &File) -> io::Result<bool> {
    lock(file, LOCKFILE_EXCLUSIVE_LOCK)
}

/// Gives the lock back.
pub fn unlock(file: &File) {
    let mut place = lock_place();
    // SAFETY: as in `lock`.
    unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &raw mut place) };
}

/// Nobody says where the holes of a file are.
pub fn next_data(_: &File, _: u64) -> io::Result<Option<u64>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There is always space, as far as is known: a disk that is full fails when it is written to.
pub fn free_space(_: &File) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// A process can have many more handles than it needs.
pub fn check_descriptors(_: &File) -> io::Result<()> {
    Ok(())
}

/// There is no such limit.
pub fn raise_descriptor_limit() {}

/// The error that a disk is full.
pub fn no_space() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

/// The error that something has the name already.
pub fn already_exists() -> io::Error {
    io::ErrorKind::AlreadyExists.into()
}

/// The error that links lead in a circle.
pub fn too_many_links() -> io::Error {
    io::Error::other("too many symbolic links")
}

/// The error with a number that a ring file holds: one of Linux.
pub fn recorded_error(number: u64) -> io::Error {
    match number {
        13 => io::ErrorKind::PermissionDenied.into(),
        27 => io::ErrorKind::FileTooLarge.into(),
        28 => io::ErrorKind::StorageFull.into(),
        122 => io::ErrorKind::QuotaExceeded.into(),
        number => io::Error::other(format!("error {number} of Linux")),
    }
}

/// Windows takes space as it is written.
pub fn reserve(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

/// The file stays as large as it is.
pub fn free(_: &File, _: u64, _: u64) {}

/// Reads what comes next, however long that takes.
pub fn read_soon(from: impl AsOpen, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    io::Read::read(&mut File::from(from.as_handle().try_clone_to_owned()?), buffer).map(Some)
}

/// The path with these bytes. What is not UTF-8 is replaced.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    let text = String::from_utf8_lossy(bytes);
    PathBuf::from(text.strip_suffix('\r').unwrap_or(&text))
}

/// Whether a path ends as that of a directory must.
pub fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.as_os_str().as_encoded_bytes().ends_with(b"\\")
}

/// Standard output, as a file.
pub fn stdout() -> io::Result<File> {
    Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
}

/// No file is a named pipe.
pub fn is_pipe(_: &Metadata) -> bool {
    false
}

/// There are no named pipes among files.
pub fn open_read_pipe(_: &Path) -> Option<io::Result<File>> {
    Some(Err(io::ErrorKind::Unsupported.into()))
}

/// No path stands for a file that this process has open.
pub fn is_open_file(_: &Path) -> bool {
    false
}

/// Opens a device for writing.
pub fn open_special(_: &Path, target: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(target)
}

/// Files have the access list that the directory passes on.
pub fn with_usual_mode(_: &mut tempfile::Builder<'_, '_>) {}

/// Directories have the access list that the directory around them passes on.
pub fn with_usual_directory_mode(_: &mut tempfile::Builder<'_, '_>) {}

/// The access list of the file that is replaced is not looked at.
pub fn keep_out(_: &File, _: &Metadata) {}

/// There are no files without a name that can get one.
pub fn new_unnamed(_: &Path) -> Option<File> {
    None
}

/// There are none.
pub fn link_unnamed(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Windows has no call that stays beneath a directory.
pub fn open_beneath(_: &File, _: &Path) -> io::Result<(File, PathBuf)> {
    Err(io::ErrorKind::Unsupported.into())
}
