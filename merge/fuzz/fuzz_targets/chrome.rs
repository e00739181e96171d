//! Any bytes as a JSON report through a whole merge.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|file: &[u8]| support::chrome(file));
