//! Two words of each thread: what its last event has found.
//!
//! The per-call path reads them at each event, so on Linux on x86-64 they are where the dynamic linker puts the
//! variables of libraries that are there from the beginning on (the static, *initial-exec* model of thread-local
//! storage): one load says where, without a call. The C library keeps a little space for libraries that come later, as
//! this one does. All thread-local variables of this library are there then, about 350 bytes. Rust has no stable way to
//! ask for that model. Elsewhere Rust's own variables serve.

use viztracer_recorder::ThreadRecorder;

/// What a thread's last event has found.
#[derive(Clone, Copy)]
pub struct Seen {
    /// When that was, as [`current`](super::current) counts; 0: there was no event yet.
    pub generation: usize,
    /// The thread's recorder; null if the thread does not record.
    pub recorder: *mut ThreadRecorder,
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu", not(any(loom, miri))))]
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
    use super::Seen;
    use crate::sync::thread_own;
    use std::cell::Cell;
    use std::ptr;

    thread_own! {
        static SEEN: Cell<Seen> = Cell::new(Seen { generation: 0, recorder: ptr::null_mut() });
    }

    /// Reads both words; a thread whose variables are gone has seen nothing.
    #[inline(always)]
    pub fn get() -> Seen {
        SEEN.try_with(Cell::get).unwrap_or(Seen { generation: 0, recorder: ptr::null_mut() })
    }

    /// Writes both words.
    #[inline]
    pub fn set(seen: Seen) {
        let _ = SEEN.try_with(|words| words.set(seen));
    }
}

pub use words::{get, set};
