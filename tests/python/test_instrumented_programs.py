"""The program itself, its modules and its children are instrumented, and run as they do without."""

import ast
import json
import os
import sys
from pathlib import Path

import pytest
from conftest import BIN

# Lets every process list its own events.
LISTED = """
import builtins, json, sys
from listing_tracer import ListingTracer
tracer = builtins.__viz_tracer__ = ListingTracer()

def show(name):
    values = [event[1].rpartition(" ")[2] for event in tracer.events]
    print(json.dumps([name, values, sys.argv, sys.path[0], __spec__ and __spec__.name]), flush=True)
"""


@pytest.fixture
def run(sandbox):
    """run(*arguments) -> what a process printed that runs the command with these arguments."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}

    def run(*arguments, status=0):
        done = sandbox.viztracer("--quiet", "-o", "out.json", *arguments, env=environment)
        assert done.returncode == status, done.stderr
        return done

    return run


def listed(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_program_and_its_modules(sandbox, run):
    sandbox.script("a = 'module'\n", "module.py")
    sandbox.script(f"{LISTED}\na = 1\nimport module\nassert __name__ == '__main__'\nshow('main')\n")
    done = run("--log_var", "a", "--", "script.py", "x")
    assert listed(done) == [["main", ["1", "'module'"], ["script.py", "x"], str(sandbox.path), None]]
    assert not (sandbox.path / "__pycache__").exists()
    assert "ast.py" not in (sandbox.path / "out.json").read_text(), "what instruments is not in the trace"


@pytest.mark.parametrize("module", ["__main__", "script", "package", "package.inner", "inner"])
def test_filters_of_warnings_that_name_the_module(sandbox, module):
    """From 3.15 on, a filter compares its name with that of the module; before, with that of the file."""
    source = "a = 1\nif a is 1 or 'x' is a: pass\n"
    (sandbox.path / "package").mkdir()
    for name in ("package/__init__.py", "package/inner.py", "script.py"):
        sandbox.script(f"{source}import package.inner\n" if name == "script.py" else source, name)
    environment = os.environ | {"PYTHONWARNINGS": f"ignore,error::SyntaxWarning:{module}"}
    statuses = [
        sandbox.run(*command, "script.py", env=environment).returncode
        for command in ([sys.executable], [BIN / "viztracer", "--quiet", "-o", "out.json", "--log_var", "a", "--"])
    ]
    assert statuses[0] == statuses[1]


def test_program_is_the_outermost_code(sandbox, run):
    sandbox.script("import sys\nassert sys._getframe().f_back is None\nprint(__file__, type(__loader__).__name__)\n")
    done = run("--log_var", "a", "--", "script.py")
    assert done.stdout == f"{sandbox.path}/script.py SourceFileLoader\n"


def test_module_as_the_program(sandbox, run):
    sandbox.script(f"{LISTED}\na = 1\nshow('main')\n", "module.py")
    done = run("--log_var", "a", "-m", "module")
    assert listed(done) == [["main", ["1"], [str(sandbox.path / "module.py")], str(sandbox.path), "module"]]


CHILDREN = f"""{LISTED}
import multiprocessing, subprocess
a = 1

def work(how):
    global a
    a = how
    show("worker")

if __name__ == "__main__":
    if sys.argv[1:]:
        show("child")
    else:
        for command in ([sys.executable, "script.py", "x"], [sys.executable, "-m", "script", "x"]):
            subprocess.run(command, check=True)
        subprocess.run(f"{{sys.executable}} script.py x <&-", shell=True, check=True)
        for how in ("fork", "spawn", "forkserver"):
            process = multiprocessing.get_context(how).Process(target=work, args=(how,))
            process.start()
            process.join()
"""


def test_children_however_they_are_started(sandbox, run):
    path = sandbox.script(CHILDREN)
    processes = listed(run("--log_var", "a", "--", "script.py"))
    directory = str(sandbox.path)
    assert processes[:3] == [
        ["child", ["1"], ["script.py", "x"], directory, None],
        ["child", ["1"], [path, "x"], directory, "script"],
        ["child", ["1"], ["script.py", "x"], directory, None],
    ]
    # From 3.14 on, the server that forks runs the main module first. What it forks lists no more, as it gets a tracer.
    of_server = ["1"] if sys.version_info >= (3, 14) else ["1", "'forkserver'"]
    assert [process[:2] for process in processes[3:]] == [
        ["worker", ["1", "'fork'"]],
        ["worker", ["1", "'spawn'"]],
        ["worker", of_server],
    ]
    report = (sandbox.path / "out.json").read_text()
    assert ("a = 'forkserver'" in report) == (sys.version_info >= (3, 14))
    assert "work (" in report


def test_command_below_a_traced_program(sandbox, run):
    """It joins the run, as reloaders do that start their own command line again."""
    sandbox.script(f"{LISTED}\na = 1\nshow('inner')\n", "inner.py")
    sandbox.script(
        f"import subprocess\nsubprocess.run([{str(BIN / 'viztracer')!r}, '--', 'inner.py'], check=True)\n", "outer.py"
    )
    assert [process[:2] for process in listed(run("--log_var", "a", "--", "outer.py"))] == [["inner", ["1"]]]


@pytest.mark.parametrize(
    "source", ["a = = 1", "a = 1\n\nraise KeyError(a)", "import sys\na = 1\nsys.exit(7)", "\0", "\xff = 1"]
)
def test_ends_are_those_of_the_interpreter(sandbox, run, source):
    """Of the program, and of a child: messages, lines and exit status."""
    (sandbox.path / "script.py").write_bytes(source.encode("latin-1"))
    sandbox.script(
        "import subprocess, sys\nsys.exit(subprocess.run([sys.executable, 'script.py']).returncode)\n", "parent.py"
    )
    plain = sandbox.python("script.py")
    for program in ("script.py", "parent.py"):
        done = run("--log_var", "a", "--log_exception", "--", program, status=plain.returncode)
        assert (done.stdout, lines_of(done.stderr)) == (plain.stdout, lines_of(plain.stderr))


def lines_of(text):
    """The lines of a message, in which the path of the program may be relative or absolute."""
    return [line.rpartition("/")[2].replace('"script.py', "script.py") for line in text.splitlines() if "^" not in line]


WRITERS = """
import importlib.util, os, py_compile, sys
import pytest

here = os.getcwd()
py_compile.compile("written.py")
spec = importlib.util.spec_from_file_location("plugin", os.path.join(here, "plugin.py"))
spec.loader.exec_module(importlib.util.module_from_spec(spec))
assert not pytest.main(["-q", "-p", "no:cacheprovider", "test_rewritten.py"])
"""


def test_compiled_files_hold_the_program_as_it_is(sandbox, run):
    """What py_compile, another loader or pytest writes during a traced run is run later without a tracer."""
    for name in ("written", "plugin", "test_rewritten"):
        sandbox.script("def test_it():\n    a = 1\n    assert a == 1\n\ntest_it()\n", f"{name}.py")
    sandbox.script(WRITERS)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": ""}
    options = ["--log_var", "a", "--include_files", f"{sandbox.path}/", "-o", "out.json"]  # not all of pytest
    done = sandbox.viztracer(*options, "--", "script.py", env=environment)
    assert done.returncode == 0, done.stderr
    logged = [event["name"] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "i"]
    assert logged.count("Variable Assign - a = 1") == 3, "the plugin once, the test twice"
    compiled = list((sandbox.path / "__pycache__").iterdir())
    assert sorted(path.name.partition(".")[0] for path in compiled) == ["plugin", "test_rewritten", "written"]
    for path in compiled:
        plain = sandbox.python("-c", f"import marshal; exec(marshal.loads(open({str(path)!r}, 'rb').read()[16:]))")
        assert plain.returncode == 0, plain.stderr


LOADERS = """
import importlib.machinery, importlib.util, marshal, os, sys, types

class Inherits(importlib.machinery.SourceFileLoader):
    pass

class Reads(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        with open(importlib.util.cache_from_source(self.path), "rb") as file:
            return marshal.loads(file.read()[16:])

here = os.getcwd()
for loader in (importlib.machinery.SourceFileLoader, Inherits, Reads, Reads):
    name = loader.__name__.lower()
    path = os.path.join(here, f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path, loader=loader(name, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    print(module.a, module.__spec__.cached == importlib.util.cache_from_source(path))
"""
UNSEEN = "viztracer: --log_var and similar options do not see"
COMPILED_EARLIER = (
    "the program has read code that was compiled earlier; "
    "with PYTHONPYCACHEPREFIX set to an empty directory it is compiled anew"
)


def test_modules_that_were_compiled_before_the_run(sandbox):
    """They are compiled anew, or a line says that they are not instrumented."""
    for name in ("sourcefileloader", "inherits", "reads"):
        path = sandbox.script(f"a = '{name}'\n", f"{name}.py")
        assert sandbox.python("-m", "py_compile", path).returncode == 0
    compiled = {path: path.stat().st_mtime_ns for path in (sandbox.path / "__pycache__").iterdir()}
    plain = sandbox.python(script := sandbox.script(LOADERS))
    assert (plain.returncode, plain.stderr) == (0, "")
    done = sandbox.viztracer("--log_var", "a", "-o", "out.json", "--", script)
    assert (done.returncode, done.stdout.splitlines()[:4]) == (0, plain.stdout.splitlines())
    assert done.stderr == f"{UNSEEN} {sandbox.path}/reads.py: {COMPILED_EARLIER}\n"
    logged = [event["name"] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "i"]
    assert logged == [f"Variable Assign - a = '{name}'" for name in ("sourcefileloader", "inherits")]
    assert {path: path.stat().st_mtime_ns for path in (sandbox.path / "__pycache__").iterdir()} == compiled


def test_a_test_that_pytest_has_compiled_before_the_run_is_named(sandbox):
    path = sandbox.script("def test_it():\n    a = 1\n    assert a == 1\n", "test_it.py")
    command = ["-q", "-p", "no:cacheprovider", path]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    assert sandbox.run(sys.executable, "-m", "pytest", *command, env=environment).returncode == 0
    options = ["--log_var", "a", "--include_files", path, "-o", "out.json", "-m", "pytest", *command]
    done = sandbox.viztracer(*options, env=environment)
    assert done.returncode == 0
    assert done.stderr == f"{UNSEEN} {path}: {COMPILED_EARLIER}\n"
    (sandbox.path / "empty").mkdir()
    done = sandbox.viztracer(*options, env=environment | {"PYTHONPYCACHEPREFIX": str(sandbox.path / "empty")})
    assert (done.returncode, done.stderr) == (0, "")
    assert "Variable Assign - a = 1" in (sandbox.path / "out.json").read_text()


INTERACTIVE = """
import subprocess, sys
for command in (["-i", "child.py"], ["child.py", "interact"]):
    done = subprocess.run([sys.executable, *command], input="print(a + 1)\\n", text=True, capture_output=True)
    print([done.returncode, done.stdout, done.stderr])
"""


def test_a_child_that_asks_for_more(sandbox):
    """The prompts are those of the interpreter, which then runs the script itself; a line says so."""
    child = "import code, sys\na = 1\nif sys.argv[1:]: code.interact('', local=globals(), exitmsg='')\n"
    sandbox.script(child, "child.py")
    script = sandbox.script(INTERACTIVE)
    plain = [ast.literal_eval(line) for line in sandbox.python(script).stdout.splitlines()]
    assert all(status == 0 and "2\n" in stdout and ">>> " in stdout + stderr for status, stdout, stderr in plain)
    done = sandbox.viztracer("--quiet", "--log_var", "a", "-o", "out.json", "--", script)
    traced = [ast.literal_eval(line.replace(f"{sandbox.path}/", "")) for line in done.stdout.splitlines()]
    said = f"{UNSEEN} child.py: with -i or PYTHONINSPECT, the interpreter has to run it itself\n"
    plain[0][2] = said + plain[0][2]
    assert traced == plain
    assert (sandbox.path / "out.json").read_text().count("Variable Assign - a = 1") == 1


OTHER_BUILTINS = """
source = "'doc'\\na = 1\\nb = (lambda a: [a for a in [a]])(2)\\ndef f():\\n  global a\\n  a = 3\\n  return a\\n"
code = compile(source + "c = f()\\nd.a = 4\\n", "own.py", "exec")
for others in ({"__builtins__": {}}, {"__builtins__": None}, {}):
    for same in (True, False):
        class D: pass
        space = {**others, "d": D}
        names = space if same else {}
        exec(code, space, names)
        print(space["a"], names["b"], names["c"], D.a, names["__doc__"] if same else "")
try:
    exec(compile("a = 1; raise d(a)", "own.py", "exec"), {"__builtins__": {}, "d": KeyError})
except KeyError as error:
    print(error)
"""


def test_code_with_builtins_that_the_program_chooses(sandbox, run):
    path = sandbox.script(OTHER_BUILTINS)
    plain = sandbox.python(path)
    assert (plain.returncode, plain.stderr) == (0, "")
    done = run("--log_var", ".*", "--log_attr", "a", "--log_func_exec", ".*", "--log_exception", "--", path)
    assert (done.stdout, done.stderr) == (plain.stdout, "")
    logged = [event["name"] for event in sandbox.report("out.json")["traceEvents"] if event["ph"] == "i"]
    assert logged.count("Variable Assign - b = [2]") == 6, "each is recorded"


LATE = """
import sys
class Late:
    def __del__(self):
        a = 1
        # !viztracer: log_instant("late")
        try:
            raise sys_error
        except BaseException:
            try:
                raise
            except KeyError:
                out.write("last\\n")
    def __init__(self):
        self.b = 2
out, sys_error = sys.__stdout__, KeyError
Late.itself = Late()
Late.itself.itself = Late.itself
sys.modules["late"] = Late.itself
"""


def test_destructors_at_the_end_of_the_interpreter(sandbox, run):
    """They run when the names of modules are cleared, and nothing of them goes to stderr."""
    sandbox.script(LATE, "late.py")
    sandbox.script("import os, sys\nsys.exit(os.system(sys.executable + ' late.py'))\n", "parent.py")
    plain = sandbox.python("late.py")
    assert (plain.stdout, plain.stderr) == ("last\n", "")
    for program in ("late.py", "parent.py"):
        done = run("--log_var", "a", "--log_attr", "b", "--log_exception", "--magic_comment", "--", program)
        assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)


CODE_ELSEWHERE = """
import marshal, pickle, sys, types
def f(n):
    a = n
    def g(m):
        a = m + 1
        return a
    return g(a)
with open("codes", "wb") as file:
    marshal.dump((f.__code__, {"again": [f.__code__]}), file)
class Pickler(pickle._Pickler):
    dispatch = {**pickle._Pickler.dispatch, types.CodeType: lambda self, code: self.save(
        tuple(constant for constant in code.co_consts if not isinstance(constant, types.CodeType)))}
with open("pickled", "wb") as file:
    Pickler(file).dump(f.__code__)
renamed = f.__code__.replace(co_name="renamed")
assert marshal.dumps({renamed})
again = marshal.loads(marshal.dumps(renamed))
assert again.co_name == "renamed" and types.FunctionType(again, {})(1) == 2
with open("renamed", "wb") as file: marshal.dump(renamed, file)
import ast
tree = ast.parse("def g():\\n    a = 1\\n    return a\\n")
code = compile(tree, "own.py", "exec")
del tree.body[:]
space = {}
exec(marshal.loads(marshal.dumps(code)), space)
assert space["g"]() == 1
print(f(1))
"""
RUN_ELSEWHERE = """
import marshal, pickle, types
code, others = marshal.load(open("codes", "rb"))
assert types.FunctionType(code, {})(1) == types.FunctionType(others["again"][0], {})(2) - 1 == 2
assert types.FunctionType(marshal.load(open("renamed", "rb")), {})(1) == 2
for constant in pickle.load(open("pickled", "rb")):
    if hasattr(constant, "assigned"):
        assert constant.assigned("a", 3) == 3
        assert constant.variable("a", 3) is constant.number("a", 3) is constant.comment("log_var", a=1) is None
        assert constant.tracer is None
        print("logs nothing")
"""


def test_instrumented_code_that_another_process_gets(sandbox, run):
    """What `marshal` writes has no inserted calls; pickled code runs where there is no viztracer, and logs nothing."""
    plain = sandbox.python(path := sandbox.script(CODE_ELSEWHERE))
    assert (plain.returncode, plain.stdout) == (0, "2\n"), plain.stderr
    assert run("--log_var", ".*", "--", path).stdout == plain.stdout
    elsewhere = sandbox.run(sys.executable, "-I", "-S", "-c", RUN_ELSEWHERE)
    assert (elsewhere.stdout, elsewhere.stderr) == ("logs nothing\n", "")


FUNCTIONS_IN_VALUES = """
import marshal, types
class A: pass
def f():
    one = A()
    def get(): return one
    get().a = get().b = lambda: [k for k in (lambda: 1, 2)]
    try: raise ValueError(lambda: 3, (k for k in "ab"))
    except ValueError: pass
    def last(): return 4
    return last
print(types.FunctionType(marshal.loads(marshal.dumps(f().__code__)), {})())
"""


def test_marshal_tells_functions_apart(sandbox, run):
    """Inserted calls repeat the code of a value, and with it the functions in it."""
    path = sandbox.script(FUNCTIONS_IN_VALUES)
    assert run("--log_exception", "--log_attr", ".*", "--", path).stdout == "4\n"


def test_a_value_that_marshal_cannot_write(sandbox, run):
    source = "import marshal\na = [1]\na.append(a)\ntry: marshal.dumps([a, object()])\nexcept ValueError as e: print(e)"
    plain = sandbox.python(path := sandbox.script(source))
    assert run("--log_var", "b", "--", path).stdout == plain.stdout != ""


def test_other_programs_run_as_they_are(sandbox, run):
    sandbox.script("print('ran')\n", "__main__.py")
    for arguments in (["-c", "print('ran')"], ["--", "."]):
        assert run("--log_var", "a", *arguments).stdout == "ran\n"


def test_interpreter_without_instrumentation_does_not_load_it(sandbox):
    """From 3.14 on, `argparse` imports ast for its colors, and so the command does."""
    code = (
        "import sys; print([name for name in sys.modules if name.startswith('viztracer.instrument')"
        " or name == 'ast' and sys.version_info < (3, 14)])"
    )
    done = sandbox.viztracer("--quiet", "-c", code)
    assert done.stdout == "[]\n"
