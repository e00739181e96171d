//! What the last event of the calling thread has found, in two words that the per-call path reads at each event.
//!
//! On Linux on x86-64, they are found without a call into the C library:
//!
//! - With a GIL, one pair of words is there for all threads, beside the thread pointer of the thread that had the last
//!   event. So only a switch of threads costs more, at most once in 5 ms.
//! - Without a GIL, such a pair would tear. So each thread has words of its own, where the dynamic linker puts the
//!   variables of libraries that are there from the beginning on (the static, *initial-exec* model of thread-local
//!   storage): one load says where. Rust has no stable way to ask for that model. The C library keeps a little space
//!   for libraries that come later, and all thread-local variables of this library are there then, about 350 bytes.
//!
//! Elsewhere Rust's own variables serve.

use std::ptr;
use viztracer_recorder::ThreadRecorder;

/// What a thread's last event has found.
#[derive(Clone, Copy)]
pub struct Seen {
    /// When that was, as [`current`](super::current) counts; 0: there was no event yet.
    pub generation: usize,
    /// The thread's recorder; null if the thread does not record.
    pub recorder: *mut ThreadRecorder,
}

/// A note that holds in no generation.
pub const NOTHING: Seen = Seen { generation: 0, recorder: ptr::null_mut() };

#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu", not(any(loom, miri, Py_GIL_DISABLED))))]
mod words {
    use super::{NOTHING, Seen};
    use std::arch::asm;
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
    use viztracer_recorder::ThreadRecorder;

    /// The thread pointer of the thread that had the last event; 0 if none is known. It and the words change only with
    /// the GIL held, except that a thread that ends takes itself out.
    static THREAD: AtomicUsize = AtomicUsize::new(0);
    static GENERATION: AtomicUsize = AtomicUsize::new(0);
    static RECORDER: AtomicPtr<ThreadRecorder> = AtomicPtr::new(ptr::null_mut());

    /// Reads both words. The GIL must be held.
    #[inline(always)]
    pub fn get() -> Seen {
        if THREAD.load(Ordering::Relaxed) != thread_pointer() {
            return NOTHING; // another thread had the last event
        }
        Seen { generation: GENERATION.load(Ordering::Relaxed), recorder: RECORDER.load(Ordering::Relaxed) }
    }

    /// Writes both words. The GIL must be held, except to write [`NOTHING`].
    #[inline]
    pub fn set(Seen { generation, recorder }: Seen) {
        if generation == NOTHING.generation {
            let _ = THREAD.compare_exchange(thread_pointer(), 0, Ordering::Relaxed, Ordering::Relaxed);
            return;
        }
        RECORDER.store(recorder, Ordering::Relaxed);
        GENERATION.store(generation, Ordering::Relaxed);
        THREAD.store(thread_pointer(), Ordering::Relaxed);
    }

    /// Returns a number that no other living thread has.
    #[inline(always)]
    fn thread_pointer() -> usize {
        let pointer: usize;
        // SAFETY: the psABI has the thread pointer in the first word it points to. The load touches nothing else.
        unsafe { asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly, pure)) };
        pointer
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu", Py_GIL_DISABLED, not(any(loom, miri))))]
mod words {
    use super::Seen;
    use std::arch::{asm, global_asm};

    // Zeros, as the first event of a thread expects.
    global_asm!(
        ".pushsection .tbss.viztracer_seen, \"awT\", @nobits",
        ".p2align 3",
        ".globl viztracer_seen",
        ".hidden viztracer_seen",
        ".type viztracer_seen, @object",
        ".size viztracer_seen, 16",
        "viztracer_seen:",
        ".zero 16",
        ".popsection",
    );

    /// Reads both words.
    #[inline(always)]
    pub fn get() -> Seen {
        let (generation, recorder);
        // SAFETY: reads the two words of the calling thread, at their offset from the thread pointer. No other thread
        // knows of them.
        unsafe {
            asm!(
                "mov {offset}, qword ptr [rip + viztracer_seen@GOTTPOFF]",
                "mov {generation}, qword ptr fs:[{offset}]",
                "mov {offset}, qword ptr fs:[{offset} + 8]",
                offset = out(reg) recorder,
                generation = out(reg) generation,
                options(nostack, preserves_flags, readonly),
            );
        }
        Seen { generation, recorder }
    }

    /// Writes both words.
    #[inline]
    pub fn set(Seen { generation, recorder }: Seen) {
        // SAFETY: as in `get`; writes them.
        unsafe {
            asm!(
                "mov {offset}, qword ptr [rip + viztracer_seen@GOTTPOFF]",
                "mov qword ptr fs:[{offset}], {generation}",
                "mov qword ptr fs:[{offset} + 8], {recorder}",
                offset = out(reg) _,
                generation = in(reg) generation,
                recorder = in(reg) recorder,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu", not(any(loom, miri)))))]
mod words {
    use super::{NOTHING, Seen};
    use crate::sync::thread_own;
    use std::cell::Cell;

    thread_own! {
        static SEEN: Cell<Seen> = Cell::new(NOTHING);
    }

    /// Reads both words; a thread whose variables are gone has seen nothing.
    #[inline(always)]
    pub fn get() -> Seen {
        SEEN.try_with(Cell::get).unwrap_or(NOTHING)
    }

    /// Writes both words.
    #[inline]
    pub fn set(seen: Seen) {
        let _ = SEEN.try_with(|words| words.set(seen));
    }
}

pub use words::{get, set};
