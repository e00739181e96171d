//! Bursts, in which the calls of elided functions are counted.
//!
//! The places in their code where calls begin are switched off for our tool id, which asks for the events of all code.
//! `restart_events` would wake them, but those of all other tools as well. So a second tool id asks for the events of
//! these code objects alone. That wakes nothing of another tool, and costs other code nothing.
//!
//! A burst is *armed* with the GIL held, that is, mostly where the program happens to wait. So that does not begin the
//! counting: the thread that has armed the burst opens and closes it later, at times of its choice and without the GIL.

use super::tool;
use crate::exclusive::HookCell;
use crate::fallible::{Number, Text};
use crate::function::{elided_codes, functions_with_other_code};
use crate::recording;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use viztracer_recorder::budget;
use viztracer_recorder::clock::{monotonic, processor_time};

/// What the interpreter takes to find the callback, in ns: an estimate.
const DISPATCH: f64 = 4.0;
/// Each burst measures what counting a call takes: so often so many calls of the callback. The shortest time counts, since
/// the first calls find nothing in the processor's caches, and others may be interrupted.
const MEASUREMENTS: u32 = 4;
const MEASURED_CALLS: u64 = 128;

/// The callback that counts.
static CALLBACK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
/// The events at which it counts, once it is registered.
static EVENTS: PyOnceLock<i32> = PyOnceLock::new();

static BURST: HookCell<Option<Armed>> = HookCell::new(None);
/// Whether there is one.
static IS_ARMED: AtomicBool = AtomicBool::new(false);
/// Whether calls are counted now.
static IS_OPEN: AtomicBool = AtomicBool::new(false);
/// When the burst was opened and closed, in ns of processor time; 0: not yet.
static OPENED: AtomicU64 = AtomicU64::new(0);
static CLOSED: AtomicU64 = AtomicU64::new(0);

/// A burst from its begin on.
struct Armed {
    /// The process that has begun it, not one that was forked since.
    process: u32,
    tool: i32,
    /// The code objects and the ids of their functions.
    codes: Vec<(Py<PyAny>, u32)>,
    /// Functions with code objects whose events could not be asked for.
    unwoken: Vec<u32>,
    counts: Counts,
    /// Calls while the burst was open, and while it was not.
    counted: u64,
    uncounted: u64,
    /// What its begin has cost, and what counting a call costs, in ns.
    cost: u64,
    call_cost: f64,
}

/// Takes a second tool id, and registers the callback for these events. Without a free id, nothing is counted.
pub fn prepare(monitoring: &Bound<'_, PyAny>, names: &[&'static str], callback: ffi::vectorcallfunc) -> PyResult<()> {
    let python = monitoring.py();
    let Some(tool) = tool::acquire_second(monitoring)? else { return Ok(()) };
    let callback = CALLBACK.get_or_try_init(python, || super::callback::new(python, callback).map(Bound::unbind))?;
    let numbers = monitoring.getattr(Text("events"))?;
    let mut events = 0i32;
    for name in names {
        let number = numbers.getattr(Text(name))?;
        monitoring.call_method1(Text("register_callback"), (tool, &number, callback))?;
        events |= number.extract::<i32>()?;
    }
    EVENTS.get_or_init(python, || events);
    Ok(())
}

/// Whether a burst is armed.
pub fn is_armed() -> bool {
    IS_ARMED.load(Ordering::Relaxed)
}

/// Arms a burst, if the second tool id is ours.
pub fn arm(monitoring: &Bound<'_, PyAny>) -> PyResult<()> {
    let python = monitoring.py();
    let codes = elided_codes(python);
    let (Some(events), Some(callback)) = (EVENTS.get(python), CALLBACK.get(python)) else { return Ok(()) };
    let Some(tool) = tool::second(monitoring)? else { return Ok(()) };
    if is_armed() {
        return Ok(());
    }
    let before = processor_time();
    let burst = Armed {
        process: std::process::id(),
        tool,
        counts: Counts::new(codes.iter().map(|(code, _)| code.as_ptr() as usize)),
        codes: Vec::new(),
        unwoken: Vec::new(),
        counted: 0,
        uncounted: 0,
        cost: 0,
        call_cost: 0.0,
    };
    // SAFETY: `replace` calls nothing of the interpreter.
    let earlier = unsafe { BURST.with(python, |armed| armed.replace(burst)) };
    IS_ARMED.store(true, Ordering::Relaxed);
    drop(earlier);
    let call_cost = match codes.first() {
        Some((code, _)) => measure(code, callback.bind(python)).inspect_err(|_| disarm(monitoring))?,
        None => 0.0, // no code of these functions is left that could run
    };
    let has_events = |(code, _): &(Bound<'_, PyAny>, u32)| set_events(monitoring, tool, code, *events).is_ok();
    let (woken, unwoken): (Vec<_>, Vec<_>) = codes.into_iter().partition(has_events);
    let codes = woken.into_iter().map(|(code, function)| (code.unbind(), function)).collect();
    let unwoken = unwoken.into_iter().map(|(_, function)| function).collect();
    let set = |burst: &mut Option<Armed>| {
        if let Some(burst) = burst {
            burst.counts.clear();
            (burst.codes, burst.unwoken) = (codes, unwoken);
            (burst.counted, burst.uncounted) = (0, 0);
            (burst.cost, burst.call_cost) = (processor_time().saturating_sub(before), call_cost);
        }
    };
    // SAFETY: `set` calls nothing of the interpreter.
    unsafe { BURST.with(python, set) };
    Ok(())
}

/// Measures what counting a call of this code object takes, in ns. Calls the callback as the interpreter does.
fn measure(code: &Bound<'_, PyAny>, callback: &Bound<'_, PyAny>) -> PyResult<f64> {
    let offset = Number(0).into_pyobject(code.py())?;
    let arguments = [code.as_ptr(), offset.as_ptr()];
    IS_OPEN.store(true, Ordering::Relaxed);
    let measured = (0..MEASUREMENTS).try_fold(u64::MAX, |shortest, _| {
        let before = monotonic();
        for _ in 0..MEASURED_CALLS {
            // SAFETY: a callable object and two living arguments.
            let answer = unsafe { ffi::PyObject_Vectorcall(callback.as_ptr(), arguments.as_ptr(), 2, ptr::null_mut()) };
            // SAFETY: a new reference, or NULL with an exception set.
            unsafe { Bound::from_owned_ptr_or_err(code.py(), answer) }?;
        }
        Ok(shortest.min(monotonic() - before))
    });
    IS_OPEN.store(false, Ordering::Relaxed);
    measured.map(|time| time as f64 / MEASURED_CALLS as f64 + DISPATCH)
}

/// Has calls counted from this processor time on. Needs no GIL.
pub fn open(now: u64) {
    CLOSED.store(0, Ordering::Relaxed);
    OPENED.store(now, Ordering::Relaxed);
    IS_OPEN.store(true, Ordering::Relaxed);
}

/// Has calls counted up to this processor time. Needs no GIL.
pub fn close(now: u64) {
    IS_OPEN.store(false, Ordering::Relaxed);
    CLOSED.store(now, Ordering::Relaxed);
}

/// Counts a call of this code object, if the burst is open.
pub fn count(python: Python<'_>, code: usize) {
    let count = |burst: &mut Option<Armed>| {
        let Some(burst) = burst else { return };
        if IS_OPEN.load(Ordering::Relaxed) {
            burst.counted += 1;
            burst.counts.add(code);
        } else {
            burst.uncounted += 1;
        }
    };
    // SAFETY: `count` calls nothing of the interpreter.
    unsafe { BURST.with(python, count) }
}

/// Ends the burst, if one is armed. If it was opened and closed, adds what was counted to the estimates.
pub fn disarm(monitoring: &Bound<'_, PyAny>) {
    if !is_armed() {
        return;
    }
    IS_OPEN.store(false, Ordering::Relaxed);
    let before = processor_time();
    // SAFETY: `take` calls nothing of the interpreter.
    let Some(burst) = (unsafe { BURST.with(monitoring.py(), Option::take) }) else { return };
    let (opened, closed) = (OPENED.swap(0, Ordering::Relaxed), CLOSED.swap(0, Ordering::Relaxed));
    IS_ARMED.store(false, Ordering::Relaxed);
    // Somebody else may have freed the id. Then its events belong to another tool, or to none.
    let is_ours = tool::second(monitoring).is_ok_and(|tool| tool == Some(burst.tool));
    for (code, _) in burst.codes.iter().filter(|_| is_ours) {
        let _ = set_events(monitoring, burst.tool, code.bind(monitoring.py()), 0);
    }
    if burst.process != std::process::id() {
        return;
    }
    let all = (burst.counted + burst.uncounted) as f64 * burst.call_cost;
    recording::spend(all + (burst.cost + processor_time().saturating_sub(before)) as f64);
    if is_ours && opened > 0 && closed > opened {
        let counting = (burst.counted as f64 * burst.call_cost) as u64;
        recording::count(&budget::Burst { begin: opened, end: closed, counting }, &burst.calls());
    }
}

impl Armed {
    /// By function, how many calls were counted; `None`: other code of the function has run as well.
    fn calls(&self) -> HashMap<u32, Option<u64>> {
        let mut calls: HashMap<u32, Option<u64>> = HashMap::new();
        for (code, function) in &self.codes {
            let counted = calls.entry(*function).or_insert(Some(0));
            *counted = counted.map(|counted| counted + self.counts.get(code.as_ptr() as usize));
        }
        calls.extend(functions_with_other_code().into_iter().chain(self.unwoken.iter().copied()).map(|of| (of, None)));
        calls
    }
}

/// Asks for these events of a code object.
fn set_events(monitoring: &Bound<'_, PyAny>, tool: i32, code: &Bound<'_, PyAny>, events: i32) -> PyResult<()> {
    let events = Number(events.cast_unsigned().into());
    monitoring.call_method1(Text("set_local_events"), (tool, code, events)).map(drop)
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

    fn add(&mut self, code: usize) {
        let place = self.place(code);
        self.0[place].1 += 1;
    }

    fn get(&self, code: usize) -> u64 {
        self.0[self.place(code)].1
    }

    fn clear(&mut self) {
        self.0.iter_mut().for_each(|(_, calls)| *calls = 0);
    }
}
