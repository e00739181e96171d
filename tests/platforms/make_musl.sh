#!/bin/sh
# Prints the path of a directory with CPython 3.13 for musl, the C library of Alpine, and with musl itself. The script
# makes it if it is missing, in the user's cache: ten minutes. The sources and musl are those of Debian's distribution
# trixie, and libffi's that of a crate, which has its configure; zig compiles them. Removing the directory removes all
# of it.
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/viztracer-ring
made=$cache/musl
log=$cache/make_musl.log
give_up() {
    echo "make: musl is not tested: $*" >&2
    exit 1
}
# apt-get with lists of its own: those of the machine may name another distribution. The mirror may be a snapshot with
# an old index.
get() {
    apt-get -q -o "Dir::Etc::SourceList=$made/apt/sources.list" -o Dir::Etc::SourceParts=- \
        -o "Dir::State=$made/apt" -o "Dir::Cache=$made/apt/cache" -o Acquire::Check-Valid-Until=false "$@"
}
download() {
    mkdir -p "$made/apt/lists/partial" "$made/apt/cache/archives/partial" "$made/source" &&
        printf 'deb %s trixie main\ndeb-src %s trixie main\n' "$mirror" "$mirror" >"$made/apt/sources.list" &&
        get update && cd "$made/source" && get download musl &&
        get source --download-only --tar-only zlib python3.13
}
# Puts the source of libffi beside the others.
download_libffi() {
    mkdir -p "$made/source/crate/src" && cd "$made/source/crate" && touch src/lib.rs &&
        printf '[package]\nname = "none"\nedition = "2024"\n[dependencies]\nlibffi-sys = "=4.2.2"\n' >Cargo.toml &&
        cargo vendor -q vendored && mv vendored/libffi-sys/libffi "$made/source/libffi"
}
# Unpacks the source of a package: `unpack zlib`.
unpack() {
    mkdir "$made/source/$1" && cd "$made/source/$1" && tar -xf "$made/source/$1"_*.orig.tar.* --strip-components=1
}
# Compiles and installs what is in this directory, with these options of its configure. It must not see the libraries of
# the machine. What it would ask getaddrinfo(3) needs a network.
compile() {
    export CC="$here/zig_cc.sh" ZIG_TARGET=x86_64-linux-musl PKG_CONFIG_LIBDIR="$made/lib/pkgconfig"
    env CFLAGS="-fPIC -O2 -fno-sanitize=undefined -Wno-date-time" CPPFLAGS="-I$made/include" \
        LDFLAGS="-dynamic -L$made/lib -Wl,-dynamic-linker,$made/lib/ld-musl-x86_64.so.1" \
        ac_cv_buggy_getaddrinfo=no ./configure --prefix="$made" "$@" &&
        make -j "$(nproc)" && make install
}
# CPython's configure looks for a header of musl where zig has another one, and then knows no libc.
install() {
    download && dpkg-deb -x musl_*.deb musl &&
        mkdir -p "$made/lib" && cp musl/usr/lib/x86_64-linux-musl/libc.so "$made/lib/ld-musl-x86_64.so.1" &&
        unpack zlib && compile --static && download_libffi &&
        cd "$made/source/libffi" && compile --disable-shared --disable-docs --disable-multi-os-directory &&
        unpack python3.13 && sed -i 's/error unknown libc/define LIBC musl/' Misc/platform_triplet.c &&
        compile --without-ensurepip --disable-test-modules &&
        "$made/bin/python3.13" -c 'import ctypes, zlib' && rm -rf "$made/source" "$made/apt"
}
mkdir -p "$cache" && touch "$log" || give_up "$cache cannot be used"
exec 9>>"$log"
flock 9
if ! [ -f "$made/complete" ]; then
    mirror=$("$here/../scripts/find_mirror.sh")
    [ -n "$mirror" ] || give_up "apt has no address of Debian's packages"
    echo "make: compiling CPython for musl in $made" >&2
    rm -rf "$made"
    install >"$log" 2>&1 && touch "$made/complete" || give_up "$log says why"
fi
echo "$made"
