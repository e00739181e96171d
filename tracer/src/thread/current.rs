//! The calling thread's recorder, found without a call into the C library.
//!
//! The thread pointer tells threads apart in one instruction. The recorder of the thread that had the last event is
//! kept beside its thread pointer, so only a switch of threads costs more. With the GIL that is once in 5 ms.
//!
//! A hook that finds its thread here goes on at once ([`last_event`]). One that does not calls [`is_recording`], which
//! may run Python, and looks everything up only after that: nothing found before Python ran is used after it.

use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::sync::{shared, thread_own};
use crate::thread::name;
use crate::thread::signal_stack::SignalStack;
use crate::{function, recording};
use pyo3::prelude::*;
use std::cell::{Cell, OnceCell};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use viztracer_recorder::ThreadRecorder;

shared! {
    /// The thread pointer of the thread that had the last event; 0 if none is known. It and [`RECORDER`] change only
    /// with the GIL held, except that a thread that ends takes itself out.
    static THREAD: AtomicUsize = AtomicUsize::new(0);
    /// The recorder of that thread; null if the thread does not record.
    static RECORDER: AtomicPtr<ThreadRecorder> = AtomicPtr::new(ptr::null_mut());
}

thread_own! {
    static OWN: Own = Own {
        attached: Cell::new(None),
        pauses: Cell::new(0),
        signal_stack: OnceCell::new(),
        #[cfg(loom)]
        pointer: crate::ThreadPointer::new(),
    };
}

/// What a thread keeps about its own recording.
struct Own {
    attached: Cell<Option<Attached>>,
    /// How many calls of [`pause`] have no [`resume`] yet.
    pauses: Cell<u32>,
    /// The stack for signal handlers that this library has given to the thread, if it has.
    signal_stack: OnceCell<Option<SignalStack>>,
    /// Stands for the thread pointer: loom runs all its threads on one thread of the processor.
    #[cfg(loom)]
    pointer: crate::ThreadPointer,
}

/// A thread's recorder. The pointer is valid only while the recording of this number goes on.
#[derive(Clone, Copy)]
struct Attached {
    number: u64,
    serial: u32,
    recorder: NonNull<ThreadRecorder>,
}

/// What the last event says about the calling thread.
pub enum LastEvent<'py> {
    /// Another thread had it, or the state of the recording has changed since: see [`is_recording`].
    NotOurs,
    /// The calling thread does not record.
    NotRecording,
    /// The calling thread records into this.
    Recording(Found<'py>),
}

/// The calling thread's recorder, as it was found. It is valid until Python runs or the GIL is given up.
pub struct Found<'py>(*mut ThreadRecorder, PhantomData<Python<'py>>);

/// Looks for the calling thread's recorder where its last event has left it. Runs no Python.
#[inline(always)]
pub fn last_event(_: Python<'_>) -> LastEvent<'_> {
    if THREAD.load(Ordering::Relaxed) != thread_pointer() {
        return LastEvent::NotOurs;
    }
    let recorder = RECORDER.load(Ordering::Relaxed);
    if recorder.is_null() { LastEvent::NotRecording } else { LastEvent::Recording(Found(recorder, PhantomData)) }
}

impl Found<'_> {
    /// Does something with the recorder.
    ///
    /// # Safety
    /// Since [`last_event`] has found it, nothing has run Python or given up the GIL, and no other use of the recorder
    /// has begun that goes on. `operation` does neither and begins no other use.
    #[inline(always)]
    pub unsafe fn with<T>(self, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> T {
        // SAFETY: it was this thread's recorder in the recording that goes on. A thread that ends the recording holds
        // the GIL and calls `forget`, and the caller promises that none has held the GIL since, so it still is. Other
        // threads leave the recorder alone while this one holds the GIL, and the caller has no other use going on.
        operation(unsafe { &mut *self.0 })
    }
}

/// Does something with the calling thread's recorder; `None` if the thread does not record. May run Python before it
/// looks for the recorder, but not after.
///
/// # Safety
/// `operation` runs no Python, does not give up the GIL and does not use the recorder in another way.
#[inline(always)]
pub unsafe fn with<T>(python: Python<'_>, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> Option<T> {
    let found = match last_event(python) {
        LastEvent::Recording(found) => found,
        LastEvent::NotRecording => return None,
        LastEvent::NotOurs => Found(NonNull::new(prepare(python))?.as_ptr(), PhantomData),
    };
    // SAFETY: just found, by the last event or by `prepare`; the caller promises the same of `operation`. No other use
    // goes on: each is an operation that does not come here.
    Some(unsafe { found.with(operation) })
}

/// Does something with the recorder that the calling thread has already, even while the thread is paused; `None` if it
/// has none. Runs no Python.
///
/// # Safety
/// `operation` runs no Python, does not give up the GIL and does not use the recorder in another way.
pub unsafe fn with_existing<T>(_: Python<'_>, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> Option<T> {
    let mut recorder = existing(recording::current())?;
    // SAFETY: the calling thread's own recorder in the recording that goes on, just found. The GIL is held, as the
    // first argument proves, and the caller promises the rest. No other use goes on: each is an operation that does not
    // come here.
    Some(operation(unsafe { recorder.as_mut() }))
}

/// Whether the calling thread records. If another thread had the last event, the calling one is prepared, which may run
/// Python. Until something else does, [`last_event`] answers for the calling thread.
#[inline]
pub fn is_recording(python: Python<'_>) -> bool {
    match last_event(python) {
        LastEvent::Recording(_) => true,
        LastEvent::NotRecording => false,
        LastEvent::NotOurs => !prepare(python).is_null(),
    }
}

/// Finds or makes the calling thread's recorder and notes it as that of the last event; null if the thread is not to
/// record. May run Python and give up the GIL before it looks, but not after.
#[cold]
#[inline(never)]
fn prepare(_: Python<'_>) -> *mut ThreadRecorder {
    ensure_own_file();
    let (recorder, is_known) = own_recorder();
    RECORDER.store(recorder, Ordering::Relaxed);
    // A thread whose own data is gone is about to end. It would leave its thread pointer here for the next thread.
    THREAD.store(if is_known { thread_pointer() } else { 0 }, Ordering::Relaxed);
    recorder
}

/// Gives a forked process its own ring file at the first use of the recording. The caller holds the GIL.
pub fn ensure_own_file() {
    let Some(adopted) = recording::adopt() else { return };
    function::forget();
    forget();
    match adopted {
        Ok(inherited) => {
            // SAFETY: null or the calling thread's own recorder, just found. Nothing has run Python since, and no other
            // use goes on: an operation on a recorder does not come here.
            if let Some(recorder) = unsafe { own_recorder().0.as_mut() } {
                recording::inherit(recorder, inherited);
            }
        }
        Err(error) => crate::stderr::complain(&format!("not tracing process {}: {error}", std::process::id())),
    }
}

/// Returns the calling thread's recorder, made and named if need be, or null if the thread is not to record; and
/// whether the thread's own data is there, which notices its end. May run Python before it looks, but not after.
fn own_recorder() -> (*mut ThreadRecorder, bool) {
    let nothing = (ptr::null_mut(), true);
    OWN.try_with(|own| {
        loop {
            let number = recording::current();
            if number == 0 || own.pauses.get() > 0 {
                return nothing;
            }
            if let Some(known) = own.attached.get().filter(|known| known.number == number) {
                return (known.recorder.as_ptr(), true);
            }
            let Some((number, serial, recorder)) = recording::attach_thread() else { return nothing };
            own.attached.set(Some(Attached { number, serial, recorder }));
            own.signal_stack.get_or_init(SignalStack::give);
            name::name_current(number, serial);
            // Again from the beginning: while the name was looked for, everything may have changed.
        }
    })
    .unwrap_or((ptr::null_mut(), false))
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = THREAD.compare_exchange(self.thread_pointer(), 0, Ordering::Relaxed, Ordering::Relaxed);
        if let Some(Attached { number, serial, .. }) = self.attached.get() {
            recording::retire_thread(number, serial);
        }
    }
}

/// Forgets which thread had the last event: what is known of recordings or pauses has changed.
pub fn forget() {
    THREAD.store(0, Ordering::Relaxed);
}

/// Stops recording the calling thread until [`resume`] is called as often.
pub fn pause() {
    let _ = OWN.try_with(|own| own.pauses.set(own.pauses.get().saturating_add(1)));
    forget();
}

/// Ends a [`pause`].
pub fn resume() {
    let _ = OWN.try_with(|own| own.pauses.set(own.pauses.get().saturating_sub(1)));
    forget();
}

/// Returns the recorder that the calling thread has in the recording of this number, if it has recorded at all.
pub fn existing(number: u64) -> Option<NonNull<ThreadRecorder>> {
    attached(number).map(|attached| attached.recorder)
}

/// Returns the serial of the calling thread in the recording that goes on, if it has recorded at all.
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

/// Returns a number that no other living thread has.
#[inline(always)]
fn thread_pointer() -> usize {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(any(loom, miri))))]
    {
        let pointer: usize;
        // SAFETY: the psABI has the thread pointer in the first word it points to. The load touches nothing else.
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
        OWN.try_with(Own::thread_pointer).unwrap_or(usize::MAX) // the data of a thread that ends is gone
    }
}
