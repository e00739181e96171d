//! How a command is started by a child in between, on macOS. Both are copies of the process. What they answer comes
//! through a pipe, which the command closes when it begins.

use super::job::{DIRECTORY, Job};
use crate::signal::{copy_process, errno};
use std::ffi::{c_int, c_void};
use std::mem::{self, size_of};
use std::ptr;

/// What the children answer.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Answer {
    /// 0 unless it comes from the child between.
    command: libc::pid_t,
    error: c_int,
    is_locked: c_int,
}

/// Starts the child between, and waits for its end.
pub fn in_between(job: &mut Job, _: *mut c_void) {
    let mut pipe = [-1; 2];
    // SAFETY: two numbers to write to.
    if unsafe { libc::pipe(pipe.as_mut_ptr()) } < 0 {
        job.error = errno();
        return;
    }
    let [from, to] = pipe.map(out_of_the_way);
    if from < 0 || to < 0 {
        job.error = errno();
        close(from);
        close(to);
        return;
    }
    // SAFETY: a set is a number, for which zero is valid.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { (mem::zeroed(), mem::zeroed()) };
    // SAFETY: a set to write to.
    unsafe { libc::sigfillset(&mut all) };
    // SAFETY: two initialized sets. A handler of the program must not run in a child.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
    let child = copy_process(); // the copy calls only what a signal handler may call
    if child == 0 {
        between(job, to);
    }
    close(to);
    if child < 0 {
        job.error = errno();
    } else {
        hear(job, from);
        // SAFETY: our own child, whose status is not asked for.
        while unsafe { libc::waitpid(child, ptr::null_mut(), 0) } < 0 && errno() == libc::EINTR {}
    }
    close(from);
    // SAFETY: a set that was filled above; the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
}

/// Gives a descriptor another number, which the command needs for nothing.
fn out_of_the_way(descriptor: c_int) -> c_int {
    // SAFETY: three integers.
    let other = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, DIRECTORY + 1) };
    let error = errno();
    close(descriptor);
    crate::signal::set_errno(error);
    other
}

/// The child: starts the command, and leaves it alone.
fn between(job: &mut Job, to: c_int) -> ! {
    // SAFETY: takes nothing. What a terminal sends to the program's group is not for the command.
    unsafe { libc::setsid() };
    let command = copy_process(); // so does this one
    if command == 0 {
        (job.become_command)(ptr::from_mut(job).cast());
        say(to, Answer { command: 0, error: job.error, is_locked: c_int::from(job.is_locked) });
    } else {
        say(to, Answer { command, error: if command < 0 { errno() } else { 0 }, is_locked: 0 });
    }
    // SAFETY: ends the copy without running anything of the program's.
    unsafe { libc::_exit(0) }
}

/// Reads the answers until nobody has the other end of the pipe.
fn hear(job: &mut Job, from: c_int) {
    let mut answer = Answer::default();
    loop {
        // SAFETY: a structure of integers to write to. Pipes keep so few bytes together.
        match unsafe { libc::read(from, ptr::from_mut(&mut answer).cast(), size_of::<Answer>()) } {
            -1 if errno() == libc::EINTR => {}
            read if read == size_of::<Answer>() as isize => {
                job.command = if answer.command > 0 { answer.command } else { job.command };
                job.error = if answer.error != 0 { answer.error } else { job.error };
                job.is_locked |= answer.is_locked != 0;
            }
            _ => return,
        }
    }
}

fn say(to: c_int, answer: Answer) {
    // SAFETY: a structure of integers to read.
    unsafe { libc::write(to, ptr::from_ref(&answer).cast(), size_of::<Answer>()) };
}

/// Has all descriptors from this one on closed when the command begins.
pub fn close_from(descriptor: c_int) {
    // SAFETY: takes nothing.
    for open in descriptor..unsafe { libc::getdtablesize() } {
        // SAFETY: three integers; of the copy alone.
        unsafe { libc::fcntl(open, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Does nothing: the priorities of macOS are not handed down to copies.
pub fn be_ordinary() {}

fn close(descriptor: c_int) {
    // SAFETY: a descriptor of ours, or none, which is an error.
    unsafe { libc::close(descriptor) };
}
