//! Whether a process runs.

use std::io;
use std::mem::zeroed;
use windows_sys::Win32::Foundation::{CloseHandle, ERROR_ACCESS_DENIED, FILETIME, HANDLE, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};

/// A process that was opened to ask about it.
struct Process(HANDLE);

impl Process {
    fn open(pid: u32) -> io::Result<Process> {
        // SAFETY: a call without pointers.
        let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE, 0, pid) };
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

    /// The exit code would not say that: any process may end with that of one that runs, 259.
    fn has_ended(&self) -> bool {
        // SAFETY: an open handle. The call does not wait.
        unsafe { WaitForSingleObject(self.0, 0) == WAIT_OBJECT_0 }
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

#[cfg(test)]
mod tests {
    use super::{Process, is_running_since, may_run};
    use std::process::Command;

    #[test]
    fn an_ended_process_is_known_by_its_handle_and_not_by_its_exit_code() {
        let mut child = Command::new("cmd").args(["/c", "exit 259"]).spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(259));
        let start = Process::open(child.id()).unwrap().start(); // `child` keeps it known
        assert!(!is_running_since(child.id(), start) && !may_run(child.id().cast_signed()));
    }

    #[test]
    fn this_process_runs() {
        let start = Process::open(std::process::id()).unwrap().start();
        assert!(is_running_since(std::process::id(), start) && may_run(std::process::id().cast_signed()));
        assert!(!is_running_since(std::process::id(), start + 1));
    }
}
