//! The recording of a process: its start and its end ([`lifecycle`]), and the children that the process forks
//! ([`fork`]).

pub mod fork;
pub mod lifecycle;
