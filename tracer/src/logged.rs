//! What a program logs besides its calls: instants, counters, objects, events of the Chrome trace format, arguments.
//!
//! Values become [`json`] here, without running Python, before the calling thread's recorder is looked for. Arguments
//! and return values of calls, which the hooks log if they are asked to ([`options`]), are shown by their `repr`
//! ([`shown`]), which does run Python: no hook holds a recorder then, and looks for everything anew afterwards.

pub mod arguments;
mod contents;
mod default;
pub mod event;
pub mod interruption;
pub mod json;
mod names;
pub mod options;
mod pair;
mod plain;
mod quoted;
pub mod scale;
pub mod shown;
