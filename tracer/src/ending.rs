//! How a process ends without a word to Python: by a deadly signal ([`deadly_signal`]), or in a function that leaves at
//! once ([`leaving`]). The first process of a run then says farewell ([`farewell`]). How children ended is told by
//! their parents ([`waits`]).

pub mod deadly_signal;
pub mod farewell;
pub mod leaving;
pub mod waits;
