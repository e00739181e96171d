//! How a command is started by a child in between, on Linux.

use super::job::Job;
use crate::signal::errno;
use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;

const SHARED: c_int = libc::CLONE_VM | libc::CLONE_VFORK;

/// Starts the child between, whose stack ends at `top`, and waits for its end.
pub fn in_between(job: &mut Job, top: *mut c_void) {
    // SAFETY: a set is made of plain integers, for which zeros are valid.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { (mem::zeroed(), mem::zeroed()) };
    // SAFETY: a set to write to.
    unsafe { libc::sigfillset(&mut all) };
    // SAFETY: two initialized sets. A handler of the program must not run in a child that shares the memory.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
    // SAFETY: the stack and the job live until this returns, which is when the child has ended: CLONE_VFORK.
    let child = unsafe { libc::clone(between, top, SHARED, ptr::from_mut(job).cast()) };
    if child < 0 {
        job.error = errno();
    } else {
        // SAFETY: our own child. It has ended; its status is not asked for. __WALL: it has no signal for its end.
        while unsafe { libc::waitpid(child, ptr::null_mut(), libc::__WALL) } < 0 && errno() == libc::EINTR {}
    }
    // SAFETY: a set that was filled above; the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
}

/// The child: starts the command, and leaves it alone.
extern "C" fn between(job: *mut c_void) -> c_int {
    // SAFETY: the job of `start`, whose thread waits meanwhile.
    let job = unsafe { &mut *job.cast::<Job>() };
    // SAFETY: takes nothing. What a terminal sends to the program's group is not for the command.
    unsafe { libc::setsid() };
    let (top, argument): (_, *mut Job) = (job.stack_top, ptr::from_mut(job));
    // SAFETY: a stack of its own. This process waits until the command has replaced the memory, or has failed to.
    let command = unsafe { libc::clone(job.become_command, top, SHARED | libc::SIGCHLD, argument.cast()) };
    if command < 0 {
        job.error = errno();
    } else if job.error != 0 {
        // SAFETY: our own child, which has ended; its status is not asked for.
        unsafe { libc::waitpid(command, ptr::null_mut(), 0) };
    }
    job.command = command;
    0
}

/// Closes all descriptors from this one on.
pub fn close_from(descriptor: c_int) {
    // SAFETY: three integers. An old kernel does not know the call: then those without O_CLOEXEC stay open.
    unsafe { libc::syscall(libc::SYS_close_range, descriptor, c_int::MAX, 0) };
}

/// Gives up a real-time priority: nobody waits for the command. It asks the kernel, since the functions of musl refuse.
pub fn be_ordinary() {
    let usual: c_int = 0; // the kernel's `sched_param` has a priority only
    // SAFETY: an integer that stands for the calling process.
    let policy = unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) };
    if [libc::SCHED_FIFO, libc::SCHED_RR].map(libc::c_long::from).contains(&policy) {
        // SAFETY: an initialized structure; of this process alone.
        unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_OTHER, &usual) };
    }
}
