//! Bursts, in which the calls of elided functions are counted.
//!
//! The places in their code where calls begin are switched off for our tool id, which asks for the events of all code.
//! `restart_events` would wake them, but those of all other tools as well. So a second tool id asks for the events of
//! these code objects alone. That wakes nothing of another tool, and costs other code nothing.

use crate::exclusive::HookCell;
use crate::recording;
use pyo3::ffi;
use pyo3::prelude::*;
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use viztracer_recorder::budget;
use viztracer_recorder::clock::{monotonic, processor_time};

/// A burst is over so many ns after the first call in it: the thread that makes the calls may have to wait for its turn.
const LENGTH: u64 = 1_000_000;
/// The time is looked at once in so many calls.
const CALLS_PER_LOOK: u64 = 16;
/// What the interpreter takes to find the callback, in ns: an estimate.
const DISPATCH: f64 = 4.0;
/// Calls of the callback by which each burst measures what counting a call takes.
const MEASURED_CALLS: u64 = 256;

static BURST: HookCell<Option<Burst>> = HookCell::new(None);
/// Whether there is one.
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// A burst that goes on.
struct Burst {
    /// The process that has begun it, not one that was forked since.
    process: u32,
    tool: i32,
    /// The code objects and the ids of their functions.
    codes: Vec<(Py<PyAny>, u32)>,
    counts: Counts,
    all_calls: u64,
    /// When the first call was counted, by the monotonic clock.
    began: u64,
    /// When it began, by the processor time.
    begin: u64,
    /// What its begin has cost, and what counting a call costs, in ns.
    cost: u64,
    call_cost: f64,
}

/// Whether a burst goes on.
pub fn is_open() -> bool {
    IS_OPEN.load(Ordering::Relaxed)
}

/// Begins a burst: this tool id asks for these events of these code objects, which call this callback.
pub fn begin(
    monitoring: &Bound<'_, PyAny>,
    (tool, events): (i32, i32),
    mut codes: Vec<(Bound<'_, PyAny>, u32)>,
    callback: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let python = monitoring.py();
    let before = processor_time();
    let burst = Burst {
        process: std::process::id(),
        tool,
        counts: Counts::new(codes.iter().map(|(code, _)| code.as_ptr() as usize)),
        codes: Vec::new(),
        all_calls: 0,
        began: 0,
        begin: 0,
        cost: 0,
        call_cost: 0.0,
    };
    // SAFETY: `replace` calls nothing of the interpreter.
    let earlier = unsafe { BURST.with(python, |open| open.replace(burst)) };
    IS_OPEN.store(true, Ordering::Relaxed);
    drop(earlier);
    let call_cost = codes.first().map_or(Ok(0.0), |(code, _)| measure(code, callback))?;
    codes.retain(|(code, _)| set_events(monitoring, tool, code, events).is_ok());
    let codes: Vec<(Py<PyAny>, u32)> = codes.into_iter().map(|(code, function)| (code.unbind(), function)).collect();
    let begin = processor_time();
    let set = |burst: &mut Option<Burst>| {
        if let Some(burst) = burst {
            burst.counts.clear();
            burst.codes = codes;
            (burst.all_calls, burst.begin) = (0, begin);
            (burst.cost, burst.call_cost) = (begin.saturating_sub(before), call_cost);
        }
    };
    // SAFETY: `set` calls nothing of the interpreter.
    unsafe { BURST.with(python, set) };
    Ok(())
}

/// Measures what counting a call of this code object takes, in ns. Calls the callback as the interpreter does.
fn measure(code: &Bound<'_, PyAny>, callback: &Bound<'_, PyAny>) -> PyResult<f64> {
    let offset = 0i32.into_pyobject(code.py())?;
    let arguments = [code.as_ptr(), offset.as_ptr()];
    let before = monotonic();
    for _ in 0..MEASURED_CALLS {
        // SAFETY: a callable object and two living arguments.
        let answer = unsafe { ffi::PyObject_Vectorcall(callback.as_ptr(), arguments.as_ptr(), 2, ptr::null_mut()) };
        // SAFETY: a new reference, or NULL with an exception set.
        drop(unsafe { Bound::from_owned_ptr_or_err(code.py(), answer) }?);
    }
    Ok((monotonic() - before) as f64 / MEASURED_CALLS as f64 + DISPATCH)
}

/// Counts a call of this code object. Returns whether the burst is over now.
pub fn count(python: Python<'_>, code: usize) -> bool {
    let count = |burst: &mut Option<Burst>| {
        let Some(burst) = burst else { return false };
        burst.all_calls += 1;
        if burst.all_calls == 1 {
            burst.began = monotonic();
        }
        let is_look = burst.all_calls.is_multiple_of(CALLS_PER_LOOK);
        let is_over = is_look && monotonic().saturating_sub(burst.began) >= LENGTH;
        // A time that ends with a call has one call too many.
        burst.counts.add(code, u64::from(!is_over));
        is_over
    };
    // SAFETY: `count` calls nothing of the interpreter.
    unsafe { BURST.with(python, count) }
}

/// Ends the burst, if one goes on, and adds what was counted to the estimates.
pub fn end(monitoring: &Bound<'_, PyAny>) {
    if !is_open() {
        return;
    }
    let end = processor_time();
    // SAFETY: `take` calls nothing of the interpreter.
    let Some(burst) = (unsafe { BURST.with(monitoring.py(), Option::take) }) else { return };
    IS_OPEN.store(false, Ordering::Relaxed);
    for (code, _) in &burst.codes {
        let _ = set_events(monitoring, burst.tool, code.bind(monitoring.py()), 0);
    }
    if burst.process != std::process::id() {
        return;
    }
    let mut calls: HashMap<u32, u64> = HashMap::new();
    for (code, function) in &burst.codes {
        *calls.entry(*function).or_default() += burst.counts.get(code.as_ptr() as usize);
    }
    let counting = burst.all_calls as f64 * burst.call_cost;
    let cost = counting + (burst.cost + processor_time().saturating_sub(end)) as f64;
    let burst = budget::Burst { begin: burst.begin, end, counting: counting as u64, ticks: recording::ticks() };
    recording::count(&burst, &Vec::from_iter(calls), cost);
}

/// Asks for these events of a code object.
fn set_events(monitoring: &Bound<'_, PyAny>, tool: i32, code: &Bound<'_, PyAny>, events: i32) -> PyResult<()> {
    monitoring.call_method1("set_local_events", (tool, code, events)).map(drop)
}

/// Numbers of calls by the address of a code object, which is looked up in a nanosecond or two: what counting takes is
/// known only roughly, so it must be little.
struct Counts(Vec<(usize, u64)>);

impl Counts {
    fn new(codes: impl ExactSizeIterator<Item = usize>) -> Counts {
        let mut counts = Counts(vec![(0, 0); (codes.len() * 2).next_power_of_two()]);
        for code in codes {
            let place = counts.place(code);
            counts.0[place].0 = code;
        }
        counts
    }

    /// Where a code object is, or would be. At least half of the places are free.
    fn place(&self, code: usize) -> usize {
        let mask = self.0.len() - 1;
        let mut place = (code >> 4) & mask;
        while self.0[place].0 != 0 && self.0[place].0 != code {
            place = (place + 1) & mask;
        }
        place
    }

    fn add(&mut self, code: usize, calls: u64) {
        let place = self.place(code);
        self.0[place].1 += calls;
    }

    fn get(&self, code: usize) -> u64 {
        self.0[self.place(code)].1
    }

    fn clear(&mut self) {
        self.0.iter_mut().for_each(|(_, calls)| *calls = 0);
    }
}
