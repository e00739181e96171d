//! The inputs: [`discover`] finds the files that the user names, and [`ring`] opens each ring file. [`leftovers`] finds
//! what crashed runs and merges have left, so that the user can remove it.

pub mod discover;
pub mod leftovers;
pub mod ring;
