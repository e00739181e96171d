//! A stack for signal handlers on every thread that records. A thread whose own stack is full gets SIGSEGV, and the
//! handler that stores this into the ring file needs a stack ([`crate::ending::deadly_signal`]).

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::mem;
use std::ptr;

/// Its size in bytes. Only pages that a handler has used take memory: the kernel's frame takes some KiB, ours less.
const SIZE: usize = 64 << 10;

/// The stack that a thread has from us.
pub struct SignalStack(*mut c_void);

impl SignalStack {
    /// Gives the calling thread one; `None` if it has one already, as by `faulthandler`, or there is no memory.
    pub fn give() -> Option<SignalStack> {
        if current().ss_flags & libc::SS_DISABLE == 0 {
            return None;
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: new memory at an address that the kernel chooses.
        let memory =
            unsafe { mmap_anonymous(ptr::null_mut(), SIZE, ProtFlags::READ | ProtFlags::WRITE, flags) }.ok()?;
        let stack = SignalStack(memory); // `drop` gives it back
        let new = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: SIZE };
        // SAFETY: memory of that size, which stays until the kernel uses it no more: see `drop`.
        (unsafe { libc::sigaltstack(&new, ptr::null_mut()) } == 0).then_some(stack)
    }
}

impl Drop for SignalStack {
    /// Runs on the thread that the stack was given to.
    fn drop(&mut self) {
        let now = current();
        if now.ss_sp == self.0 && now.ss_flags & libc::SS_DISABLE == 0 {
            let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            // SAFETY: the kernel uses no stack from now on.
            if unsafe { libc::sigaltstack(&none, ptr::null_mut()) } != 0 {
                return; // a handler runs on it
            }
        }
        // SAFETY: our own memory, which the kernel does not use: not for this thread any more, and never for another.
        let _ = unsafe { munmap(self.0, SIZE) };
    }
}

fn current() -> libc::stack_t {
    // SAFETY: plain integers and a pointer that may be null: zeros are valid.
    let mut stack: libc::stack_t = unsafe { mem::zeroed() };
    // SAFETY: a description to write to.
    unsafe { libc::sigaltstack(ptr::null(), &mut stack) };
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_none_gets_one_until_it_is_given_back() {
        let thread = std::thread::spawn(|| {
            let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            // SAFETY: takes away what Rust gives to its threads.
            unsafe { libc::sigaltstack(&none, ptr::null_mut()) };
            let stack = SignalStack::give().unwrap();
            assert_eq!((current().ss_sp, current().ss_size), (stack.0, SIZE));
            assert!(SignalStack::give().is_none());
            drop(stack);
            assert_ne!(current().ss_flags & libc::SS_DISABLE, 0);
        });
        thread.join().unwrap();
    }
}
