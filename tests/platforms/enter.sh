#!/bin/sh
# Runs a command in the directory that make_chroot.sh makes, with this tree at its own path: `enter.sh rustc --version`.
# It is the root directory of the command, which uses the network of this machine, the certificates that it trusts, and
# Cargo's packages. Mounts go away with the command. Needs root.
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
root=$("$here/make_chroot.sh") || exit
packages=${CARGO_HOME:-$HOME/.cargo}/registry
mkdir -p "$packages" "$root/root/.cargo/registry" "$root$tree"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
certificates=/etc/ssl/certs/ca-certificates.crt
[ ! -f $certificates ] || cp $certificates $root$certificates
exec unshare --mount --propagation private sh -c '
    root=$1 tree=$2 packages=$3
    shift 3
    mount --bind "$tree" "$root$tree" && mount --bind "$packages" "$root/root/.cargo/registry" &&
        mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" &&
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
            sh -c "cd \"\$1\" && shift && exec \"\$@\"" sh "$tree" "$@"
' sh "$root" "$tree" "$packages" "$@"
