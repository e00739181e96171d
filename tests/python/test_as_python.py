"""A program under `viztracer` sees, prints and ends the same as under `python`.

Every case runs three times: by `python`, by `viztracer` and by `python -m viztracer`; stdout, stderr and the exit
status must be the same to the byte, except for addresses of objects.
"""

import os
import py_compile
import re
import shutil
import sys
import zipapp
import zipfile

import pytest
import tree
from conftest import BIN

# What a main module can find out about how it was started.
ITSELF = """
import sys, threading
for name, value in [*globals().items()]:
    print(name, type(value) if name == "__builtins__" else value)
print(__name__, globals() is vars(sys.modules["__main__"]), locals() is globals(), "__mp_main__" in sys.modules)
print(sys.argv, sys.path, sys.flags, sys.warnoptions, sys.executable, sys.getrecursionlimit(), sep="\\n")
print(sys._getframe().f_back, len(sys._current_frames()), threading.enumerate(), threading.main_thread().ident > 0)
"""
DEPTH = """
import sys
def depth(n):
    try:
        return depth(n + 1)
    except RecursionError:
        return n
"""

# From 3.14 on, C code may recurse as deep as the stack of the thread allows, which depends on what is below.
C_RECURSION = (
    "def nests(n):\n    x = []\n    for _ in range(n): x = [x]\n    try: repr(x); return True\n"
    "    except RecursionError: return False\n"
)
if sys.version_info >= (3, 14):
    C_RECURSION += "print(nests(1_000), nests(200_000))\n"
else:
    C_RECURSION += (
        "low, high = 0, 200000\nwhile high - low > 1:\n    middle = (low + high) // 2\n"
        "    low, high = (middle, high) if nests(middle) else (low, middle)\nprint(low)\n"
    )

# Sources of scripts, by what they try.
SCRIPTS = {
    "itself": ITSELF,
    "frames below": "import sys\ntry: sys._getframe(1)\nexcept ValueError as error: print(error)\n",
    "stack": "import traceback\ndef f(): traceback.print_stack()\nf()\n",
    "inspect stack": (
        "import inspect\ndef f(): print([(i.function, i.lineno, i.filename) for i in inspect.stack()])\n"
        "f()\n"
    ),
    "warning of the caller": "import warnings\ndef f(): warnings.warn('mine', stacklevel=2)\nf()\n",
    "warning from beyond": "import warnings\nwarnings.warn('mine', stacklevel=7)\n",
    "faulthandler": (
        "import faulthandler, sys\ndef f(): faulthandler.dump_traceback(sys.stderr, all_threads=True)\n"
        "f()\n"
    ),
    "frames of a signal": (
        "import signal, time\ndef handler(number, frame):\n"
        "    while frame: print(frame.f_code.co_name); frame = frame.f_back\n"
        "signal.signal(signal.SIGALRM, handler)\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(0.2)\n"
    ),
    "caller of a log line": (
        "import logging\nlogging.basicConfig(format='%(funcName)s %(lineno)d %(pathname)s')\n"
        "def f(): logging.warning('a'); logging.warning('b', stacklevel=2)\nf()\n"
    ),
    "recursion": DEPTH + "print(depth(0))\n",
    "recursion with a low limit": DEPTH + "sys.setrecursionlimit(40)\nprint(depth(0), sys.getrecursionlimit())\n",
    "recursion with a high limit": DEPTH + "sys.setrecursionlimit(5000)\nprint(depth(0), sys.getrecursionlimit())\n",
    "recursion in a thread": DEPTH + (
        "import threading\nthread = threading.Thread(target=lambda: print(depth(0)))\nthread.start(); thread.join()\n"
    ),
    "recursion at exit": DEPTH + "import atexit\natexit.register(lambda: print(depth(0)))\n",
    "recursion error": "def f(): f()\nf()\n",
    "recursion of C code": C_RECURSION,
    "syntax error": "x = 1\ndef f(:\n",
    "indentation error": "if True:\nx = 1\n",
    "syntax error of a module": "import bad\n",
    "null byte": "x = 1\0\n",
    "exception": "def f(n):\n    1 / n\nf(0)\n",
    "chained exceptions": (
        "def f():\n    try: {}['a']\n    except KeyError as error: raise ValueError('b') from error\n"
        "try: f()\nfinally: print('finally')\n"
    ),
    "traceback by hand": (
        "import traceback, sys\ndef f(): 1 / 0\ntry: f()\nexcept ZeroDivisionError:\n"
        "    traceback.print_exc()\n    print(len(traceback.extract_tb(sys.exc_info()[2])))\n"
    ),
    "no annotations of ours": "def f(a: not_defined): pass\n",
    "annotations of the future": "from __future__ import annotations\ndef f(a: b): pass\nprint(f.__annotations__)\n",
    "compile": (
        "import sys\n"
        "exec(compile('print(__name__, sys._getframe().f_code.co_flags & 0xfff0000)', 'x', 'exec'))\n"
    ),
    "annotations of the module": "a: int = 1\nprint(__annotations__)\n",
    "exit with a number": "import sys\nsys.exit(3)\n",
    "exit with a large number": "import sys\nsys.exit(300)\n",
    "exit with text": "import sys\nsys.exit('a reason')\n",
    "exit with nothing": "raise SystemExit\n",
    "exit with a tuple": "raise SystemExit((1, 2))\n",
    "exit with True": "raise SystemExit(True)\n",
    "exit with a class of its own": "class E(SystemExit): pass\nraise E(5)\n",
    "exit by site": "exit(4)\n",
    "exit without flushing": "import os\nprint('lost?', flush=True)\nos._exit(6)\n",
    "exit by a signal": "import os, signal\nos.kill(os.getpid(), signal.SIGUSR2)\n",
    "interrupt": "def f(): raise KeyboardInterrupt('now')\nf()\n",
    "interrupt of its own class": "class K(KeyboardInterrupt): pass\nraise K\n",
    "interrupt with an excepthook": "import sys\nsys.excepthook = lambda *a: print(a[:2])\nraise KeyboardInterrupt\n",
    "interrupt at exit": "import atexit\ndef f(): raise KeyboardInterrupt\natexit.register(f)\n",
    "excepthook": (
        "import sys, traceback\n"
        "def hook(kind, error, tb): print(kind, error, len(traceback.extract_tb(tb)), __file__)\n"
        "sys.excepthook = hook\n1 / 0\n"
    ),
    "excepthook that fails": "import sys\ndef hook(*a): 2 / 0\nsys.excepthook = hook\n1 / 0\n",
    "excepthook that exits": "import sys\ndef hook(*a): sys.exit(9)\nsys.excepthook = hook\n1 / 0\n",
    "excepthook that is gone": "import sys\ndel sys.excepthook\n1 / 0\n",
    "no stderr": "import sys\nsys.stderr = None\n1 / 0\n",
    "last exception": (
        "import atexit, sys\n"
        "atexit.register(lambda: print(sys.last_type, sys.last_value, sys.last_traceback.tb_next))\n1/0\n"
    ),
    "atexit": (
        "import atexit, sys\nfor n in range(3): atexit.register(print, n)\n"
        "def f(): print('__file__' in globals(), sys._getframe().f_back); raise ValueError('at exit')\n"
        "atexit.register(f)\natexit.register(sys.exit, 7)\nprint('done')\n"
    ),
    "atexit in atexit": "import atexit\natexit.register(lambda: atexit.register(print, 'late'))\n",
    "threads after main": (
        "import threading\ndef f(): threading.main_thread().join(); print('thread', __name__)\n"
        "threading.Thread(target=f).start()\nprint('main')\n"
    ),
    "exception in a thread": (
        "import threading\ndef f(): 1 / 0\nt = threading.Thread(target=f, name='mine')\nt.start(); t.join()\n"
        "print('on')\n"
    ),
    "threading hook": (
        "import threading\nthreading.excepthook = lambda a: print(a.exc_type, a.thread.name)\n"
        "t = threading.Thread(target=lambda: 1 / 0, name='mine')\nt.start(); t.join()\n"
    ),
    "executor at exit": (
        "from concurrent.futures import ThreadPoolExecutor as P\np = P(1)\np.submit(print, 'ran').result()\n"
        "print('main')\n"
    ),
    "finalizers": "class C:\n    def __del__(self): print('gone')\nc = C()\nprint('done')\n",
    "finalizer that fails": "class C:\n    def __del__(self): 1 / 0\nc = C()\ndel c\n",
    "finalizer at exit that fails": "class C:\n    def __del__(self): 1 / 0\nc = C()\n",
    "weakref finalize": "import weakref\nclass C: pass\nc = C()\nweakref.finalize(c, print, 'finalized')\n",
    "closed stdout": "import sys\nprint('last')\nsys.stdout.close()\n",
    "stdout that fails": "import os\nprint('x')\nos.close(1)\n",
    "task that fails": (
        "import asyncio\nasync def f(): 1 / 0\nasync def main():\n    t = asyncio.create_task(f(), name='t')\n"
        "    await asyncio.sleep(0)\n    await asyncio.sleep(0)\nasyncio.run(main())\n"
    ),
    "forked child that ends": (
        "import os\npid = os.fork()\nif pid: print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "else: print('child')\n"
    ),
    "forked child that exits": (
        "import os, sys\npid = os.fork()\nif not pid: sys.exit(5)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    ),
    "forked child that raises": (
        "import os\npid = os.fork()\nif not pid: 1 / 0\nprint(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    ),
    "pickle": (
        "import pickle\nclass C: pass\nd = pickle.dumps(C())\n"
        "print(b'__main__' in d, type(pickle.loads(d)) is C)\n"
    ),
    "spawn": (
        "import multiprocessing as m\nclass C: pass\n"
        "def f(c): print(type(c).__qualname__, __name__, __file__, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    p = m.get_context('spawn').Process(target=f, args=(C(),)); p.start(); p.join()\n"
        "    print(p.exitcode)\n"
    ),
    "pool": (
        "import multiprocessing as m\ndef f(n): return n * n\n"
        "if __name__ == '__main__':\n    with m.get_context('fork').Pool(2) as p: print(p.map(f, range(5)))\n"
    ),
    "own source": (
        "import inspect, linecache\ndef f():\n    return 1\n"
        "print(inspect.getsource(f), linecache.getline(__file__, 1))\n"
    ),
    "own module": (
        "import __main__, inspect\ndef f(): pass\n"
        "print(__main__.f is f, inspect.getmodule(f), f.__module__)\n"
    ),
    "argparse": "import argparse\nargparse.ArgumentParser().parse_args(['--wrong'])\n",
    "unittest": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): 1 / 0\n"
        "unittest.main(argv=['t', 'T.wrong'])\n"
    ),
    "doctest": "'''\n>>> 1 + 1\n3\n'''\nimport doctest\nprint(doctest.testmod())\n",
    "run_path": (
        "import runpy\nopen('other.py', 'w').write('print(__name__, __file__)')\n"
        "runpy.run_path('other.py', run_name='o')\n"
    ),
    "context": "import contextvars, sys\nprint(len(contextvars.copy_context()), sys.exc_info(), sys.gettrace())\n",
    "import of a neighbour": "import near\nprint(near.__file__, near.__spec__)\n",
    "settrace": (
        "import sys\ndef f(): return 1\nsys.settrace(lambda f, e, a: print(e, f.f_code.co_name))\nf()\n"
        "sys.settrace(None)\n"
    ),
}
# Files beside every script.
FILES = {
    "near.py": "NAME = __name__\n",
    "bad.py": "def f(:\n",
    "module.py": ITSELF,
    "raises.py": "def f(): raise ValueError('module')\nf()\n",
    "interrupted.py": "raise KeyboardInterrupt\n",
    "package/__init__.py": "import sys\nprint('package', sys.argv)\n",
    "package/__main__.py": ITSELF + "from . import part\n",
    "package/part.py": ITSELF,
    "empty/__init__.py": "",
    "spawns.py": SCRIPTS["spawn"],
    "app/__main__.py": ITSELF + "import inside\nprint(inside.__file__)\n" + DEPTH + "print(depth(0))\n1 / 0\n",
    "app/inside.py": "",
    "code.py": ITSELF + "import near\n1 / 0\n",
    "latin.py": "# coding: latin-1\nprint('ä', ascii('ä'))\n".encode("latin-1"),
    "bom.py": "\ufeffprint('ä', __doc__)\n".encode(),
    "wrong_encoding.py": "print('ä')\n".encode("latin-1"),
    "unknown_encoding.py": b"# coding: no-such\n",
    "crlf.py": b"'''doc'''\r\nprint(__doc__)\r\n1 / 0\r\n",
    "magic.pyc": b"\0" * 40,
    "truncated.pyc": b"",
    "no_suffix": ITSELF,
}
# Other ways to name a program: arguments, and what else is special.
COMMANDS = {
    "script with arguments": ["module.py", "a", "-b", "--c=d"],
    "script by another path": ["./package/../module.py"],
    "script without suffix": ["no_suffix"],
    "script behind a link": ["links/link.py"],
    "script behind two links": ["links/again.py"],
    "directory behind a link": ["links/app"],
    "code": ["-c", ITSELF, "a"],
    "code that imports a neighbour": ["-c", "import near; print(near.NAME, near.__file__)"],
    "code that raises": ["-c", "def f():\n    1 / 0\nf()"],
    "code with a syntax error": ["-c", "x = 1\nx +"],
    "code with a cookie": ["-c", "# coding: latin-1\nprint(ascii('ä'))"],
    "code that recurses": ["-c", DEPTH + "print(depth(0))"],
    "code that is interrupted": ["-c", "raise KeyboardInterrupt"],
    "module": ["-m", "module", "a"],
    "module of the library": ["-m", "json.tool", "no-such-file"],
    "module in a package": ["-m", "package.part"],
    "package": ["-m", "package", "a"],
    "package without main": ["-m", "empty"],
    "module that is missing": ["-m", "no_such"],
    "module that is missing in a package": ["-m", "package.no_such"],
    "module that raises": ["-m", "raises"],
    "module that is interrupted": ["-m", "interrupted"],
    "module that spawns": ["-m", "spawns"],
    "module with a syntax error": ["-m", "bad"],
    "directory": ["app", "a"],
    "directory with a slash": ["app/"],
    "directory without main": ["empty"],
    "zip application": ["app.pyz", "a"],
    "zip file": ["app.zip"],
    "zip file without main": ["empty.zip"],
    "byte code": ["code.pyc", "a"],
    "byte code without suffix": ["code"],
    "byte code of another version": ["magic.pyc"],
    "byte code that is empty": ["truncated.pyc"],
    "encoding": ["latin.py"],
    "byte order mark": ["bom.py"],
    "wrong encoding": ["wrong_encoding.py"],
    "unknown encoding": ["unknown_encoding.py"],
    "carriage returns": ["crlf.py"],
}
STDIN = {
    "itself": ITSELF,
    "exception": "def f():\n    1 / 0\nf()\n",
    "rest of it": "import sys\nprint(sys.stdin.read())\n",
    "syntax error": "x = (\n",
}
# Options of the interpreter, and what it finds in the environment.
INTERPRETERS = {
    "-O": (["-OO"], {}),
    "-W": (["-W", "error"], {}),
    "-X dev": (["-X", "dev"], {}),
    "-I": (["-I"], {}),
    "-s -B": (["-sB"], {}),
    "PYTHONSAFEPATH": ([], {"PYTHONSAFEPATH": "1"}),
    "PYTHONPATH": ([], {"PYTHONPATH": "package"}),
    "PYTHONWARNINGS": ([], {"PYTHONWARNINGS": "always"}),
}
if sys.version_info >= (3, 15):
    INTERPRETERS["PYTHON_LAZY_IMPORTS"] = ([], {"PYTHON_LAZY_IMPORTS": "all"})


@pytest.fixture
def place(sandbox):
    """The sandbox, with all the programs in it."""
    for name, source in FILES.items():
        path = sandbox.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
    zipapp.create_archive(sandbox.path / "app")
    shutil.copy(sandbox.path / "app.pyz", sandbox.path / "app.zip")
    with zipfile.ZipFile(sandbox.path / "empty.zip", "w") as file:
        file.writestr("nothing.py", "")
    py_compile.compile(str(sandbox.path / "code.py"), str(sandbox.path / "code.pyc"))
    shutil.copy(sandbox.path / "code.pyc", sandbox.path / "code")
    links = sandbox.path / "links"
    links.mkdir()
    (links / "link.py").symlink_to("../code.py")
    (links / "again.py").symlink_to("link.py")
    (links / "app").symlink_to("../app")
    return sandbox


def compare(sandbox, *arguments, interpreter=(), env=None, recorded=True, **options):
    """Runs the program in three ways; all must do the same, and the tracer must have recorded it."""
    options |= {"env": os.environ | (env or {})}
    expected = outcome(sandbox.python(*interpreter, *arguments, **options))
    commands = [[sys.executable, *interpreter, "-m", "viztracer"]]
    if not interpreter:
        commands.append([BIN / "viztracer"])
    mode, words = (arguments[:2], arguments[2:]) if arguments[0] in ("-c", "-m") else ((), arguments)
    for command in commands:
        done = sandbox.run(*command, "--quiet", "-o", sandbox.path / "traced.json", *mode, "--", *words, **options)
        assert outcome(done) == expected
        if recorded:
            assert tree.spans(sandbox.report("traced.json"))
            (sandbox.path / "traced.json").unlink()


def outcome(done):
    """What is compared of a process."""
    return done.returncode, anonymous(done.stdout), anonymous(done.stderr)


def anonymous(text):
    """Text without addresses of objects, numbers and system names of threads, and durations.

    From 3.14 on, `faulthandler` prints the name: that of the command by which the process was started.
    """
    return re.sub(r"0x[0-9a-f]+|(?<=started )\d+|\d\.\d\d\ds|\[(python[\d.]*|viztracer)\]", "", text)


@pytest.mark.parametrize("what", SCRIPTS)
def test_script(place, what):
    place.script(SCRIPTS[what])
    compare(place, "script.py", recorded=what not in ("exit without flushing", "exit by a signal"))


@pytest.mark.parametrize("what", COMMANDS)
def test_command(place, what):
    compare(place, *COMMANDS[what], recorded="wrong" not in what and "unknown" not in what and "syntax" not in what)


@pytest.mark.parametrize("what", STDIN)
def test_stdin(place, what):
    """Under `python`, the program may also come without a name: `viztracer` needs the dash."""
    compare(place, "-", input=STDIN[what])


@pytest.mark.parametrize("what", INTERPRETERS)
@pytest.mark.parametrize("command", [["module.py"], ["-m", "package.part"], ["-c", ITSELF], ["app"]])
def test_interpreter(place, command, what):
    interpreter, env = INTERPRETERS[what]
    compare(place, *command, interpreter=interpreter, env=env)


def test_script_by_its_absolute_path_from_elsewhere(place):
    compare(place, place.path / "code.py", cwd="/")


OUTER = """
import runpy, sys
sys.argv = ["viztracer", "-o", "r.json", "inner.py"]
try: runpy.run_module("viztracer", run_name="__main__", alter_sys=True)
except BaseException as error: print("came back", repr(error))
"""


@pytest.mark.parametrize(
    ("end", "told"),
    [("", "SystemExit(0)"), ("import sys; sys.exit(3)", "SystemExit(3)"), ("1 / 0", "ZeroDivisionError('")],
)
def test_inside_of_other_code(sandbox, end, told):
    """As with `coverage run -m viztracer`, which writes its data when the command is over."""
    sandbox.script(f"def f(): pass\nf()\n{end}\n", "inner.py")
    done = sandbox.python(sandbox.script(OUTER))
    assert (done.returncode, done.stderr) == (0, "") and f"came back {told}" in done.stdout
    assert "f (" in str(tree.spans(sandbox.report("r.json")))


def test_recorded_at_exit(sandbox):
    """As in children, what runs when the program is over is recorded: functions, threads and what waits for them."""
    path = sandbox.script(
        "import atexit, threading, time\n"
        "def farewell(): time.sleep(0.01)\n"
        "def thread(): time.sleep(0.1); after()\n"
        "def after(): pass\n"
        "atexit.register(farewell)\n"
        "threading.Thread(target=thread).start()\n"
    )
    source = (sandbox.path / "script.py").read_text()
    for ending in ("", "import sys; sys.exit()\n", "1 / 0\n"):
        sandbox.script(source + ending)
        sandbox.viztracer("--quiet", "-o", "traced.json", "script.py")
        spans = {event["name"]: event for event in tree.spans(sandbox.report("traced.json"))}
        farewell, main = spans[f"farewell ({path}:2)"], spans[f"<module> ({path}:1)"]
        assert farewell["ts"] >= main["ts"] + main["dur"]
        assert f"after ({path}:4)" in spans
        assert any(name.startswith("_shutdown (") for name in spans)
        assert farewell["ts"] >= spans["builtins.exec"]["ts"] + spans["builtins.exec"]["dur"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before, the tracer imports threading, whose end is recorded")
def test_nothing_of_ours_is_recorded(sandbox):
    report = sandbox.trace("-c", "pass")
    assert sorted(event["name"] for event in tree.spans(report)) == ["<module> (<string>:1)", "builtins.exec"]
