//! Memory for the end of the process.
//!
//! A program that has used up its memory may still end in order: a `MemoryError` that nobody catches leaves it with the
//! objects of all its open frames. To close the ring file takes a little memory. So a piece of address space is kept
//! from the start, which costs nothing, and given back before the file is closed.

use pyo3::prelude::*;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// In bytes; enough for an arena of the interpreter's allocator, which is 1 MiB, and for the C library.
const SIZE: usize = 2 << 20;

/// The address space that is kept; NULL: none.
static KEPT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Keeps address space, if the process does not do so already and has some left.
pub fn keep() {
    if !KEPT.load(Ordering::Relaxed).is_null() {
        return;
    }
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let mapped = unsafe { mmap_anonymous(ptr::null_mut(), SIZE, ProtFlags::empty(), MapFlags::PRIVATE) };
    let Ok(mapped) = mapped else { return };
    if KEPT.compare_exchange(ptr::null_mut(), mapped, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        unmap(mapped); // another thread has been faster
    }
}

/// Gives back the address space that is kept for the end of the process.
#[pyfunction]
pub fn free_last_memory() {
    let kept = KEPT.swap(ptr::null_mut(), Ordering::Relaxed);
    if !kept.is_null() {
        unmap(kept);
    }
}

fn unmap(mapped: *mut c_void) {
    // SAFETY: `keep` has mapped so many bytes there, which nobody uses, and the caller alone has the address.
    let _ = unsafe { munmap(mapped, SIZE) };
}
