//! What has a process take a snapshot, as the user names it.

use super::prepared;
use super::reason::Reason;
use crate::signal::ASKING;
use regex_lite::Regex;
use std::ffi::c_int;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use viztracer_merge::parse_duration;
use viztracer_recorder::clock::monotonic;

/// The shortest time of a slow call, in ns: each slow call costs some microseconds, also one that takes no snapshot.
const TIME_MIN: u64 = 100_000;
/// The shortest time between two snapshots of a process for one trigger, in ns.
const AGE_MIN: u64 = 1_000_000_000;
/// The longest text of a trigger.
const TEXT_MAX: usize = 1000;

/// What has a process take a snapshot.
pub enum Trigger {
    /// An exception that nothing handles.
    Exception,
    /// A traced child that a signal has killed.
    Killed,
    /// A signal that arrives.
    Signal(c_int),
    /// A call that takes long.
    SlowCall(SlowCall),
}

/// Which functions may not take how long.
pub struct SlowCall {
    /// What occurs in their qualified names.
    pub function: Regex,
    /// In ns.
    pub time: u64,
    pub last: Cooldown,
}

/// The last snapshot for a trigger: its time of the monotonic clock in ns, and the thread with the call.
pub struct Cooldown {
    time: AtomicU64,
    thread: AtomicU64,
}

impl FromStr for Trigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Trigger, String> {
        match text {
            "exception" => Ok(Trigger::Exception),
            "killed" => Ok(Trigger::Killed),
            _ => match ASKING.iter().find(|(name, _)| *name == text) {
                Some((_, signal)) => Ok(Trigger::Signal(*signal)),
                None => slow_call(text).map(Trigger::SlowCall),
            },
        }
    }
}

/// Parses `FUNCTION>TIME`.
fn slow_call(text: &str) -> Result<SlowCall, String> {
    let (function, time) = parts(text)?;
    let function = Regex::new(function).map_err(|error| format!("{function:?} is no regular expression: {error}"))?;
    Ok(SlowCall { function, time, last: Cooldown::new() })
}

/// The time in `FUNCTION>TIME`, in ns.
pub fn time_of(text: &str) -> Option<u64> {
    parts(text).ok().map(|(_, time)| time)
}

/// The expression, which may contain a `>`, and the time in ns.
fn parts(text: &str) -> Result<(&str, u64), String> {
    let signals: String = ASKING.iter().map(|(name, _)| format!("{name}, ")).collect();
    let refused = || format!("must be exception, killed, {signals}or like 'handler>200ms', not {text:?}");
    let (function, time) = text.rsplit_once('>').ok_or_else(refused)?;
    let function = function.trim_end();
    if function.is_empty() || text.len() > TEXT_MAX {
        return Err(refused());
    }
    match u64::try_from(parse_duration(time.trim())?.as_nanos()).unwrap_or(u64::MAX) {
        0..TIME_MIN => Err(format!("{text:?} has too short a time: it must be at least 100us")),
        time => Ok((function, time)),
    }
}

impl Cooldown {
    /// No snapshot yet.
    pub const fn new() -> Cooldown {
        Cooldown { time: AtomicU64::new(0), thread: AtomicU64::new(0) }
    }

    /// Starts a snapshot, unless the last one is too young, or shows a call that `began` on this thread. Allocates
    /// nothing: a signal handler may call this.
    pub fn start(&self, thread: u64, began: u64, reason: Reason<'_>) {
        let (now, last) = (monotonic(), self.time.load(Ordering::Relaxed));
        let is_young = last != 0 && now.saturating_sub(last) < AGE_MIN;
        let is_shown = began < last && self.thread.load(Ordering::Relaxed) == thread;
        if !is_young && !is_shown && prepared::start(now, format_args!("{reason}")) {
            self.time.store(now, Ordering::Relaxed);
            self.thread.store(thread, Ordering::Relaxed);
        }
    }
}
