#!/bin/sh
# Runs a command of a small Debian for aarch64 in qemu, with this tree at its own path: `enter_arm64.sh python3.14 x`.
# Programs that the command starts run in qemu, too: the kernel is told how, in a user namespace of the command alone.
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
root=$("$here/make_chroot.sh") || exit
mkdir -p "$root/arm64$tree" "$root/arm64/proc" "$root/arm64/dev" "$root/arm64/sys" "$root/arm64/tmp"
chmod 1777 "$root/arm64/tmp"
exec unshare --user --map-root-user --mount sh -c '
    root=$1 tree=$2
    shift 2
    elf="\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    mask="\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    mount -t binfmt_misc binfmt_misc "$root/mnt" &&
        printf "%s" ":qemu-aarch64:M::$elf:$mask:$root/usr/bin/qemu-aarch64:PF" >"$root/mnt/register" &&
        mount --bind "$tree" "$root/arm64$tree" && mount --rbind /proc "$root/arm64/proc" &&
        mount --rbind /dev "$root/arm64/dev" && mount --rbind /sys "$root/arm64/sys" &&
        exec chroot "$root/arm64" /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
            /bin/sh -c "cd \"\$1\" && shift && exec \"\$@\"" sh "$tree" "$@"
' sh "$root" "$tree" "$@"
