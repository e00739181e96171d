#!/bin/sh
# Builds the wheel of another platform: `foreign.sh aarch64-unknown-linux-musl 3.14 DIRECTORY`. Needs root and Debian's
# packages, as tests/platforms/ does: Rust comes from there, with the source of its standard library. zig links, and
# brings the C libraries of all platforms, but those of Windows come from Debian. maturin knows what each version of
# CPython looks like on each platform, so no interpreter of the platform is needed. `PROFILE=dev` compiles quickly, for
# trials.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit
target=$1 version=$2 made=$3
profile=${PROFILE:-release}
build=tests/platforms/zigbuild.sh program=viztracer-merge options= strip=symbols
case $target in
    *-linux-gnu) options="--compatibility manylinux2014" ;;
    *-linux-musl) options="--compatibility musllinux_1_2" ;;
    # Debian's Rust has no rust-objcopy, which strips libraries of macOS.
    *-apple-darwin) options="--strip false" strip=none ;;
    *-windows-gnu) build=tests/platforms/cargo.sh program=viztracer-merge.exe ;;
esac
# tracer/build.rs would compile the program, and all that it shares with the extension, in a folder of its own.
$build "$target" rustc --profile "$profile" -p viztracer-merge --bin viztracer-merge -- -C strip=$strip || exit
folder=$profile
[ "$profile" != dev ] || folder=debug
rm -rf "$made"
mkdir -p "$made"
VIZTRACER_MERGE_PROGRAM=$PWD/target/platforms/$target/$folder/$program $build "$target" \
    maturin --profile "$profile" $options -i "python$version" -o "$made" || exit
.venv/bin/python packaging/wheels/compress.py "$made"/*.whl
