#!/bin/sh
# Prints the address from which apt gets this machine's own packages of Debian; nothing if it has none.
command -v apt-get >/dev/null || exit 1
apt-get indextargets --format '$(ORIGIN)/$(LABEL) $(SITE)' 'Identifier: Packages' | sed -n 's|^Debian/Debian ||p' |
    head -n 1
