//! The report: its parts are written in parallel and in order ([`write`]), as text, tables of functions ([`functions`])
//! or a page with the program's own text ([`sources`]), with paths made shorter ([`prefixes`]).
//!
//! The [`summary`] counts what went into it and what did not. It has an [`account`] of each process, and the innermost
//! calls of processes that did not end in order ([`innermost`]). [`loss`] says in words what is missing, [`elided`] of
//! which functions not all calls are recorded, and [`bursts`] of which processes. [`slowest`] orders calls.

pub mod account;
pub mod bursts;
pub mod elided;
pub mod functions;
pub mod innermost;
pub mod loss;
pub mod prefixes;
pub mod slowest;
pub mod sources;
pub mod summary;
pub mod write;
