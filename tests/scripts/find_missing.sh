#!/bin/sh
# Prints the parts of `make test` that cannot run on this machine, and on stderr what they lack. In CI a part that does
# not run is an error, so there the script first tries to install what is missing: Debian's packages, as root.
here=$(dirname "$0")
missing=
lacks() {
    part=$1
    shift
    missing="$missing $part"
    echo "make: $part is not run: $*" >&2
}
has_lints() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
}
if ! has_lints; then
    if command -v rustup >/dev/null; then
        rustup component add rustfmt clippy >&2
    else
        "$here/install_packages.sh" rustfmt rust-clippy
    fi
    has_lints || lacks lint "cargo has no fmt or no clippy: rustup component add rustfmt clippy," \
        "or install your system's packages rustfmt and rust-clippy"
fi
if ! "$here/find_chromium.sh" >/dev/null; then
    "$here/install_packages.sh" chromium
    "$here/find_chromium.sh" >/dev/null || lacks viewer-test "no Chromium was found: install your system's package" \
        "chromium, or set the variable CHROMIUM to the path of one"
fi
# Single tests use these tools, and are skipped without them.
for tool in git:git unshare:util-linux mount:mount zsh:zsh fish:fish; do
    command -v "${tool%:*}" >/dev/null || "$here/install_packages.sh" "${tool#*:}"
done
echo $missing
[ -z "$missing" ] || [ "${CI:-}" != true ]
