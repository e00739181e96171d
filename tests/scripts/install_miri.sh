#!/bin/sh
# Sees to it that `cargo +nightly miri` works: adds what it needs to the nightly toolchain, but no toolchain.
has_miri() {
    cargo +nightly miri --version >/dev/null 2>&1
}
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "make: Miri needs a nightly Rust, which this machine lacks: rustup toolchain install nightly" >&2
    exit 1
fi
has_miri || rustup component add --toolchain nightly miri rust-src >&2
if ! has_miri; then
    echo "make: this nightly Rust has no Miri: rustup toolchain install nightly --component miri,rust-src" >&2
    exit 1
fi
