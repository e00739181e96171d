//! Where bytes go: what does not fit into memory into a file without a name ([`store`]), the report into a file that
//! appears when it is whole ([`output`]), or into a named pipe whose reader may be late ([`pipe`]).

pub mod output;
pub mod pipe;
pub mod store;
