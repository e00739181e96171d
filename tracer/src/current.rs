//! Whose recorder: the calling thread's, found without a call into the C library.
//!
//! The thread pointer tells threads apart in one instruction; the recorder of the thread seen last is kept beside it, so
//! that only a switch of threads costs more. With the GIL that is once in 5 ms. A thread's end takes its entry out.

use crate::{fork, session};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use viztracer_recorder::ThreadRecorder;

/// The thread seen last, by its thread pointer, and its recorder; null: it does not record.
static SEEN: AtomicUsize = AtomicUsize::new(0);
static RECORDER: AtomicPtr<ThreadRecorder> = AtomicPtr::new(ptr::null_mut());

thread_local! {
    static OWN: Own = const { Own { session: Cell::new(0), recorder: Cell::new(ptr::null_mut()), paused: Cell::new(0) } };
}

/// What a thread knows of its own recorder.
struct Own {
    /// The session that the recorder is of.
    session: Cell<u64>,
    recorder: Cell<*mut ThreadRecorder>,
    /// How many pauses it is in.
    paused: Cell<u32>,
}

/// The recorder of the calling thread, if it is to record.
#[inline(always)]
pub fn recorder() -> Option<&'static mut ThreadRecorder> {
    let recorder = match SEEN.load(Ordering::Relaxed) == thread_pointer() {
        true => RECORDER.load(Ordering::Relaxed),
        false => switch(),
    };
    // SAFETY: only this thread uses its recorder while it is inside a hook, and a session that ends forgets it first.
    unsafe { recorder.as_mut() }
}

/// Another thread than before: finds its recorder, or makes it one.
#[cold]
#[inline(never)]
fn switch() -> *mut ThreadRecorder {
    fork::settle();
    let recorder = own_recorder();
    RECORDER.store(recorder, Ordering::Relaxed);
    SEEN.store(thread_pointer(), Ordering::Relaxed);
    recorder
}

/// The calling thread's recorder, made if need be; null if it is not to record.
fn own_recorder() -> *mut ThreadRecorder {
    let found = OWN.try_with(|own| match session::current() {
        _ if own.paused.get() > 0 => ptr::null_mut(),
        0 => ptr::null_mut(),
        session => own.of_session(session),
    });
    found.unwrap_or(ptr::null_mut()) // no Own: the thread is about to end
}

/// In a forked child: gives the calling thread's recorder its parent's open frames, if it was recording.
pub fn inherit(open: impl FnOnce(&mut ThreadRecorder)) {
    // SAFETY: the calling thread's own recorder, outside of any hook's use of it.
    if let Some(recorder) = unsafe { own_recorder().as_mut() } {
        open(recorder);
    }
}

impl Own {
    fn of_session(&self, session: u64) -> *mut ThreadRecorder {
        if self.session.get() != session {
            self.recorder.set(session::attach_thread());
            self.session.set(session);
        }
        self.recorder.get()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = SEEN.compare_exchange(thread_pointer(), 0, Ordering::Relaxed, Ordering::Relaxed);
        if !self.recorder.get().is_null() {
            session::retire_thread(self.session.get(), self.recorder.get());
        }
    }
}

/// Forgets the thread seen last: what is true of sessions or pauses has changed.
pub fn forget() {
    SEEN.store(0, Ordering::Relaxed);
}

/// The calling thread does not record until as many calls of [`resume`].
pub fn pause() {
    let _ = OWN.try_with(|own| own.paused.set(own.paused.get() + 1));
    forget();
}

/// Ends a [`pause`].
pub fn resume() {
    let _ = OWN.try_with(|own| own.paused.set(own.paused.get().saturating_sub(1)));
    forget();
}

/// The recorder that the calling thread has in this session, if it has recorded at all.
pub fn existing(session: u64) -> Option<*mut ThreadRecorder> {
    OWN.try_with(|own| (own.session.get() == session).then(|| own.recorder.get()))
        .ok()
        .flatten()
        .filter(|recorder| !recorder.is_null())
}

/// A number that no other living thread has.
#[inline(always)]
fn thread_pointer() -> usize {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        let pointer: usize;
        // SAFETY: the psABI keeps the thread pointer in the first word it points to; the load touches nothing else.
        unsafe { std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly, pure)) };
        pointer
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    {
        thread_local!(static HERE: u8 = const { 0 });
        HERE.try_with(|here| &raw const *here as usize).unwrap_or(0)
    }
}
