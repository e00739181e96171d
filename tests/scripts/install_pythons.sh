#!/bin/sh
# Installs CPython versions that this machine lacks: `install_pythons.sh 3.14 3.15`. It does so in CI only, as root, and
# takes the packages of Debian's unstable distribution. Each version gets a directory in the user's cache, where
# find_pythons.sh finds it. The packages of the system stay as they are. If a version cannot be installed, the script
# prints the reason and exits with 0: `make test` then names the version, and fails in CI.
here=$(dirname "$0")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/viztracer-ring
log=$cache/install_pythons.log

# Prints the named versions that find_pythons.sh does not find.
find_missing() {
    found=$("$here/find_pythons.sh")
    for version; do
        echo "$found" | grep -q "^$version=" || echo "$version"
    done
}
give_up() {
    echo "make: not tested:" $missing "($*)" >&2
    exit 0
}
has_tools() {
    command -v mmdebstrap && command -v patchelf && command -v flock
}
# Unpacks version $1 and the libraries that it needs into $2. The mirror may be a snapshot with an old index.
unpack() {
    timeout --foreground 600 mmdebstrap --variant=extract --mode=root --aptopt='Acquire::Check-Valid-Until "false"' \
        --include="python$1-dev,python$1-venv" sid "$2" "$mirror"
}
# Compiles the standard library of version $1, which is unpacked in $2 and will be in $3, as dpkg would. Otherwise each
# start may compile it again, and VizTracer complains of what it cannot instrument there.
compile() {
    PYTHONHOME=$2/usr "$2/$libraries/${loader##*/}" --library-path "$2/$libraries" "$2/usr/bin/python$1" \
        -m compileall -q -s "$2" -p "$3" "$2/usr/lib/python$1"
}
# Prepares version $1, which is unpacked in $2, to run in $3, with the C library, pip and headers that are beside it.
relocate() {
    program=$2/usr/bin/python$1
    loader=$(patchelf --print-interpreter "$program") || return
    libraries=$(cd "$2" && echo usr/lib/*-linux-gnu)
    patchelf --force-rpath --set-rpath "$3/$libraries" --set-interpreter "$3/$libraries/${loader##*/}" "$program" &&
        ln -s "../${libraries##*/}" "$2/usr/include/python$1/" &&
        sed -i "s|'WHEEL_PKG_DIR': '/usr/|'WHEEL_PKG_DIR': '$3/usr/|" "$2/usr/lib/python$1"/_sysconfigdata*.py &&
        compile "$@"
}
# A directory gets its name when it is complete, so that an interrupted installation leaves nothing that is used.
install() {
    rm -rf "$cache/part" "$cache/python$1" &&
        unpack "$1" "$cache/part" && relocate "$1" "$cache/part" "$cache/python$1" &&
        mv "$cache/part" "$cache/python$1"
}

missing=$(find_missing "$@")
[ -n "$missing" ] && [ "${CI:-}" = true ] || exit 0
[ "$(id -u)" = 0 ] || give_up "only root can install them"
command -v apt-get >/dev/null || give_up "they come from packages of Debian, and this machine has no apt-get"
mirror=$("$here/find_mirror.sh")
[ -n "$mirror" ] || give_up "apt has no address of Debian's packages"
has_tools >/dev/null || "$here/install_packages.sh" mmdebstrap patchelf util-linux
has_tools >/dev/null || give_up "they need mmdebstrap, patchelf and flock"
mkdir -p "$cache" && touch "$log" || give_up "$cache cannot be used"
exec 9>>"$log"
flock 9
: >"$log"
missing=$(find_missing "$@")  # another run may have installed them
for version in $missing; do
    echo "make: installing CPython $version in $cache/python$version" >&2
    install "$version" >&9 2>&1 || rm -rf "$cache/part"
done
missing=$(find_missing "$@")
[ -z "$missing" ] || give_up "$log says why"
