"""`viztracer --attach` without a gdb that could do it, before CPython 3.14."""

import os
import sys

import pytest
from test_attach import attach, is_alive, running

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="needs no gdb")

# Stands for a gdb that does not know the registers of the processor.
OLD_GDB = """#!/bin/sh
touch used
case "$*" in *" --pid "*) touch attached ;; esac
echo "Couldn't write extended state status: Bad address." >&2
"""


def test_without_gdb(sandbox):
    with running(sandbox) as process:
        done = attach(sandbox, process, env={**os.environ, "PATH": "/nonexistent"})
        assert done.returncode == 1
        assert done.stderr.startswith("viztracer: --attach needs gdb with CPython before 3.14, and there is none:")
        assert is_alive(process)


def test_gdb_that_would_crash_the_process(sandbox):
    (sandbox.path / "gdb").write_text(OLD_GDB)
    (sandbox.path / "gdb").chmod(0o755)
    with running(sandbox) as process:
        path = f"{sandbox.path}{os.pathsep}{os.environ['PATH']}"
        done = attach(sandbox, process, env={**os.environ, "PATH": path})
        message = "viztracer: gdb does not know this processor, and would crash the process: install gdb 14 or later\n"
        assert (done.returncode, done.stderr) == (1, message)
        assert (sandbox.path / "used").exists() and not (sandbox.path / "attached").exists()
        assert is_alive(process)
