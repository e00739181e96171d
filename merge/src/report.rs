//! The report: its parts are written in parallel and in order ([`write`]), as text, tables of functions ([`functions`]) or a
//! page with the program's own text ([`sources`]), with paths made shorter ([`prefixes`]). What went into it and what did
//! not is in the [`summary`], and told on the command line ([`loss`]).

pub mod functions;
pub mod loss;
pub mod prefixes;
pub mod sources;
pub mod summary;
pub mod write;
