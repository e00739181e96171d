#!/bin/sh
# Compiles and links C for macOS and for musl with zig, which brings their headers and C libraries. Cargo's build scripts
# call it as they would call clang, so that options that zig says otherwise are replaced. rustc links with it, too, and
# then names no target: `ZIG_TARGET` does.
tree=$(cd "$(dirname "$0")/../.." && pwd)
zig=$(echo "$tree"/.venv/lib/python*/site-packages/ziglang/zig)
target=${ZIG_TARGET:-aarch64-macos}
count=$#
while [ "$count" -gt 0 ]; do
    option=$1
    shift
    count=$((count - 1))
    case $option in
        --target=x86_64-apple-*) target=x86_64-macos ;;
        --target=*-linux-musl) target=${option#--target=} target=${target%%-*}-linux-musl ;;
        --target=* | -mmacosx-version-min=*) ;;
        -arch) shift && count=$((count - 1)) ;;
        *) set -- "$@" "$option" ;;
    esac
done
ZIG_GLOBAL_CACHE_DIR=$tree/target/platforms/zig ZIG_LOCAL_CACHE_DIR=$tree/target/platforms/zig \
    exec "$zig" cc -target "$target" "$@"
