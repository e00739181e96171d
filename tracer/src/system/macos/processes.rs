//! What macOS says of processes, for `viztracer.system.macos.processes`. Of one that is gone it says nothing, and of
//! another user's only the path of its program.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::ffi::{OsString, c_int};
use std::mem::{MaybeUninit, size_of};
use std::os::unix::ffi::OsStringExt;
use std::ptr;
use viztracer_recorder::process::ProcessFacts;

/// For `proc_pidinfo`: processes that have ended count, too, until their parents have noticed that.
const ALSO_ENDED: u64 = 1;

/// When a process was started, in µs since 1970, as its ring file has it, and whether it has ended and waits for its
/// parent; `None` if there is none.
#[pyfunction]
pub fn process_start(pid: u64) -> Option<(u64, bool)> {
    let mut facts = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let size = size_of::<libc::proc_bsdinfo>() as c_int;
    let (to, kind) = (facts.as_mut_ptr().cast(), libc::PROC_PIDTBSDINFO);
    // SAFETY: the system fills at most `size` bytes of the structure.
    let filled = unsafe { libc::proc_pidinfo(id(pid)?, kind, ALSO_ENDED, to, size) };
    // SAFETY: all zeros is a value of this structure of numbers, and the system has filled in the others.
    let facts = unsafe { facts.assume_init() };
    let start = facts.pbi_start_tvsec * 1_000_000 + facts.pbi_start_tvusec;
    (filled == size).then_some((start, facts.pbi_status == libc::SZOMB))
}

/// How many seconds of the processors a process has used; `None` if there is none, or it has ended.
#[pyfunction]
pub fn process_time(pid: u64) -> Option<f64> {
    let mut facts = MaybeUninit::<libc::proc_taskinfo>::zeroed();
    let size = size_of::<libc::proc_taskinfo>() as c_int;
    let (to, kind) = (facts.as_mut_ptr().cast(), libc::PROC_PIDTASKINFO);
    // SAFETY: the system fills at most `size` bytes of the structure.
    let filled = unsafe { libc::proc_pidinfo(id(pid)?, kind, 0, to, size) };
    // SAFETY: all zeros is a value of this structure of numbers, and the system has filled in the others.
    let facts = unsafe { facts.assume_init() };
    let ticks = facts.pti_total_user + facts.pti_total_system;
    (filled == size).then(|| ticks as f64 * seconds_per_tick())
}

/// The length of a step of the clock in which the system counts times of the processors.
#[expect(deprecated, reason = "libc names another crate for this one function")]
fn seconds_per_tick() -> f64 {
    let mut base = libc::mach_timebase_info { numer: 0, denom: 0 };
    // SAFETY: the system stores into the structure.
    unsafe { libc::mach_timebase_info(&raw mut base) };
    f64::from(base.numer) / f64::from(base.denom.max(1)) / 1e9
}

/// The path of the program that a process runs; empty if there is none.
#[pyfunction]
pub fn process_program(pid: u64) -> OsString {
    let mut path = vec![0; libc::PROC_PIDPATHINFO_MAXSIZE as usize];
    let (to, size) = (path.as_mut_ptr().cast(), path.len() as u32);
    // SAFETY: the system fills at most `size` bytes.
    let length = id(pid).map_or(0, |pid| unsafe { libc::proc_pidpath(pid, to, size) });
    path.truncate(length.max(0) as usize);
    OsString::from_vec(path)
}

/// The arguments and the environment of a process as they were at its exec, as `KERN_PROCARGS2` has them; empty if
/// there is none.
#[pyfunction]
pub fn process_texts(python: Python<'_>, pid: u64) -> Bound<'_, PyBytes> {
    PyBytes::new(python, &id(pid).map_or_else(Vec::new, texts))
}

fn texts(pid: libc::pid_t) -> Vec<u8> {
    // SAFETY: a number.
    let most = unsafe { libc::sysconf(libc::_SC_ARG_MAX) };
    let mut texts = vec![0; usize::try_from(most).unwrap_or_default()];
    let mut length = texts.len();
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    let (name, to) = (name.as_mut_ptr(), texts.as_mut_ptr().cast());
    // SAFETY: a name of three numbers; the system fills at most `length` bytes.
    let failed = unsafe { libc::sysctl(name, 3, to, &raw mut length, ptr::null_mut(), 0) };
    texts.truncate(if failed == 0 { length } else { 0 });
    texts
}

/// The ids of the children of a process.
#[pyfunction]
pub fn process_children(pid: u64) -> Vec<libc::pid_t> {
    let Some(pid) = id(pid) else { return Vec::new() };
    let mut children: Vec<libc::pid_t> = vec![0; 256];
    loop {
        let (to, size) = (children.as_mut_ptr().cast(), size_of_val(&children[..]) as c_int);
        // SAFETY: the system fills at most `size` bytes.
        let count = unsafe { libc::proc_listchildpids(pid, to, size) };
        if usize::try_from(count).unwrap_or_default() < children.len() {
            children.retain(|child| *child > 0);
            return children;
        }
        children = vec![0; 2 * children.len()]; // there may be more
    }
}

/// The id of this boot, as hexadecimal digits, as a control block has it.
#[pyfunction]
pub fn boot_id() -> String {
    format!("{:032x}", u128::from_be_bytes(ProcessFacts::current().boot_id))
}

fn id(pid: u64) -> Option<libc::pid_t> {
    libc::pid_t::try_from(pid).ok()
}
