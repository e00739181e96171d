//! Whether a process runs.

use std::io;
use std::mem::zeroed;
use windows_sys::Win32::Foundation::{CloseHandle, ERROR_ACCESS_DENIED, FILETIME, HANDLE, STILL_ACTIVE};
use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
};

/// A process that was opened to ask about it.
struct Process(HANDLE);

impl Process {
    fn open(pid: u32) -> io::Result<Process> {
        // SAFETY: a call without pointers.
        let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Process(handle)) }
    }

    /// Its start in steps of 100 ns since 1601; 0 if unknown.
    fn start(&self) -> u64 {
        // SAFETY: all zeros is a value of this structure.
        let [mut began, mut ended, mut kernel, mut user]: [FILETIME; 4] = unsafe { zeroed() };
        // SAFETY: the system stores into the four structures.
        unsafe { GetProcessTimes(self.0, &raw mut began, &raw mut ended, &raw mut kernel, &raw mut user) };
        u64::from(began.dwHighDateTime) << 32 | u64::from(began.dwLowDateTime)
    }

    fn has_ended(&self) -> bool {
        let mut status = 0;
        // SAFETY: the system stores into the number.
        let is_known = unsafe { GetExitCodeProcess(self.0, &raw mut status) } != 0;
        is_known && status != STILL_ACTIVE as u32
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SAFETY: it was opened by this.
        unsafe { CloseHandle(self.0) };
    }
}

/// Whether the process that had this pid and this start time (0 if unknown) still runs.
pub fn is_running_since(pid: u32, start: u64) -> bool {
    start != 0 && Process::open(pid).is_ok_and(|process| process.start() == start && !process.has_ended())
}

/// Whether any process with this pid may run.
pub fn may_run(pid: i32) -> bool {
    match Process::open(pid.unsigned_abs()) {
        Ok(process) => !process.has_ended(),
        Err(error) => error.raw_os_error() == Some(ERROR_ACCESS_DENIED as i32),
    }
}
