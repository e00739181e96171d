#!/bin/sh
# Compiles C for macOS with zig, which brings the headers of macOS. Cargo's build scripts call it as they would call
# clang, so that options that zig says otherwise are replaced.
tree=$(cd "$(dirname "$0")/../.." && pwd)
zig=$(echo "$tree"/.venv/lib/python*/site-packages/ziglang/zig)
target=aarch64-macos
count=$#
while [ "$count" -gt 0 ]; do
    option=$1
    shift
    count=$((count - 1))
    case $option in
        --target=x86_64*) target=x86_64-macos ;;
        --target=* | -mmacosx-version-min=*) ;;
        -arch) shift && count=$((count - 1)) ;;
        *) set -- "$@" "$option" ;;
    esac
done
ZIG_GLOBAL_CACHE_DIR=$tree/target/platforms/zig ZIG_LOCAL_CACHE_DIR=$tree/target/platforms/zig \
    exec "$zig" cc -target "$target" "$@"
