#!/bin/sh
# Compiles and links C for another platform with zig, which brings the headers and C libraries of each. `ZIG_TARGET`
# is what zig calls the platform: `ZIG_TARGET=x86_64-linux-musl zig_cc.sh -c x.c`.
tree=$(cd "$(dirname "$0")/../.." && pwd)
zig=$(echo "$tree"/.venv/lib/python*/site-packages/ziglang/zig)
ZIG_GLOBAL_CACHE_DIR=$tree/target/platforms/zig ZIG_LOCAL_CACHE_DIR=$tree/target/platforms/zig \
    exec "$zig" cc -target "$ZIG_TARGET" "$@"
