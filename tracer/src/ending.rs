//! How a process ends without a word to Python: by a deadly signal ([`deadly_signal`]), or in a function that leaves at
//! once ([`exit_calls`]). The first process of a run then says farewell ([`exit_report`]). How children ended is told by
//! their parents ([`child_exits`]).

pub mod child_exits;
pub mod deadly_signal;
pub mod exit_calls;
pub mod exit_report;
