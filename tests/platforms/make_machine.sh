#!/bin/sh
# Prints the path of a directory with qemu for a whole machine of aarch64, and with a kernel for it that has pages of
# 16 KiB. The script makes the directory if it is missing, in the user's cache, out of packages of Debian's unstable
# distribution: 500 MB, two minutes. Removing the directory removes all of it. Needs root.
here=$(dirname "$0")/../scripts
"$(dirname "$0")/make_chroot.sh" >/dev/null || exit # and with it mmdebstrap
cache=${XDG_CACHE_HOME:-$HOME/.cache}/viztracer-ring
log=$cache/make_machine.log
exec 9>>"$log"
flock 9
unpack() {
    mmdebstrap --mode=root --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='APT::Install-Recommends "false"' "$@"
}
if ! [ -d "$cache/machine" ]; then
    mirror=$("$here/find_mirror.sh")
    [ -n "$mirror" ] || { echo "make: apt has no address of Debian's packages" >&2; exit 1; }
    echo "make: installing a machine of aarch64 in $cache/machine" >&2
    rm -rf "$cache/machine.part"
    {
        unpack --include=base-files,coreutils,dash,cpio,qemu-system-arm sid "$cache/machine.part" "$mirror" &&
            unpack --arch=arm64 --include='busybox-static,?name(^linux-binary-[0-9].*-arm64-16k$)' \
                sid "$cache/machine.part/arm64" "$mirror" &&
            cp "$cache"/machine.part/arm64/usr/lib/modules/*/vmlinuz "$cache/machine.part/kernel"
    } >"$log" 2>&1 && mv "$cache/machine.part" "$cache/machine" ||
        { rm -rf "$cache/machine.part"; echo "make: $log says why that failed" >&2; exit 1; }
fi
echo "$cache/machine"
