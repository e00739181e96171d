//! Arrows from where work is submitted to a pool to where a worker starts it. No order of a queue is guessed.
//!
//! In a pool of threads, both steps are calls of methods of one object, which lives as long as it waits in the queue of
//! the pool. So its address connects them. If the work of an object was never started, a later object may have its
//! address, and takes its place. [`sent`] is about pools of processes.

mod frame;
mod sent;

use super::arrows::{self, Target};
use crate::function::{Code, EXCLUDED, Step};
use crate::preserve::preserving_exception;
use crate::recording;
use crate::thread::{calls, current};
use frame::running;
use pyo3::{Borrowed, prelude::*};

/// Records the entry of a step, and an end of its arrow. May run Python.
pub fn enter(python: Python<'_>, code: Code, step: Step) {
    let number = recording::current();
    if !current::is_recording(python) || code.id() == EXCLUDED {
        return;
    }
    calls::enter(python, code.id(), code.tag());
    match step {
        Step::ThreadSubmitted => {
            let item = preserving_exception(|python| item(python, code));
            item.into_iter().for_each(|item| arrows::begin_at(python, number, item));
        }
        Step::ThreadStarted => {
            let item = preserving_exception(|python| item(python, code));
            item.into_iter().for_each(|item| arrows::end(python, number, item));
        }
        Step::ProcessSubmitted => {
            let ids = preserving_exception(|python| sent::by_executor(&running(python, code)?));
            arrows::send(python, number, &ids.unwrap_or_default());
        }
        Step::ProcessReceived
        | Step::ApplySubmitted
        | Step::MapSubmitted
        | Step::ImapSubmitted
        | Step::PoolReceived => {}
    }
}

/// Records the ends of arrows of a step that is about to return this value. May run Python.
pub fn end(python: Python<'_>, code: Code, step: Step, value: Borrowed<'_, '_, PyAny>) {
    let number = recording::current();
    if !current::is_recording(python) {
        return;
    }
    let ids = preserving_exception(|python| {
        let frame = running(python, code)?;
        match step {
            Step::ProcessReceived => sent::received_by_executor(&frame, &value),
            Step::PoolReceived => sent::received_by_pool(&frame, &value),
            Step::ApplySubmitted => sent::by_apply(&frame),
            Step::MapSubmitted => sent::by_map(&frame),
            Step::ImapSubmitted => sent::by_imap(&frame),
            Step::ThreadSubmitted | Step::ThreadStarted | Step::ProcessSubmitted => None,
        }
    });
    let ids = ids.unwrap_or_default();
    match step {
        Step::ProcessReceived | Step::PoolReceived => arrows::receive(python, number, &ids),
        _ => arrows::send(python, number, &ids),
    }
}

/// Returns the object that the running function was called on.
fn item(python: Python<'_>, code: Code) -> Option<Target> {
    Some(Target::Work(frame::receiver(&running(python, code)?)?.as_ptr() as usize))
}
