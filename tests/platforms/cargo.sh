#!/bin/sh
# Runs Cargo for another platform, in the directory of make_chroot.sh: `cargo.sh x86_64-pc-windows-gnu test -p ...`.
# Programs of the platform run in wine or qemu. All is built in target/platforms/. With `maturin` as the command, it
# builds a wheel; maturin is that of .venv/.
here=$(cd "$(dirname "$0")" && pwd)
platform=$1 command=$2
shift 2
if [ "$command" = maturin ]; then
    set -- .venv/bin/maturin build --target "$platform" "$@"
else
    set -- cargo "$command" --target "$platform" "$@"
fi
exec "$here/enter.sh" env RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=target/platforms \
    CARGO_UNSTABLE_BUILD_STD=std,panic_unwind \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' \
    CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine WINEDEBUG=-all \
    ${VIZTRACER_MERGE_PROGRAM:+"VIZTRACER_MERGE_PROGRAM=$VIZTRACER_MERGE_PROGRAM"} "$@"
