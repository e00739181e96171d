//! Why there is a snapshot, for its name.

use crate::signal;
use std::ffi::c_int;
use std::fmt;

/// Why there is a snapshot. What tells most stands first, since a long text is cut.
#[derive(Clone, Copy)]
pub enum Reason<'a> {
    /// A call of a function that took so many ns.
    SlowCall(&'a str, u64),
    /// A child that a signal has killed.
    Killed(c_int, c_int),
    /// A signal.
    Signal(c_int),
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Reason::SlowCall(function, duration) => {
                let name = function.rsplit('.').next().unwrap_or_default();
                match duration / 1_000_000 {
                    0 => write!(f, "{}us_{name}", duration / 1000),
                    milliseconds => write!(f, "{milliseconds}ms_{name}"),
                }
            }
            Reason::Killed(pid, signal) => write!(f, "{pid}_{}", SignalName(signal)),
            Reason::Signal(signal) => write!(f, "{}", SignalName(signal)),
        }
    }
}

struct SignalName(c_int);

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match signal::name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal{}", self.0),
        }
    }
}
