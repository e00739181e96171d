//! Any bytes through the reader, as they are and with their checksums made right.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|file: &[u8]| {
    support::walk::check(file);
    support::walk::check(&support::repair::repair(file));
});
