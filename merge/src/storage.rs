//! Files that are read and written. Files of others are opened without waiting ([`open`]), identified ([`inode`]) and
//! trusted or not ([`trust`]). What does not fit into memory goes into a file without a name ([`store`]). The report
//! goes into a file that appears when it is whole ([`output`]), or into a named pipe whose reader may be late
//! ([`pipe`]).

pub mod directory;
pub mod inode;
pub mod open;
pub mod output;
pub mod pipe;
pub mod store;
pub mod trust;
