"""Programs with several interpreters in one process: the main one is recorded, the others run as without tracing."""

import os
import sys

import pytest
import tree

LOW_LEVEL = "_xxsubinterpreters" if sys.version_info < (3, 13) else "_interpreters"
MODULE = "concurrent.interpreters" if sys.version_info >= (3, 14) else LOW_LEVEL
SOURCE = f"""
import {MODULE}, {LOW_LEVEL} as interpreters
def before(): return 1
def after(): return 2
before()
for n in range(3):
    one = interpreters.create()
    interpreters.run_string(one, "import sys\\ndef inside(n): return n\\nprint(sum(inside(n) for n in range(100)))")
    interpreters.destroy(one)
after()
"""
POOL = """
from concurrent.futures import InterpreterPoolExecutor
from concurrent import interpreters
import functools
def work(n): return n * 2
with InterpreterPoolExecutor(3) as pool: print(sum(pool.map(functools.partial(max, 5), range(100))))
one = interpreters.create()
print(one.call(work, 4))
one.call_in_thread(work, 5).join()
try: one.exec("1 / 0")
except interpreters.ExecutionFailed as error: print(error.excinfo.type.__name__)
one.close()
"""
SHARED = """
from concurrent import interpreters
print(__name__, flush=True)
def work(n):
    return sum(range(n))
work(1)
print(interpreters.create().call(work, 3))
"""
SAID = f"viztracer: this program imports {MODULE}: only calls in the main interpreter are recorded\n"
FROM_3_14 = pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")


def run_both(sandbox, script, *options):
    """Run the program with and without tracing; return what both print, and what the traced one says."""
    alone, traced = sandbox.python(script), sandbox.viztracer("-o", "traced.json", "--quiet", *options, script)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert (traced.returncode, traced.stdout) == (0, alone.stdout), traced.stderr
    return traced.stdout, sandbox.viztracer("-o", "traced.json", *options, script).stderr


@pytest.mark.parametrize("options", [[], ["--log_func_args", "--log_func_retval"], ["--ignore_c_function"]])
def test_only_the_main_interpreter_is_recorded(sandbox, options):
    script = sandbox.script(SOURCE)
    printed, said = run_both(sandbox, script, *options)
    assert printed == "4950\n" * 3
    assert said == SAID
    names = [event["name"].partition(" ")[0] for event in tree.spans(sandbox.report("traced.json"))]
    assert names.count("before") == names.count("after") == 1
    assert "inside" not in names


# Interpreters of a pool work while the main one records in its threads; one task fails.
BUSY_POOL = """
import threading, time
from concurrent import interpreters
from concurrent.futures import InterpreterPoolExecutor
def work(n):
    return sum(range(n))
def calls(n):
    for _ in range(n): work(3)
if __name__ == "__main__":
    threads = [threading.Thread(target=calls, args=(500,)) for _ in range(2)]
    with InterpreterPoolExecutor(4) as pool:
        futures = [pool.submit(work, n) for n in range(50)] + [pool.submit(divmod, 1, 0)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sum(future.result() for future in futures[:-1]), type(futures[-1].exception()).__name__)
    queue, left = interpreters.create_queue(), interpreters.create()
    left.prepare_main(queue=queue)
    left.exec("queue.put(6 * 7)")
    print(queue.get(), len(interpreters.list_all()))
    left.close()
"""


@FROM_3_14
@pytest.mark.parametrize("options", [[], ["--log_func_args", "--log_async"], ["--tracer_entries", "1000"]])
def test_counts_of_the_main_interpreter_are_exact(sandbox, options):
    """Calls of the other ones are no part of them, and the line about these comes once."""
    printed, said = run_both(sandbox, sandbox.script(BUSY_POOL), *options)
    assert printed == "19600 ZeroDivisionError\n42 2\n"
    assert said == SAID
    if "--tracer_entries" not in options:
        names = [event["name"].partition(" ")[0] for event in tree.spans(sandbox.report("traced.json"))]
        assert (names.count("calls"), names.count("work")) == (2, 1000)


@FROM_3_14
@pytest.mark.xfail(reason="the tracer's mark on a code object keeps the interpreter from sharing it", strict=True)
def test_function_that_was_called_is_shared_as_untraced(sandbox):
    """The interpreter shares code without marks; otherwise the other one runs the main module to find the function."""
    printed, _ = run_both(sandbox, sandbox.script(SHARED))
    assert printed == "__main__\n3\n"


# Nothing here may run a second time: plain Python shares these functions and does not look for them in the main module.
INSTRUMENTED = """
from concurrent import interpreters
print(__name__, flush=True)
def top(a):
    b = [a for a in range(a) if a]
    for a in b: pass
    if (c := a + 1): b = c  # !viztracer: log
    # !viztracer: log_var("c", c)
    return (lambda a: (a, b))(c)
def nested():
    def inside(a):
        class A: pass
        def make(): return A()
        made = make()
        made.b = make().b = a
        return [made.b, (lambda: a)()]
    def closure(): return inside
    def with_default(a=1): return a
    return inside, closure, with_default
def raises(a):
    b = a
    raise ValueError(a) from KeyError(b)
def script():
    a = "in a script"
    print(a, flush=True)
one = interpreters.create()
print(one.call(top, 3))
for function in (*nested(), raises):
    try: print(one.call(function, 4))
    except interpreters.NotShareableError as error: print(type(error).__name__, error, error.__cause__)
    except interpreters.ExecutionFailed as error: print(error.excinfo.errdisplay)
one.exec(script)
one.prepare_main(a=4)
queue = interpreters.create_queue()
queue.put((top, 5))
function, a = queue.get()
print(function(a))
one.close()
"""


@FROM_3_14
@pytest.mark.parametrize(
    "options",
    [
        ["--log_var", ".*"],
        ["--log_number", ".*"],
        ["--log_attr", ".*"],
        ["--log_func_exec", ".*"],
        ["--log_func_entry", ".*"],
        ["--log_exception"],
        ["--magic_comment"],
        ["--log_var", ".*", "--log_attr", ".*", "--log_func_exec", ".*", "--log_exception", "--magic_comment"],
    ],
    ids=" ".join,
)
def test_instrumented_functions_run_in_other_interpreters(sandbox, options):
    """They are not recorded there, but do what they do without instrumentation."""
    printed, _ = run_both(sandbox, sandbox.script(INSTRUMENTED), *options, "--")
    assert printed.startswith("__main__\n(3, 3)\n")
    assert printed.count("__main__") == printed.count("in a script") == 1
    assert "ValueError: 4" in printed


@FROM_3_14
def test_pools_and_threads_of_other_interpreters(sandbox):
    printed, said = run_both(sandbox, sandbox.script(POOL))
    assert printed == "4965\n8\nZeroDivisionError\n"
    assert said == SAID


def test_a_program_with_one_interpreter_is_not_told_of(sandbox):
    """`concurrent.futures` imports the module, but has no interpreters then."""
    script = sandbox.script("import concurrent.futures\nconcurrent.futures.ThreadPoolExecutor().shutdown()\n")
    assert run_both(sandbox, script) == ("", "")


def test_it_is_said_once_in_a_run(sandbox):
    """Not by each process: workers of a pool would repeat it."""
    child = f"import {MODULE}"
    script = sandbox.script(
        f"import os, subprocess, sys\n"
        f"for _ in range(2): subprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
        f"import {MODULE}\n"
        f"if os.fork() == 0: sys.exit()\n"
        f"os.wait()\n"
    )
    done = sandbox.viztracer("-o", "traced.json", script)
    assert (done.returncode, done.stderr.count(SAID)) == (0, 1), done.stderr
    assert sandbox.viztracer("-o", "traced.json", script).stderr.count(SAID) == 1


def test_a_child_of_another_interpreter_is_recorded(sandbox):
    """It inherits the environment of its process. Isolated interpreters before 3.12 cannot start any."""
    create = "create(isolated=False)" if sys.version_info < (3, 12) else "create()"
    code = "import os, subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)"
    script = sandbox.script(
        f"import {LOW_LEVEL} as interpreters\n"
        f"one = interpreters.{create}\n"
        f"interpreters.run_string(one, {code!r})\n"
        "interpreters.destroy(one)\n"
    )
    done = sandbox.viztracer("--pid_suffix", "--output_dir", "rings", script)
    assert done.returncode == 0 and done.stdout.splitlines()[0] == "1", done.stderr
    assert len(os.listdir(sandbox.path / "rings")) == 2
