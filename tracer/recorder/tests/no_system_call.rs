//! Recording a call asks the operating system for nothing. A child that may only end itself records; the kernel kills
//! it at any other system call.

#![cfg(all(target_os = "linux", not(loom)))]

mod support;

use support::options;
use tempfile::TempDir;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::{Recorder, ThreadRecorder};

/// The calls of one segment: what one costs, and not what a change of segments does.
const CALLS: usize = 1000;

/// How a forked child ends that may do nothing but end itself from then on, and runs this.
fn status_of(run: impl FnOnce()) -> i32 {
    // SAFETY: the child runs only what follows, which takes no lock and allocates nothing.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_watched = allow_only_exit();
        if is_watched {
            run();
        }
        // SAFETY: ends the only thread of the child.
        unsafe { libc::syscall(libc::SYS_exit, if is_watched { 0 } else { 77 }) };
    }
    let mut status = 0;
    // SAFETY: the pid is of a child of this process, and the status is written to a local variable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

/// From here on the kernel ends the process at any system call but `exit`; false if it does not want to. (Its strict
/// mode would forbid the processor's time stamp counter, too.)
fn allow_only_exit() -> bool {
    let filter = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut steps = [
        filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0), // the number of the system call
        filter(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_exit as u32, 0, 1),
        filter(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
        filter(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_KILL_PROCESS, 0, 0),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: concerns only the calling process.
    let is_humble = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == 0;
    // SAFETY: a program that lives until the kernel has copied it.
    is_humble && unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } == 0
}

fn calls(thread: &mut ThreadRecorder, number: usize) -> bool {
    (0..number).all(|_| {
        thread.enter(0, 1);
        thread.leave(1, Kind::Return) == viztracer_recorder::Left::Recorded
    })
}

#[test]
fn a_call_makes_none() {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), 1_000_000)).unwrap();
    recorder.function(&Function { name: "f", ..Function::default() });
    // SAFETY: attached just now, and this thread is the only user; the child has the mapping to itself while it runs.
    let thread = unsafe { recorder.attach().as_mut() };
    assert!(calls(thread, 1));
    let status = status_of(|| {
        if !calls(thread, CALLS) {
            // This call is not allowed, so the status shows it.
            std::process::abort();
        }
    });
    assert_eq!(status, 0);
    recorder.close();
}

#[test]
fn a_child_that_makes_one_is_killed() {
    let status = status_of(|| {
        let _ = rustix::process::getpid();
    });
    assert!(libc::WIFSIGNALED(status), "{status}");
    assert_eq!(libc::WTERMSIG(status), libc::SIGSYS);
}
