//! Work that a pool sends to a worker process, with a number. The id of an arrow is a hash of this number and of the
//! queue's pipe. Both processes know both.
//!
//! No function of a pool begins with the work: a worker gets it from a queue, and calls its function. So an arrow leads
//! to the call that begins next.
//!
//! What is read here are attributes of `concurrent.futures.process` and `multiprocessing.pool`, of CPython 3.12 to 3.15.
//! If a program has replaced some of that by its own, there is no arrow, and reading may run Python.

use super::frame::{caller, receiver, variable};
use crate::fallible::{Name, Text, lossy};
use crate::system;
use pyo3::prelude::*;
use pyo3::types::{PyFrame, PyTuple};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The most pieces of one `map` that get an arrow. A `map` has four pieces per process, unless the program says otherwise.
const PIECES_MAX: u64 = 256;

/// The id of what `ProcessPoolExecutor.submit` submits, in the frame that makes the object of it.
pub fn by_executor(frame: &Bound<'_, PyFrame>) -> Option<Vec<u64>> {
    let executor = receiver(&caller(frame)?)?;
    let queue = executor.getattr(Text("_call_queue")).ok()?;
    Some(vec![id(pipe(&queue)?, number(&executor, "_queue_count")?, 0)])
}

/// The id of what a process of such a pool has received.
pub fn received_by_executor(frame: &Bound<'_, PyFrame>, item: &Bound<'_, PyAny>) -> Option<Vec<u64>> {
    has_type(item, "concurrent.futures.process", "_CallItem")?;
    Some(vec![id(pipe(&receiver(frame)?)?, number(item, "work_id")?, 0)])
}

/// The id of what `multiprocessing.Pool.apply_async` submits, in the frame that has made its result.
pub fn by_apply(frame: &Bound<'_, PyFrame>) -> Option<Vec<u64>> {
    has_type(&receiver(frame)?, "multiprocessing.pool", "ApplyResult")?;
    by_pool(frame, |_| Some(1))
}

/// The ids of what `multiprocessing.Pool.map` and the like submit.
pub fn by_map(frame: &Bound<'_, PyFrame>) -> Option<Vec<u64>> {
    by_pool(frame, |result| number(result, "_number_left"))
}

/// The ids of what `multiprocessing.Pool.imap` and the like submit. Nobody knows how many pieces there will be, so begins
/// of arrows may have no end.
pub fn by_imap(frame: &Bound<'_, PyFrame>) -> Option<Vec<u64>> {
    by_pool(frame, |_| Some(PIECES_MAX))
}

fn by_pool(frame: &Bound<'_, PyFrame>, pieces: impl Fn(&Bound<'_, PyAny>) -> Option<u64>) -> Option<Vec<u64>> {
    static POOL: Name = Name::new("pool");
    let result = receiver(frame)?;
    let pipe = pipe(&variable(frame, &POOL)?.getattr(Text("_inqueue")).ok()?)?;
    let job = number(&result, "_job")?;
    Some((0..pieces(&result)?.min(PIECES_MAX)).map(|piece| id(pipe, job, piece)).collect())
}

/// The id of what a process of such a pool has received.
pub fn received_by_pool(frame: &Bound<'_, PyFrame>, task: &Bound<'_, PyAny>) -> Option<Vec<u64>> {
    let task = task.cast::<PyTuple>().ok().filter(|task| task.len() == 5)?;
    let code = caller(frame)?.getattr(Text("f_code")).ok()?;
    let file = lossy(&code.getattr(Text("co_filename")).ok()?).ok()?;
    let part = |index| task.get_item(index).ok()?.extract::<u64>().ok();
    let (job, piece) = (part(0)?, part(1)?);
    let is_sent = system::ends_with(&file, "/multiprocessing/pool.py") && piece < PIECES_MAX;
    if is_sent { Some(vec![id(pipe(&receiver(frame)?)?, job, piece)]) } else { None }
}

/// What tells the pipe of a queue from all others.
fn pipe(queue: &Bound<'_, PyAny>) -> Option<impl Hash + Copy + use<>> {
    system::pipe_identity(number(&queue.getattr(Text("_reader")).ok()?, "_handle")?)
}

/// The id of a piece of work that is sent through a pipe.
fn id(pipe: impl Hash, work: u64, piece: u64) -> u64 {
    let mut hasher = DefaultHasher::new(); // both processes run this library, so they have the same
    (pipe, work, piece).hash(&mut hasher);
    hasher.finish()
}

fn number(object: &Bound<'_, PyAny>, attribute: &str) -> Option<u64> {
    object.getattr(Text(attribute)).ok()?.extract().ok()
}

fn has_type(object: &Bound<'_, PyAny>, module: &str, name: &str) -> Option<()> {
    let kind = object.get_type();
    let has =
        |attribute, text| kind.getattr(Text(attribute)).and_then(|value| lossy(&value)).is_ok_and(|of| of == text);
    (has("__name__", name) && has("__module__", module)).then_some(())
}
