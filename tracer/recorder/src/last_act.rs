//! How this process ends, stored into the header of its ring file just before: by the orderly close, by the entry of
//! `os._exit` and `os.exec`, and by signal handlers.
//!
//! Any thread and any signal handler finds the header here without a lock. The header is unmapped only when no thread
//! uses it any more.

use crate::clock::Clock;
use crate::system;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use viztracer_format::header::{ENDING_UNKNOWN, Status};

/// The header of this process's file; null: there is none.
static STATUS: AtomicPtr<Status> = AtomicPtr::new(ptr::null_mut());
/// The mapping of that file: the address of its first byte, and its length in bytes.
static MAPPING: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
/// Whether the ticks of that file are those of [`Clock::Counter`].
static IS_COUNTER: AtomicBool = AtomicBool::new(false);
/// The number of threads that use the header now.
static LOOKING: AtomicU32 = AtomicU32::new(0);
/// Whether the file was cut by someone else, so that its mapping had to be replaced by memory.
static CUT: AtomicBool = AtomicBool::new(false);

/// Makes this the header of the process's file, at the beginning of this mapping (address and length in bytes).
pub(crate) fn follow(status: &Status, mapping: (*mut u8, usize), clock: Clock) {
    IS_COUNTER.store(clock == Clock::Counter, Ordering::Relaxed);
    CUT.store(false, Ordering::Relaxed);
    MAPPING[0].store(mapping.0.addr(), Ordering::Relaxed);
    MAPPING[1].store(mapping.1, Ordering::Relaxed);
    STATUS.store(ptr::from_ref(status).cast_mut(), Ordering::SeqCst);
}

/// Ends [`follow`] if the mapping begins at `base`. After that it may be unmapped.
pub(crate) fn forget(base: *mut u8) {
    if MAPPING[0].load(Ordering::Relaxed) != base.addr() {
        return;
    }
    STATUS.store(ptr::null_mut(), Ordering::SeqCst);
    MAPPING[0].store(0, Ordering::Relaxed);
    MAPPING[1].store(0, Ordering::Relaxed);
    while LOOKING.load(Ordering::SeqCst) > 0 {
        std::hint::spin_loop(); // a few instructions of another thread
    }
}

/// Forgets the parent's file in a forked child, where the threads that used the header do not exist.
pub(crate) fn forget_parents() {
    STATUS.store(ptr::null_mut(), Ordering::SeqCst);
    LOOKING.store(0, Ordering::SeqCst);
}

/// Stores how the process is about to end, and the current time as its last sign of life. Does nothing without a file.
/// Does only what a signal handler may do.
pub fn note(ending: u64) {
    LOOKING.fetch_add(1, Ordering::SeqCst);
    // SAFETY: null, or a header that `forget` keeps mapped while `LOOKING` is not 0.
    if let Some(status) = unsafe { STATUS.load(Ordering::SeqCst).as_ref() } {
        let clock = if IS_COUNTER.load(Ordering::Relaxed) { Clock::Counter } else { Clock::Monotonic };
        status.last_sign.store(clock.now(), Ordering::Relaxed);
        status.ending.store(ending, Ordering::Release); // a reader that sees this sees the time as well
    }
    LOOKING.fetch_sub(1, Ordering::SeqCst);
}

/// Takes back a [`note`], because the process does not end after all.
pub fn take_back() {
    note(ENDING_UNKNOWN);
}

/// Whether this address is inside the file's mapping.
pub fn is_mapped(address: usize) -> bool {
    let [base, length] = [&MAPPING[0], &MAPPING[1]].map(|word| word.load(Ordering::Relaxed));
    base != 0 && address.wrapping_sub(base) < length
}

/// Replaces the whole mapping by memory, because the file was cut and the bytes behind its end cannot be touched. The
/// program goes on, and what was recorded is lost. Returns whether that succeeded. Does only what a signal handler may
/// do.
pub fn replace_mapping() -> bool {
    let [base, length] = [&MAPPING[0], &MAPPING[1]].map(|word| word.load(Ordering::Relaxed));
    CUT.store(true, Ordering::Relaxed);
    // SAFETY: the range is our whole mapping, which is made of words of which each value is valid.
    unsafe { system::replace_by_memory(base, length) }
}

/// Whether the file was cut and its mapping was replaced.
pub fn is_cut() -> bool {
    CUT.load(Ordering::Relaxed)
}
