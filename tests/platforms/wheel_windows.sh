#!/bin/sh
# Builds the package for CPython 3.13 on Windows, and installs it into the CPython of python_windows.sh by its pip,
# under wine. maturin is that of .venv/.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit
wheels=target/platforms/windows-wheels
program=$PWD/target/platforms/x86_64-pc-windows-gnu/debug/viztracer-merge.exe
"$here/python_windows.sh" && "$here/cargo.sh" x86_64-pc-windows-gnu build -p viztracer-merge || exit
rm -rf $wheels
VIZTRACER_MERGE_PROGRAM=$program "$here/cargo.sh" x86_64-pc-windows-gnu maturin --profile dev -i python3.13 \
    -o $wheels || exit
"$here/wine_python.sh" -m pip --disable-pip-version-check install -q --no-index --no-deps \
    --force-reinstall $wheels/*.whl
