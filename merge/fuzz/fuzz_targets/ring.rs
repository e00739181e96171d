//! Any bytes as a ring file through a whole merge, as they are and with their checksums made right.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|file: &[u8]| support::ring(file));
