//! Ends of a process without Python: by a deadly signal ([`deadly_signal`]), or in a function that ends the process at
//! once ([`exit_calls`]). In the first process of a run, [`exit_report`] then has the report written. A parent records
//! how its children ended ([`child_exits`]). A process without a report ends with another status ([`exit_status`]).
//! A process that has used up its memory has some left for its end ([`last_memory`]).

#[cfg_attr(windows, path = "ending/child_exits_on_windows.rs")]
pub mod child_exits;
#[cfg_attr(windows, path = "ending/deadly_signal_on_windows.rs")]
pub mod deadly_signal;
pub mod exit_calls;
#[cfg_attr(windows, path = "ending/exit_report_on_windows.rs")]
pub mod exit_report;
pub mod exit_status;
#[cfg_attr(windows, path = "ending/last_memory_on_windows.rs")]
pub mod last_memory;
