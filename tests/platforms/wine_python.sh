#!/bin/sh
# Runs the CPython of python_windows.sh under wine: `wine_python.sh -c 'print("hello")'`. What wine keeps of Windows,
# its registry among others, is in target/platforms/wine/: so this tree has a server of its own, which sees its files.
here=$(cd "$(dirname "$0")" && pwd)
platforms=$(cd "$here/../.." && pwd)/target/platforms
exec "$here/enter.sh" env WINEPREFIX="$platforms/wine" WINEDEBUG=-all WINEDLLOVERRIDES='mscoree=;mshtml=' \
    wine "$platforms/windows-python/python.exe" "$@"
