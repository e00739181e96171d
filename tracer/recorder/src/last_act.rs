//! What this process last did about itself, stored into the header of its ring file at the last moment: by the orderly
//! close, by who is about to leave, and by signal handlers.
//!
//! The header of the file that is being written is found here without a lock, by whoever needs it at any moment. Its
//! mapping goes only when nobody is looking at it any more.

use crate::clock::Clock;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use viztracer_format::header::{ENDING_UNKNOWN, Status};

/// The header of this process's file; null: there is none.
static STATUS: AtomicPtr<Status> = AtomicPtr::new(ptr::null_mut());
/// The mapping of that file: its first byte, and how many there are.
static MAPPING: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
/// Whether the ticks of that file are those of [`Clock::Tsc`].
static IS_TSC: AtomicBool = AtomicBool::new(false);
/// How many threads look at it now.
static LOOKING: AtomicU32 = AtomicU32::new(0);
/// Whether somebody has cut that file, so that its mapping had to be replaced by memory.
static CUT: AtomicBool = AtomicBool::new(false);

/// From now on this is the header of the process's file, at the beginning of a mapping of so many bytes.
pub(crate) fn follow(status: &Status, mapping: (*mut u8, usize), clock: Clock) {
    IS_TSC.store(clock == Clock::Tsc, Ordering::Relaxed);
    CUT.store(false, Ordering::Relaxed);
    MAPPING[0].store(mapping.0.addr(), Ordering::Relaxed);
    MAPPING[1].store(mapping.1, Ordering::Relaxed);
    STATUS.store(ptr::from_ref(status).cast_mut(), Ordering::SeqCst);
}

/// Ends [`follow`], if this is the beginning of that mapping; it may be unmapped then.
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

/// In a forked child: the file is the parent's, and not to be touched. Those who looked at it do not exist here.
pub(crate) fn forget_parents() {
    STATUS.store(ptr::null_mut(), Ordering::SeqCst);
    LOOKING.store(0, Ordering::SeqCst);
}

/// Stores how the process is about to end, and that it lives now; does nothing if there is no file. Does only what a
/// signal handler may do.
pub fn note(ending: u64) {
    LOOKING.fetch_add(1, Ordering::SeqCst);
    // SAFETY: null, or a header whose mapping `forget` keeps until nobody looks.
    if let Some(status) = unsafe { STATUS.load(Ordering::SeqCst).as_ref() } {
        let clock = if IS_TSC.load(Ordering::Relaxed) { Clock::Tsc } else { Clock::Monotonic };
        status.last_sign.store(clock.now(), Ordering::Relaxed);
        status.ending.store(ending, Ordering::Relaxed);
    }
    LOOKING.fetch_sub(1, Ordering::SeqCst);
}

/// It does not end after all.
pub fn take_back() {
    note(ENDING_UNKNOWN);
}

/// Whether a byte at this address is of the file's mapping.
pub fn is_mapped(address: usize) -> bool {
    let [base, length] = [&MAPPING[0], &MAPPING[1]].map(|word| word.load(Ordering::Relaxed));
    base != 0 && address.wrapping_sub(base) < length
}

/// Somebody has cut the file, and the bytes behind its end cannot be touched: puts memory in the place of the whole
/// mapping, so that the program goes on; what was recorded is lost. Tells whether that could be done. Does only what a
/// signal handler may do.
pub fn replace_mapping() -> bool {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    let [base, length] = [&MAPPING[0], &MAPPING[1]].map(|word| word.load(Ordering::Relaxed));
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    let place = ptr::with_exposed_provenance_mut(base);
    CUT.store(true, Ordering::Relaxed);
    // SAFETY: the whole of our own mapping, which is made of words of which each value is valid.
    unsafe { mmap_anonymous(place, length, ProtFlags::READ | ProtFlags::WRITE, flags) }.is_ok()
}

/// Whether the file was cut.
pub fn is_cut() -> bool {
    CUT.load(Ordering::Relaxed)
}
