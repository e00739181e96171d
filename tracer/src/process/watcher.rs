//! The thread of a process that pauses or rests, which waits for the end of that, or of a process that has elided
//! functions, whose calls it has counted now and then.
//!
//! Such a process may have no events, so nothing of ours runs in it that could notice the time. The thread is there only
//! then. It has no Python state until it resumes the recording, blocks all signals, and sleeps between its looks. A fork
//! never finds it ([`hold_watcher`]): the interpreter warns if there are other threads, and a child would not have it.
//! It is gone before the interpreter ends ([`end_watcher`]), so that it never asks for the GIL of one that is over.

use crate::hook;
use crate::sync::{Mutex, lock};
use crate::system::{BlockedSignals, is_thread_there, thread_id};
use pyo3::prelude::*;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

/// The time between two looks.
pub const INTERVAL: Duration = Duration::from_millis(20);
/// Enough for the C code of the interpreter that switches events on. Only what is used takes memory.
const STACK_SIZE: usize = 512 << 10;
/// How often the end of a thread is waited for after its join.
const GONE_TRIES: u32 = 1000;

/// The thread. Used only with the GIL held, and never by the thread itself.
static WATCHER: Mutex<Option<Watcher>> = Mutex::new(None);
/// How many forks are under way; there is no watcher then.
static HOLDS: AtomicU32 = AtomicU32::new(0);
/// Whether the interpreter is about to end; there is no watcher any more.
static IS_OVER: AtomicBool = AtomicBool::new(false);

struct Watcher {
    thread: JoinHandle<()>,
    is_ended: Arc<AtomicBool>,
    /// Its id, once it runs.
    id: Arc<AtomicI32>,
    /// The process that it is in.
    process: u32,
}

/// Starts the thread, unless it runs. `look` is to do nothing any more when its flag is set. It returns the time until
/// the next look; `None`: there is none, and it has set the flag with the GIL held, so that another thread can start.
/// Returns false while it must not: a fork is under way, or the interpreter is about to end. The GIL must be held.
///
/// # Errors
/// The process may have no more threads.
pub fn start(mut look: impl FnMut(&AtomicBool) -> Option<Duration> + Send + 'static) -> io::Result<bool> {
    if HOLDS.load(Ordering::Relaxed) > 0 || IS_OVER.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let mut watcher = lock(&WATCHER);
    let process = std::process::id();
    if watcher.as_ref().is_some_and(Watcher::runs) {
        return Ok(true);
    }
    let (is_ended, id) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
    let (end, own) = (Arc::clone(&is_ended), Arc::clone(&id));
    let run = move || {
        own.store(thread_id(), Ordering::Release);
        let mut until_next = Some(INTERVAL);
        while let Some(time) = until_next {
            thread::park_timeout(time);
            until_next = if end.load(Ordering::Relaxed) { None } else { look(&end) };
        }
    };
    let blocked = BlockedSignals::new();
    let thread = Builder::new().name("viztracer".to_owned()).stack_size(STACK_SIZE).spawn(run);
    drop(blocked);
    // One that has ended by itself needs no join. One of the parent process does not exist.
    let before = watcher.replace(Watcher { thread: thread?, is_ended, id, process });
    if let Some(parents) = before.filter(|before| before.process != process) {
        std::mem::forget(parents);
    }
    Ok(true)
}

/// Whether the thread runs. The GIL must be held.
pub fn runs() -> bool {
    lock(&WATCHER).as_ref().is_some_and(Watcher::runs)
}

/// Ends the thread without waiting for it: the process has stopped to record.
pub fn forget() {
    if let Some(watcher) = &*lock(&WATCHER) {
        watcher.end();
    }
}

/// Ends the thread before a fork, or before the interpreter ends. Gives up the GIL while it waits.
fn join(python: Python<'_>) {
    let Some(watcher) = lock(&WATCHER).take() else { return };
    if watcher.process != std::process::id() {
        return std::mem::forget(watcher);
    }
    watcher.end();
    python.detach(|| {
        let id = watcher.id.load(Ordering::Acquire);
        let _ = watcher.thread.join();
        // The kernel still counts a thread for a short time after that.
        (0..GONE_TRIES).take_while(|_| is_thread_there(id)).for_each(|_| thread::sleep(Duration::from_micros(100)));
    });
    let _ = hook::end_counting(python); // what the thread has begun
}

impl Watcher {
    fn runs(&self) -> bool {
        let is_ended = self.thread.is_finished() || self.is_ended.load(Ordering::Relaxed);
        self.process == std::process::id() && !is_ended
    }

    fn end(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
    }
}

/// Ends the thread of a process that is about to fork.
#[pyfunction]
pub fn hold_watcher(python: Python<'_>) {
    HOLDS.fetch_add(1, Ordering::Relaxed);
    join(python);
}

/// Takes a [`hold_watcher`] back after the fork; in a child, all of them. The child's interpreter does not end yet.
pub fn release(in_child: bool) {
    if in_child {
        HOLDS.store(0, Ordering::Relaxed);
        IS_OVER.store(false, Ordering::Relaxed);
    } else {
        let _ = HOLDS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |holds| holds.checked_sub(1));
    }
}

/// Ends the thread for good: the interpreter is about to end.
#[pyfunction]
pub fn end_watcher(python: Python<'_>) {
    IS_OVER.store(true, Ordering::Relaxed);
    join(python);
}
