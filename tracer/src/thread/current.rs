//! Whose recorder: the calling thread's, found without a call into the C library.
//!
//! The thread pointer tells threads apart in one instruction; the recorder of the thread seen last is kept beside it, so
//! that only a switch of threads costs more. With the GIL that is once in 5 ms. A thread's end takes its entry out.
//!
//! A hook that finds its thread here goes on at once. One that does not calls [`prepare`], which may run Python, and
//! only then looks for what it needs: nothing that was found before is used after it.

use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::sync::{shared, thread_own};
use crate::thread::name;
use crate::thread::signal_stack::SignalStack;
use crate::{function, recording};
use std::cell::{Cell, OnceCell};
use std::ptr::{self, NonNull};
use viztracer_recorder::ThreadRecorder;

shared! {
    /// The thread seen last, by its thread pointer, and its recorder; null: it does not record. Both change only with
    /// the GIL held, except that a thread that ends takes itself out.
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    static RECORDER: AtomicPtr<ThreadRecorder> = AtomicPtr::new(ptr::null_mut());
}

thread_own! {
    static OWN: Own = Own {
        attached: Cell::new(None),
        paused: Cell::new(0),
        stack: OnceCell::new(),
        #[cfg(loom)]
        pointer: crate::ThreadPointer::new(),
    };
}

/// What a thread knows of its own recorder.
struct Own {
    attached: Cell<Option<Attached>>,
    /// How many pauses it is in.
    paused: Cell<u32>,
    /// Where its signal handlers run, if it has that from us.
    stack: OnceCell<Option<SignalStack>>,
    /// All of loom's threads share one of the processor's.
    #[cfg(loom)]
    pointer: crate::ThreadPointer,
}

/// A thread's recorder. The pointer is good only while the recording of this number goes on.
#[derive(Clone, Copy)]
struct Attached {
    number: u64,
    serial: u32,
    recorder: NonNull<ThreadRecorder>,
}

/// The calling thread's recorder, as it is known from its last event: `None` if another thread had one since, null if
/// it is not to record.
#[inline(always)]
pub fn seen() -> Option<*mut ThreadRecorder> {
    (SEEN.load(Ordering::Relaxed) == thread_pointer()).then(|| RECORDER.load(Ordering::Relaxed))
}

/// The recorder of the calling thread, if it is to record.
///
/// # Safety
/// The caller holds the GIL. Until it has used the recorder for the last time, it neither gives the GIL up nor runs
/// Python nor calls this again.
#[inline(always)]
pub unsafe fn recorder<'a>() -> Option<&'a mut ThreadRecorder> {
    let recorder = match seen() {
        Some(recorder) => recorder,
        None => prepare(),
    };
    // SAFETY: null, or the recorder of this thread in the recording that goes on: whoever ends that holds the GIL and
    // calls `forget`. Other threads leave it alone as long as the GIL is held, and the caller uses it once at a time.
    unsafe { recorder.as_mut() }
}

/// Whether the calling thread is to record. If it is not the one seen last, it is prepared, which may run Python; until
/// something else does, [`recorder`] finds what is there now.
#[inline]
pub fn is_recording() -> bool {
    !seen().unwrap_or_else(prepare).is_null()
}

/// Another thread had the last event, or the state of the recording has changed: finds this thread's recorder, or makes
/// it one. May run Python and give up the GIL before it looks, but not after.
#[cold]
#[inline(never)]
pub fn prepare() -> *mut ThreadRecorder {
    settle();
    let (recorder, is_known) = own_recorder();
    RECORDER.store(recorder, Ordering::Relaxed);
    // A thread that knows nothing of itself any more is about to end, and would leave its number here for the next.
    SEEN.store(if is_known { thread_pointer() } else { 0 }, Ordering::Relaxed);
    recorder
}

/// Gives a forked process a file of its own, if that is still to be done.
pub fn settle() {
    let Some(adopted) = recording::adopt() else { return };
    function::forget();
    forget();
    match adopted {
        Ok(inherited) => {
            // SAFETY: the calling thread's own recorder, just found, and this thread is in no hook's use of it.
            if let Some(recorder) = unsafe { own_recorder().0.as_mut() } {
                recording::inherit(recorder, inherited);
            }
        }
        Err(error) => crate::stderr::complain(&format!("not tracing process {}: {error}", std::process::id())),
    }
}

/// The calling thread's recorder, made and named if need be; null if it is not to record. And whether the thread's own
/// data is there, which tells of its end.
fn own_recorder() -> (*mut ThreadRecorder, bool) {
    let nothing = (ptr::null_mut(), true);
    OWN.try_with(|own| {
        loop {
            let number = recording::current();
            if number == 0 || own.paused.get() > 0 {
                return nothing;
            }
            if let Some(known) = own.attached.get().filter(|known| known.number == number) {
                return (known.recorder.as_ptr(), true);
            }
            let Some((number, serial, recorder)) = recording::attach_thread() else { return nothing };
            own.attached.set(Some(Attached { number, serial, recorder }));
            own.stack.get_or_init(SignalStack::give);
            name::name_current(number, serial);
            // Again from the beginning: while the name was looked for, everything may have changed.
        }
    })
    .unwrap_or((ptr::null_mut(), false))
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = SEEN.compare_exchange(self.thread_pointer(), 0, Ordering::Relaxed, Ordering::Relaxed);
        if let Some(Attached { number, serial, .. }) = self.attached.get() {
            recording::retire_thread(number, serial);
        }
    }
}

/// Forgets the thread seen last: what is true of recordings or pauses has changed.
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

/// The recorder that the calling thread has in the recording of this number, if it has recorded at all.
pub fn existing(number: u64) -> Option<NonNull<ThreadRecorder>> {
    attached(number).map(|attached| attached.recorder)
}

/// The serial of the calling thread in the recording that goes on, if it has recorded at all.
pub fn serial() -> Option<u32> {
    attached(recording::current()).map(|attached| attached.serial)
}

fn attached(number: u64) -> Option<Attached> {
    OWN.try_with(|own| own.attached.get().filter(|attached| attached.number == number)).ok().flatten()
}

impl Own {
    #[cfg(not(loom))]
    fn thread_pointer(&self) -> usize {
        thread_pointer()
    }

    #[cfg(loom)]
    fn thread_pointer(&self) -> usize {
        self.pointer.get()
    }
}

/// A number that no other living thread has.
#[inline(always)]
fn thread_pointer() -> usize {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(any(loom, miri))))]
    {
        let pointer: usize;
        // SAFETY: the psABI keeps the thread pointer in the first word it points to; the load touches nothing else.
        unsafe { std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly, pure)) };
        pointer
    }
    #[cfg(not(any(all(target_arch = "x86_64", target_os = "linux", not(miri)), loom)))]
    {
        std::thread_local!(static HERE: u8 = const { 0 });
        HERE.try_with(|here| (&raw const *here).addr()).unwrap_or(0)
    }
    #[cfg(loom)]
    {
        OWN.try_with(Own::thread_pointer).unwrap_or(usize::MAX) // a thread that has none any more is not seen
    }
}
