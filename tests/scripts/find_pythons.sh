#!/bin/sh
# Prints VERSION=PATH of one CPython for each minor version from 3.10 to 3.13 that this machine has, oldest first.
# A candidate is run before it is believed: `python3` may be a pyenv shim that starts nothing, and a system's Python may
# lack what makes a virtual environment.
usable='
import ensurepip, sys, sysconfig, venv
with_gil = not sysconfig.get_config_var("Py_GIL_DISABLED")
wanted = sys.implementation.name == "cpython" and with_gil and "%d.%d" % sys.version_info[:2] == sys.argv[1]
print(sys.executable) if wanted else sys.exit(1)
'
for version in 3.10 3.11 3.12 3.13; do
    for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python3 "python$version" python3; do
        path=$("$python" -c "$usable" "$version" 2>/dev/null) && echo "$version=$path" && break
    done
done
