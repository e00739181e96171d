#!/bin/sh
# Prints one line for each tool that this machine lacks for building the package, and fails if it lacks any.
# The argument is the output of find_pythons.sh.
status=0
lacks() {
    echo "make: $*" >&2
    status=1
}
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! version=$(rustc --version 2>/dev/null) || ! cargo --version >/dev/null 2>&1; then
    lacks "Rust is missing: install it as https://rustup.rs says, or your system's packages rustc and cargo"
else
    version=$(echo "$version" | cut -d ' ' -f 2)
    oldest=$(printf '%s\n' "$wanted" "${version%%-*}" | sort -V | head -n 1)
    [ "$oldest" = "$wanted" ] \
        || lacks "Rust $version is too old, $wanted is needed: install one as https://rustup.rs says"
fi
command -v cc >/dev/null || lacks "a C compiler is missing, which Rust links with: install your system's package gcc"
[ -n "$1" ] || lacks "no CPython from 3.10 to 3.15 that can make virtual environments with pip:" \
    "install your system's packages python3 and python3-venv"
exit $status
