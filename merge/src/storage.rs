//! Files that are read and written. They are identified whatever they are called ([`inode`]). What does not fit into
//! memory goes into a file without a name ([`store`]). The report goes into a file that appears when it is whole
//! ([`output`]), or into a named pipe whose reader may be late ([`pipe`]).

pub mod directory;
pub mod inode;
pub mod output;
pub mod pipe;
pub mod store;
