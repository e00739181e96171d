//! The calling thread's recorder, found without a call into the C library.
//!
//! A thread has noted what its last event has found, and in which *generation* that was ([`here`]). Whatever ends a
//! recording, or begins one, begins a new generation as well, in which no older note holds.
//!
//! A hook that finds its thread's note in order goes on at once ([`last_event`]). One that does not calls
//! [`is_recording`], which may run Python, and looks everything up only after that: nothing found before Python ran is
//! used after it.

use crate::exclusive::exclusively;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{shared, thread_own};
use crate::system::is_process_ending;
use crate::thread::here::{self, Seen};
use crate::thread::name;
use crate::thread::signal_stack::SignalStack;
use crate::{due, function, recording};
use pyo3::prelude::*;
use std::cell::{Cell, OnceCell};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use viztracer_recorder::ThreadRecorder;

shared! {
    /// The generation of the notes that hold; never 0.
    static GENERATION: AtomicUsize = AtomicUsize::new(1);
}

thread_own! {
    static OWN: Own = Own {
        attached: Cell::new(None),
        pauses: Cell::new(0),
        signal_stack: OnceCell::new(),
        #[cfg(loom)]
        life: crate::Life::new(),
    };
}

/// What a thread keeps about its own recording.
struct Own {
    attached: Cell<Option<Attached>>,
    /// How many calls of [`pause`] have no [`resume`] yet.
    pauses: Cell<u32>,
    /// The stack for signal handlers that this library has given to the thread, if it has.
    signal_stack: OnceCell<Option<SignalStack>>,
    /// Says whether the thread has quite ended.
    #[cfg(loom)]
    life: crate::Life,
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
    /// There was none, or the state of the recording has changed since: see [`is_recording`].
    Unknown,
    /// The calling thread does not record.
    NotRecording,
    /// The calling thread records into this.
    Recording(Found<'py>),
}

/// The calling thread's recorder, as it was found. It is valid until Python runs, or the thread passes another point at
/// which the interpreter may stop it ([`crate::exclusive`]).
pub struct Found<'py>(*mut ThreadRecorder, PhantomData<Python<'py>>);

/// Looks for the calling thread's recorder where its last event has left it. Runs no Python.
#[inline(always)]
pub fn last_event(_: Python<'_>) -> LastEvent<'_> {
    let Seen { generation, recorder } = here::get();
    // `Relaxed`: a thread begins a generation between two hooks of this thread, which the interpreter orders.
    if generation != GENERATION.load(Ordering::Relaxed) {
        return LastEvent::Unknown;
    }
    if recorder.is_null() { LastEvent::NotRecording } else { LastEvent::Recording(Found(recorder, PhantomData)) }
}

impl Found<'_> {
    /// Does something with the recorder.
    ///
    /// # Safety
    /// Since [`last_event`] has found it, nothing has run Python or let the interpreter stop the thread, and no other
    /// use of the recorder has begun that goes on. `operation` does neither and begins no other use.
    #[inline(always)]
    pub unsafe fn with<T>(self, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> T {
        // SAFETY: it was this thread's recorder in the recording that goes on. A thread that ends the recording does so
        // `exclusively` and calls `forget`, and the caller promises that nobody could since, so it still is. Other
        // threads leave the recorder alone as long as the recording goes on, and the caller has no other use going on.
        operation(unsafe { &mut *self.0 })
    }
}

/// Does something with the calling thread's recorder; `None` if the thread does not record. May run Python before it
/// looks for the recorder, but not after.
///
/// # Safety
/// `operation` runs no Python, does not let the interpreter stop the thread, and does not use the recorder in another
/// way.
#[inline(always)]
pub unsafe fn with<T>(python: Python<'_>, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> Option<T> {
    let found = match last_event(python) {
        LastEvent::Recording(found) => found,
        LastEvent::NotRecording => return None,
        LastEvent::Unknown => Found(NonNull::new(prepare(python))?.as_ptr(), PhantomData),
    };
    // SAFETY: just found, by the last event or by `prepare`; the caller promises the same of `operation`. No other use
    // goes on: each is an operation that does not come here.
    Some(unsafe { found.with(operation) })
}

/// Does something with the recorder that the calling thread has already, even while the thread is paused; `None` if it
/// has none. Runs no Python.
///
/// # Safety
/// `operation` runs no Python, does not let the interpreter stop the thread, and does not use the recorder in another
/// way.
pub unsafe fn with_existing<T>(_: Python<'_>, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> Option<T> {
    // SAFETY: the caller promises the same.
    unsafe { with_number(recording::current(), operation) }
}

/// The same, even while the whole process is paused.
///
/// # Safety
/// As for [`with_existing`].
pub unsafe fn with_kept<T>(_: Python<'_>, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> Option<T> {
    // SAFETY: the caller promises the same.
    unsafe { with_number(recording::kept(), operation) }
}

/// # Safety
/// The recording of this number goes on or is paused; and as for [`with_existing`]. The thread is attached.
unsafe fn with_number<T>(number: u64, operation: impl FnOnce(&mut ThreadRecorder) -> T) -> Option<T> {
    let mut recorder = existing(number)?;
    // SAFETY: the calling thread's own recorder, just found, in a recording whose file there is. The caller promises
    // the rest. No other use goes on: each is an operation that does not come here.
    Some(operation(unsafe { recorder.as_mut() }))
}

/// Whether the calling thread records. If its last event says nothing about that, the thread is prepared, which may run
/// Python. Until something else does, [`last_event`] answers for it.
#[inline]
pub fn is_recording(python: Python<'_>) -> bool {
    match last_event(python) {
        LastEvent::Recording(_) => true,
        LastEvent::NotRecording => false,
        LastEvent::Unknown => !prepare(python).is_null(),
    }
}

/// Finds or makes the calling thread's recorder and notes it as that of the last event; null if the thread is not to
/// record. May run Python before it looks, but not after.
#[cold]
#[inline(never)]
fn prepare(python: Python<'_>) -> *mut ThreadRecorder {
    if recording::current() == 0 && due::is_waiting() {
        due::act();
        return ptr::null_mut(); // not noted, so that the next event comes here, too
    }
    ensure_own_file(python);
    let (recorder, is_known) = own_recorder();
    // A thread whose own data is gone is about to end, and nothing would end a recorder of it.
    let generation = if is_known { GENERATION.load(Ordering::Relaxed) } else { 0 };
    here::set(Seen { generation, recorder });
    recorder
}

/// Gives a forked process its own ring file at the first use of the recording.
pub fn ensure_own_file(python: Python<'_>) {
    let mut forgotten = None;
    let adopted = recording::adopt(|| {
        // No hook is under way: each of this process comes here first, and has waited or is the one that adopts.
        forgotten = Some(function::forget(python));
        forget();
    });
    drop(forgotten); // may run Python
    let Some(adopted) = adopted else { return };
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
                // A thread has its recorder during a rest, too, for what the program logs.
                return if recording::records_calls() { (known.recorder.as_ptr(), true) } else { nothing };
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
        here::set(here::NOTHING);
        // The end of a process is not that of its thread: calls that are open stay so.
        if let Some(Attached { number, serial, .. }) = self.attached.get()
            && !is_process_ending()
        {
            recording::retire_thread(number, serial);
        }
    }
}

/// Lets no thread's note hold any more: what is known of the recording has changed.
pub fn forget() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Ends recording: no hook records from now on, and no thread's note leads to a recorder.
pub fn halt(python: Python<'_>) {
    exclusively(python, || {
        recording::end();
        forget();
    });
}

/// Stops recording the calling thread until [`resume`] is called as often.
pub fn pause() {
    let _ = OWN.try_with(|own| own.pauses.set(own.pauses.get().saturating_add(1)));
    here::set(here::NOTHING);
}

/// Ends a [`pause`].
pub fn resume() {
    let _ = OWN.try_with(|own| own.pauses.set(own.pauses.get().saturating_sub(1)));
    here::set(here::NOTHING);
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
