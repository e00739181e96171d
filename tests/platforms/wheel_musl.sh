#!/bin/sh
# Builds the package for CPython 3.13 with musl, installs it with pytest into target/platforms/musl-env/, a virtual
# environment of that CPython, and tries it. pip is that of .venv/.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit
env=target/platforms/musl-env
packages=$env/lib/python3.13/site-packages
pip=".venv/bin/python -m pip --disable-pip-version-check -q"
wheels=target/platforms/musl-wheels
python=$("$here/make_musl.sh")/bin/python3.13 || exit
PROFILE=dev packaging/wheels/foreign.sh x86_64-unknown-linux-musl 3.13 $wheels || exit
rm -rf $env
"$python" -m venv --without-pip $env || exit
$pip install --target $packages -c tests/requirements/constraints.txt pytest pytest-timeout &&
    $pip --python $env/bin/python install --no-index --no-compile $wheels/*.whl || exit
tests/wheels/try_wheel.sh $env
