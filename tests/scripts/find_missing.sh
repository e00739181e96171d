#!/bin/sh
# Prints which parts of `make test` this machine lacks something for, and says on stderr what that is. In CI, where a part
# that is not run is an error, it installs that first, where it may: Debian's packages, as root.
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
install_packages() {
    [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; } >&2
}
if ! has_lints; then
    if command -v rustup >/dev/null; then rustup component add rustfmt clippy >&2; else install_packages rustfmt rust-clippy; fi
    has_lints || lacks lint "cargo has no fmt or no clippy: rustup component add rustfmt clippy," \
        "or install your system's packages rustfmt and rust-clippy"
fi
if ! "$here/find_chromium.sh" >/dev/null; then
    install_packages chromium
    "$here/find_chromium.sh" >/dev/null || lacks viewer-test "no Chromium was found: install your system's package" \
        "chromium, or tell where one is by the variable CHROMIUM"
fi
# What single tests run, which do without elsewhere.
for tool in git:git unshare:util-linux mount:mount zsh:zsh fish:fish; do
    command -v "${tool%:*}" >/dev/null || install_packages "${tool#*:}"
done
echo $missing
[ -z "$missing" ] || [ "${CI:-}" != true ]
