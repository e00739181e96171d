//! The report: its parts are written in parallel and in order ([`write`]), as text, tables of functions ([`functions`])
//! or a page with the program's own text ([`sources`]), with paths made shorter ([`prefixes`]).
//!
//! What went into it and what did not is in the [`summary`], with what else is known of each process ([`account`]) and
//! where those were that did not end in order ([`innermost`]). The command tells what is missing in words ([`loss`]).

pub mod account;
pub mod functions;
pub mod innermost;
pub mod loss;
pub mod prefixes;
pub mod sources;
pub mod summary;
pub mod write;
