//! The inputs, in this order: what the user names is found ([`discover`]), and each ring file is opened ([`ring`]); who may
//! be believed is told by [`trust`]. What a merge that was killed has left beside them is told and removed ([`leftovers`]).

pub mod discover;
pub mod leftovers;
pub mod ring;
pub mod trust;
