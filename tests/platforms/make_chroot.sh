#!/bin/sh
# Prints the path of a directory with compilers for other platforms, and with what runs their programs here: wine for
# Windows, qemu and a CPython for aarch64. The script makes the directory if it is missing, in the user's cache, out of
# packages of Debian's unstable distribution: 4 GB, about ten minutes. Rust comes with the source of its standard
# library, from which Cargo builds that of each platform. Removing the directory removes all of it.
here=$(dirname "$0")/../scripts
cache=${XDG_CACHE_HOME:-$HOME/.cache}/viztracer-ring
log=$cache/make_chroot.log
give_up() {
    echo "make: other platforms are not tested: $*" >&2
    exit 1
}
# The mirror may be a snapshot with an old index.
unpack() {
    mmdebstrap --mode=root --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' "$@"
}
install() {
    unpack --variant=essential --include=rustc,cargo,rust-src,gcc,libc6-dev,ca-certificates,pkgconf \
        --include=gcc-mingw-w64-x86-64,wine,wine64 \
        --include=gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,qemu-user \
        sid "$cache/platforms.part" "$mirror"
}
# The root directory of enter_arm64.sh. No program of it runs while it is made.
install_arm64() {
    unpack --variant=extract --arch=arm64 --include=python3.14,python3.14-dev,python3.14-venv,libgcc-s1 \
        --include=base-files,base-passwd,bash,coreutils,dash,passwd,procps,util-linux \
        sid "$cache/platforms.part/arm64" "$mirror"
}
[ "$(id -u)" = 0 ] || give_up "only root can make the directory with their compilers, and enter it"
mkdir -p "$cache" && touch "$log" || give_up "$cache cannot be used"
exec 9>>"$log"
flock 9
if ! [ -d "$cache/platforms" ]; then
    mirror=$("$here/find_mirror.sh")
    [ -n "$mirror" ] || give_up "apt has no address of Debian's packages"
    command -v mmdebstrap >/dev/null || "$here/install_packages.sh" mmdebstrap
    command -v mmdebstrap >/dev/null || give_up "they need mmdebstrap: install your system's package"
    echo "make: installing compilers for other platforms in $cache/platforms" >&2
    rm -rf "$cache/platforms.part"
    { install && install_arm64; } >"$log" 2>&1 && mv "$cache/platforms.part" "$cache/platforms" ||
        { rm -rf "$cache/platforms.part"; give_up "$log says why"; }
fi
echo "$cache/platforms"
