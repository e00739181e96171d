#!/bin/sh
# Builds the package for CPython 3.14 on aarch64, and installs it with pytest in target/platforms/arm64-env/, a virtual
# environment for enter_arm64.sh. maturin is that of .venv/, and so is pip.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit
env=target/platforms/arm64-env
packages=$env/lib/python3.14/site-packages
pip=".venv/bin/python -m pip --disable-pip-version-check -q"
wheels=target/platforms/wheels
program=$PWD/target/platforms/aarch64-unknown-linux-gnu/debug/viztracer-merge
"$here/cargo.sh" aarch64-unknown-linux-gnu build -p viztracer-merge || exit
rm -rf $wheels
VIZTRACER_MERGE_PROGRAM=$program "$here/cargo.sh" aarch64-unknown-linux-gnu maturin --profile dev -i python3.14 \
    --auditwheel skip -o $wheels || exit
[ -x $env/bin/python ] || "$here/enter_arm64.sh" python3.14 -m venv --without-pip $env || exit
if ! [ -d $packages/pytest ]; then
    $pip install --target $packages -c tests/requirements/constraints.txt pytest pytest-timeout || exit
fi
rm -rf target/platforms/arm64-wheel
$pip install --no-deps --no-compile --only-binary=:all: --implementation cp --python-version 3.14 \
    --platform linux_aarch64 --target target/platforms/arm64-wheel $wheels/*.whl || exit
cp -a target/platforms/arm64-wheel/. $packages/
# pip puts the commands of a target directory beside its packages, and has them start the Python that pip runs in.
for command in target/platforms/arm64-wheel/bin/*; do
    sed "1s|^#!.*|#!$PWD/$env/bin/python|" "$command" >"$env/bin/$(basename "$command")"
    chmod +x "$env/bin/$(basename "$command")"
done
