//! The recording of a process from its begin to its end ([`lifecycle`]), and in the children that it forks ([`fork`]).

pub mod fork;
pub mod lifecycle;
