//! The command that writes a snapshot, ready to be started at any time: by a thread in a hook, or by a signal handler,
//! which may interrupt a thread anywhere. Nothing here allocates memory, waits for a lock, or writes to the program's
//! streams.

use super::claim::Claim;
use crate::background::{Command, NotStarted};
use crate::signal::{errno, pid, set_errno};
use std::ffi::c_int;
use std::fmt::{self, Write};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of a note, with the NUL at its end.
pub const NOTE_SIZE: usize = 256;
/// How often somebody else may have the lock on the directory, and for how long it is waited then. Nobody has it for
/// long: only who looks whether the run is over.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(2);
/// How often somebody may be starting the command when it is replaced.
const SET_TRIES: u32 = 500;

/// What is prepared; null: nothing. Only who is the [`USER`] uses or replaces it.
static PREPARED: AtomicPtr<Prepared> = AtomicPtr::new(ptr::null_mut());
/// The process with a thread that uses what is prepared; 0: nobody does. A child may find its parent's id here: the
/// thread that used it is not in the child.
static USER: AtomicI32 = AtomicI32::new(0);
/// How many snapshots a process did not take, for which it had a reason: the process, and the error number of the last
/// one that could not begin, or 0.
static MISSED: AtomicU64 = AtomicU64::new(0);
static MISSED_IN: AtomicI32 = AtomicI32::new(0);
static FAILURE: AtomicI32 = AtomicI32::new(0);

/// A command, and how often it may be started.
pub struct Prepared {
    pub command: Command,
    /// How often at most.
    pub limit: u64,
    /// A file that is there if all processes together have taken so many.
    pub last_claim: Claim,
    /// How often this process has started it, and which process that is.
    taken: u64,
    taker: c_int,
}

impl Prepared {
    /// Up to `limit` starts of this command.
    pub fn new(command: Command, limit: u64, last_claim: Claim) -> Prepared {
        Prepared { command, limit, last_claim, taken: 0, taker: pid() }
    }

    /// Starts the command; false: there are enough snapshots, or it cannot be started.
    fn start(&mut self, note: &[u8]) -> bool {
        let process = pid();
        if self.taker != process {
            (self.taken, self.taker) = (0, process); // a child's own count
        }
        let are_enough = self.taken >= self.limit || self.last_claim.is_there();
        if are_enough {
            note_missed(process, 0);
            return false;
        }
        self.command.set_note(note);
        let started = self.start_when_unlocked();
        match started {
            Ok(()) => self.taken += 1,
            Err(error) => note_missed(process, error.number()),
        }
        started.is_ok()
    }

    fn start_when_unlocked(&mut self) -> Result<(), NotStarted> {
        for _ in 1..TRIES {
            match self.command.start(false) {
                Err(NotStarted::Locked) => std::thread::sleep(PAUSE),
                done => return done.map(drop),
            }
        }
        self.command.start(false).map(drop)
    }
}

/// Replaces what is prepared. A count of this process goes on if the snapshots are those of the same run.
pub fn set(mut prepared: Box<Prepared>) {
    let wait = || std::thread::sleep(PAUSE); // a start takes less than a millisecond
    if !(0..SET_TRIES).any(|_| {
        become_user() || {
            wait();
            false
        }
    }) {
        return; // a child in another PID namespace, where it has its parent's id: it keeps what is prepared
    }
    // SAFETY: null, or a box that nobody else uses or frees as long as this is the user.
    if let Some(before) = unsafe { PREPARED.load(Ordering::Relaxed).as_ref() }
        && before.last_claim == prepared.last_claim
    {
        (prepared.taken, prepared.taker) = (before.taken, before.taker);
    }
    let before = PREPARED.swap(Box::into_raw(prepared), Ordering::Relaxed);
    USER.store(0, Ordering::Release);
    if !before.is_null() {
        // SAFETY: a box that was put there, and that nobody else has taken out.
        drop(unsafe { Box::from_raw(before) });
    }
}

/// Starts the command, if it is prepared; returns whether it was started. If another snapshot is just being started, this
/// one is not: that shows the same.
pub fn start(as_of: u64, reason: fmt::Arguments<'_>) -> bool {
    if !become_user() {
        return false;
    }
    let error = errno();
    // SAFETY: null, or a box that nobody else uses or frees as long as this is the user.
    let is_started = unsafe { PREPARED.load(Ordering::Relaxed).as_mut() }.is_some_and(|prepared| {
        let mut note = Note { text: [0; NOTE_SIZE], length: 0 };
        let _ = write!(note, "{as_of} {} {reason}", pid()); // what does not fit is cut
        prepared.start(&note.text[..note.length])
    });
    set_errno(error);
    USER.store(0, Ordering::Release);
    is_started
}

/// Whether nobody else in this process was the user; now this thread is.
fn become_user() -> bool {
    let process = pid();
    let before = USER.load(Ordering::Relaxed);
    before != process && USER.compare_exchange(before, process, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

/// Notes that this process has not taken a snapshot, with the error number; 0: there are enough.
fn note_missed(process: c_int, error: c_int) {
    if MISSED_IN.swap(process, Ordering::Relaxed) != process {
        MISSED.store(0, Ordering::Relaxed); // those of the parent
        FAILURE.store(0, Ordering::Relaxed);
    }
    MISSED.fetch_add(1, Ordering::Relaxed);
    if error != 0 {
        FAILURE.store(error, Ordering::Relaxed);
    }
}

/// How many snapshots this process did not take since this was asked last, and the error number of the last one that
/// could not begin; 0: there were enough.
pub fn take_missed() -> (u64, c_int) {
    if MISSED_IN.swap(0, Ordering::Relaxed) != pid() {
        return (0, 0);
    }
    (MISSED.swap(0, Ordering::Relaxed), FAILURE.swap(0, Ordering::Relaxed))
}

/// A text that takes no memory.
struct Note {
    text: [u8; NOTE_SIZE],
    length: usize,
}

impl Write for Note {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let free = &mut self.text[self.length..];
        let taken = part.len().min(free.len());
        free[..taken].copy_from_slice(&part.as_bytes()[..taken]);
        self.length += taken;
        Ok(())
    }
}
