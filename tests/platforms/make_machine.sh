#!/bin/sh
# Prints the path of a directory with qemu for a whole machine of aarch64, and with a kernel for it that has pages of
# 16 KiB. The script makes the directory if it is missing, in the user's cache, out of packages of Debian's unstable
# distribution: 500 MB, two minutes. Removing the directory removes all of it. Needs root.
here=$(dirname "$0")/../scripts
"$(dirname "$0")/make_chroot.sh" >/dev/null || exit
cache=${XDG_CACHE_HOME:-$HOME/.cache}/viztracer-ring
log=$cache/make_machine.log
give_up() {
    echo "make: a kernel with other pages is not tested: $*" >&2
    exit 1
}
exec 9>>"$log"
flock 9
unpack() {
    mmdebstrap --mode=root --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='APT::Install-Recommends "false"' "$@"
}
if ! [ -d "$cache/machine" ]; then
    mirror=$("$here/find_mirror.sh")
    [ -n "$mirror" ] || give_up "apt has no address of Debian's packages"
    command -v mmdebstrap >/dev/null || "$here/install_packages.sh" mmdebstrap
    command -v mmdebstrap >/dev/null || give_up "it needs mmdebstrap: install your system's package"
    echo "make: installing a machine of aarch64 in $cache/machine" >&2
    rm -rf "$cache/machine.part"
    {
        unpack --include=base-files,coreutils,dash,cpio,qemu-system-arm sid "$cache/machine.part" "$mirror" &&
            unpack --arch=arm64 --include='busybox-static,?name(^linux-binary-[0-9].*-arm64-16k$)' \
                sid "$cache/machine.part/arm64" "$mirror" &&
            cp "$cache"/machine.part/arm64/usr/lib/modules/*/vmlinuz "$cache/machine.part/kernel"
    } >"$log" 2>&1 && mv "$cache/machine.part" "$cache/machine" ||
        { rm -rf "$cache/machine.part"; give_up "$log says why"; }
fi
echo "$cache/machine"
