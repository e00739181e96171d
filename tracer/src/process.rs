//! The recording of a process: its start and its end ([`lifecycle`]), the children that the process forks ([`fork`]), and
//! pauses of the session ([`switching`], [`watcher`]).

pub mod fork;
pub mod lifecycle;
pub mod namespaces;
pub mod switching;
pub mod watcher;
