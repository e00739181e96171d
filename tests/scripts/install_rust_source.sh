#!/bin/sh
# Makes `cargo +nightly -Zbuild-std` work. Adds the component to the nightly toolchain, but does not install a toolchain.
root=$(rustc +nightly --print sysroot 2>/dev/null) || {
    echo "make: ThreadSanitizer needs a nightly Rust, which this machine lacks: rustup toolchain install nightly" >&2
    exit 1
}
library=$root/lib/rustlib/src/rust/library
test -d "$library" || rustup component add --toolchain nightly rust-src >&2
if ! test -d "$library"; then
    echo "make: this nightly Rust lacks its source: rustup toolchain install nightly --component rust-src" >&2
    exit 1
fi
