#!/bin/sh
# Makes `cargo +nightly miri` work. Adds the components to the nightly toolchain, but does not install a toolchain.
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
