//! The recording of a process: its start and its end ([`lifecycle`]), the children that the process forks ([`fork`]), and
//! times in which nothing is recorded: pauses of the session ([`switching`]), and rests ([`resting`]), both of which the
//! [`watcher`] ends. It also begins bursts of counting ([`counting`]).

pub mod counting;
#[cfg_attr(windows, path = "process/fork_on_windows.rs")]
pub mod fork;
pub mod instants;
pub mod lifecycle;
#[cfg_attr(windows, path = "process/namespaces_on_windows.rs")]
pub mod namespaces;
pub mod resting;
pub mod switching;
pub mod watcher;
