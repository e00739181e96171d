//! The allocator of this library, with a reserve for when the process has no memory left.
//!
//! A program that has used up its memory gets a `MemoryError`, cleans up and goes on or ends. Meanwhile it may call
//! functions for the first time, whose names we keep. If Rust gets no memory for that, it aborts the process. So there
//! is a reserve: a piece of address space that costs nothing until it is touched. What is taken from it is never given
//! back: a process that has memory again takes nothing more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

const SIZE: usize = 4 << 20;
const ALIGNMENT: usize = 16;

#[global_allocator]
static ALLOCATOR: Reserve = Reserve { memory: UnsafeCell::new(Memory([0; SIZE])), taken: AtomicUsize::new(0) };

struct Reserve {
    memory: UnsafeCell<Memory>,
    taken: AtomicUsize,
}

#[repr(align(16))]
#[expect(dead_code, reason = "used by its address alone")]
struct Memory([u8; SIZE]);

// SAFETY: an atomic addition hands out each part of the memory once.
unsafe impl Sync for Reserve {}

impl Reserve {
    /// Takes a part of the reserve, all zeros; null if none is left or the alignment is too large.
    fn take(&self, layout: Layout) -> *mut u8 {
        let size = layout.size().next_multiple_of(ALIGNMENT);
        if size > SIZE || layout.align() > ALIGNMENT {
            return ptr::null_mut();
        }
        let enough = |taken| (taken <= SIZE - size).then_some(taken + size);
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough) {
            Ok(begin) => self.memory.get().cast::<u8>().wrapping_add(begin),
            Err(_) => ptr::null_mut(),
        }
    }

    /// Whether this memory is a part of the reserve.
    fn holds(&self, memory: *mut u8) -> bool {
        memory.addr().wrapping_sub(self.memory.get().addr()) < SIZE
    }

    fn or_take(&self, memory: *mut u8, layout: Layout) -> *mut u8 {
        if memory.is_null() { self.take(layout) } else { memory }
    }
}

// SAFETY: memory comes from the system, or from the reserve, of which no two parts overlap and none is used again.
unsafe impl GlobalAlloc for Reserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.or_take(unsafe { System.alloc(layout) }, layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.or_take(unsafe { System.alloc_zeroed(layout) }, layout)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if !self.holds(memory) {
            // SAFETY: as the caller promises; it is the system's.
            unsafe { System.dealloc(memory, layout) };
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.holds(memory) {
            // SAFETY: as the caller promises; it is the system's.
            let moved = unsafe { System.realloc(memory, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller promises that this size is possible with this alignment.
        let larger = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: its size is not zero, as the caller promises.
        let moved = unsafe { self.alloc(larger) };
        if !moved.is_null() {
            // SAFETY: two different allocations, each of at least so many bytes.
            unsafe { ptr::copy_nonoverlapping(memory, moved, layout.size().min(size)) };
            // SAFETY: as the caller promises; it is not used any more.
            unsafe { self.dealloc(memory, layout) };
        }
        moved
    }
}
