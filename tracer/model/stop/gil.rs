//! The GIL: one lock, that a thread gives up and takes again without knowing who had it meanwhile.

use crate::sync::{Mutex, MutexGuard, lock, shared, thread_own};
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

shared! {
    static GIL: Mutex<()> = Mutex::new(());
}

thread_own! {
    static HELD: RefCell<Option<MutexGuard<'static, ()>>> = RefCell::new(None);
}

/// Waits for the GIL.
pub fn acquire() {
    let held = lock(&GIL);
    HELD.with(|own| assert!(own.replace(Some(held)).is_none(), "a thread that has the GIL asks for it"));
}

/// Gives it to others.
pub fn release() {
    drop(HELD.with(RefCell::take).expect("only a thread that has the GIL gives it up"));
}

/// What a thread does with the GIL.
pub fn with<T>(work: impl FnOnce() -> T) -> T {
    acquire();
    let result = work();
    release();
    result
}

/// Python runs here: others may have the GIL for a while.
pub fn give_a_chance() {
    release();
    acquire();
}

/// The number of a thread: the least that no living one has, so that it is used again, as addresses are. A thread that
/// gets one comes after all that the thread did which had it before, as with the memory of threads.
pub struct ThreadPointer(usize);

shared! {
    static POINTERS: Mutex<[bool; 8]> = Mutex::new([false; 8]);
}

/// Threads that have a number. Not one of loom's: it is no part of what is explored.
static LIVING: AtomicUsize = AtomicUsize::new(0);

impl ThreadPointer {
    pub fn new() -> ThreadPointer {
        LIVING.fetch_add(1, Ordering::Relaxed);
        let mut pointers = lock(&POINTERS);
        let free = pointers.iter().position(|is_used| !is_used).expect("few threads live at a time");
        pointers[free] = true;
        ThreadPointer(free + 1)
    }

    pub fn get(&self) -> usize {
        self.0
    }

    /// Whether a thread has not quite ended. Loom's `join` does not wait for what a thread drops at its end.
    pub fn is_any_left() -> bool {
        LIVING.load(Ordering::Relaxed) > 0
    }
}

impl Drop for ThreadPointer {
    fn drop(&mut self) {
        lock(&POINTERS)[self.0 - 1] = false;
        LIVING.fetch_sub(1, Ordering::Relaxed);
    }
}
