//! Calls as data: batches of rows in the layout of Arrow, one row for each call.
//!
//! ```text
//! part --rows--> columns of a part, by workers; calls around the part are known by their level only
//!      --carried--> ids, parents and own times, part after part
//!      --columns--> arrays with dictionaries of their own, in the layout of the schema
//! ```
//!
//! The reader is asked for the next batches: it decodes a few parts at once, and holds nothing else of the trace.

mod carried;
mod columns;
mod names;
mod reader;
mod rows;
mod schema;

pub use reader::{CallReader, CallWindows};
pub use schema::METADATA;
