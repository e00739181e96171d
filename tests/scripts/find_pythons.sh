#!/bin/sh
# Prints VERSION=PATH of one CPython for each minor version from 3.10 to 3.15 on this machine, newest first. PyO3 0.30
# supports these versions. The script runs each candidate as a check: `python3` may be a pyenv shim without a Python,
# a system's Python may lack venv, and free-threaded builds are not supported yet. The cache is that of
# install_pythons.sh.
usable='
import ensurepip, sys, sysconfig, venv
with_gil = not sysconfig.get_config_var("Py_GIL_DISABLED")
wanted = sys.implementation.name == "cpython" and with_gil and "%d.%d" % sys.version_info[:2] == sys.argv[1]
print(sys.executable) if wanted else sys.exit(1)
'
cache=${XDG_CACHE_HOME:-$HOME/.cache}/viztracer-ring
for minor in 15 14 13 12 11 10; do
    version=3.$minor
    for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python3 "python$version" python3 \
        "$cache/python$version/usr/bin/python$version"; do
        path=$("$python" -c "$usable" "$version" 2>/dev/null) && echo "$version=$path" && break
    done
done
