//! Signals whose default action ends the process: what they do besides.
//!
//! Such a signal ends a process at once: nothing of Python's runs. So in every process that is recorded a handler
//! stands in the place of the default action. It may find its thread anywhere, with any lock held and with the GIL or
//! without, and does only what a signal handler may do:
//!
//! ```text
//! store into the ring file which signal it was, and when
//! in the first process of a run: stop the other threads and have the report written
//! put the default action back and have it happen: by the signal once more, or for a fault by running into it again
//! ```
//!
//! A signal that asks for a snapshot (`--keep_snapshot_at`) starts that, and ends nothing.
//!
//! Status and core dump are those of the default action. Python does not know of the handler: `signal.getsignal`, whose
//! table is filled when the interpreter starts, says `SIG_DFL`. A handler of the program's, or of `faulthandler`,
//! replaces ours; it gives way to ours again when it puts back what it found, or when the program sets `SIG_DFL`
//! ([`rearm`]). A signal that is ignored stays so. Forked children inherit the handler, exec resets it.
//!
//! Our handler runs on a stack of its own, which every thread that records is given ([`crate::thread::signal_stack`]).
//! So the signal of a thread whose own stack is full is recorded, too. A thread that has not recorded yet has no such
//! stack. The real-time signals end a process as if we were not there.
//!
//! A SIGBUS in our own mapping means that somebody has cut the ring file (`: > result_1.bin`). That must not end the
//! program: memory replaces the mapping, what was recorded is lost, and a line says so when recording ends.

use crate::ending::exit_report;
use crate::signal::{SENT, SENT_TO_THREAD, dispose, disposition, errno, pid, send, set_errno, tid};
use crate::snapshots;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_format::header::ENDING_SIGNAL;
use viztracer_recorder::last_act;

/// Faults of the program's instructions, after which these would run again.
const FAULTS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];
/// Other signals that end a process which goes wrong.
const CRASHES: [c_int; 3] = [libc::SIGABRT, libc::SIGTRAP, libc::SIGSYS];
/// `si_code` of a SIGBUS that reports broken memory which nobody has touched yet.
const BUS_MCEERR_AO: c_int = 5;

/// Whether the handler is in place.
static WATCHING: AtomicBool = AtomicBool::new(false);

/// Puts our handler wherever the default action ends the process.
#[pyo3::pyfunction]
#[pyo3(name = "watch_deadly_signals")]
pub fn watch() {
    if pid() == 1 {
        // The first process of a container does not end by a default action.
        return SENT.into_iter().filter(|signal| snapshots::is_asked_by(*signal)).for_each(replace_default);
    }
    if WATCHING.swap(true, Ordering::Relaxed) {
        return;
    }
    FAULTS.iter().chain(&CRASHES).chain(&SENT).copied().for_each(replace_default);
}

/// Puts our handler in the place of the default action again, after the program has chosen an action for a signal.
pub fn rearm(signal: c_int) {
    let is_deadly = [&FAULTS[..], &CRASHES, &SENT].concat().contains(&signal);
    if WATCHING.load(Ordering::Relaxed) && is_deadly {
        replace_default(signal);
    }
}

fn replace_default(signal: c_int) {
    if disposition(signal) == libc::SIG_DFL {
        dispose(signal, handle as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize);
    }
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    if snapshots::was_asked_by(signal) {
        return;
    }
    // SAFETY: the kernel passes it to every handler with SA_SIGINFO, which `dispose` sets.
    let info = unsafe { &*info };
    let is_fault = FAULTS.contains(&signal) && info.si_code > 0 && info.si_code != BUS_MCEERR_AO;
    // SAFETY: the kernel gives the address of every fault.
    if is_fault && signal == libc::SIGBUS && last_act::is_mapped(unsafe { info.si_addr() }.addr()) {
        let error = errno();
        if last_act::replace_mapping() {
            set_errno(error);
            return;
        }
    }
    last_act::note(ENDING_SIGNAL | (signal as u64) << 8);
    exit_report::write(Some(signal), is_from_us(info));
    dispose(signal, libc::SIG_DFL);
    if !is_fault {
        send(signal, tid()); // delivered when this handler returns: until then it is blocked
    }
}

/// Whether it is [`exit_report`] that has sent the signal to this thread.
fn is_from_us(info: &libc::siginfo_t) -> bool {
    // SAFETY: a signal that was sent has the sender's pid.
    info.si_code == SENT_TO_THREAD && unsafe { info.si_pid() } == pid()
}
