#!/bin/sh
# Runs Cargo for another platform, as cargo.sh does, but has zig compile C and link: `zigbuild.sh TARGET test -p ...`.
# zig brings the C libraries of macOS, musl and old versions of glibc. With `maturin` as the command, it builds a wheel.
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
target=$1 command=$2
shift 2
zig=$(echo "$tree"/.venv/lib/python*/site-packages/ziglang)
suffix= flags= oldest=
case $target in
    # The oldest glibc of a wheel. It unwinds the stack of a thread that it ends, and then needs its own libgcc_s, as
    # the Makefile says.
    aarch64-unknown-linux-gnu)
        suffix=.2.17
        flags="-C link-arg=/usr/aarch64-linux-gnu/lib/libgcc_s.so.1 -C link-arg=-Wl,--allow-shlib-undefined" ;;
    # Without this there are no libraries. maturin asks for the same. zig links programs statically all the same.
    *-linux-musl) [ "$command" = maturin ] || flags="-C target-feature=-crt-static" ;;
    # zig has the libraries of macOS, but no frameworks. The oldest macOS is that of Rust.
    aarch64-apple-darwin) flags="-C link-arg=-F$here/macos" oldest=11.0 ;;
    x86_64-apple-darwin) flags="-C link-arg=-F$here/macos" oldest=10.12 ;;
esac
if [ "$command" = maturin ]; then
    set -- "$tree/.venv/bin/maturin" build --zig --target "$target" "$@"
else
    set -- "$tree/.venv/bin/cargo-zigbuild" "$command" --target "$target$suffix" "$@"
fi
exec "$here/enter.sh" env "PATH=$zig:/usr/sbin:/usr/bin" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=target/platforms \
    CARGO_UNSTABLE_BUILD_STD=std,panic_unwind \
    ZIG_GLOBAL_CACHE_DIR="$tree/target/platforms/zig" ZIG_LOCAL_CACHE_DIR="$tree/target/platforms/zig" \
    "CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_RUSTFLAGS=$flags" \
    ${oldest:+"MACOSX_DEPLOYMENT_TARGET=$oldest"} \
    ${VIZTRACER_MERGE_PROGRAM:+"VIZTRACER_MERGE_PROGRAM=$VIZTRACER_MERGE_PROGRAM"} "$@"
