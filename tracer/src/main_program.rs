//! Runs the traced program the way the interpreter's own main function does: with the same functions of the
//! interpreter, as the outermost Python code of the process, and until the process ends.
//!
//! The command that starts the program is itself Python code. Its frames are taken off the thread before the program
//! begins and its calls are no longer counted. So the program finds neither in `sys._getframe`, tracebacks, warnings
//! and `faulthandler` nor in how deep it may recurse. Nothing returns to these frames: when the program is over, the
//! interpreter is finalized from here. That is possible up to CPython 3.15. In later ones the frames stay visible.
//!
//! If other code runs the command (`coverage run -m viztracer`), it has frames of its own to return to. Then the
//! program runs inside of it, and the process goes on.

mod exec_span;
mod source;
#[cfg_attr(windows, path = "main_program/stream_on_windows.rs")]
mod stream;
mod thread_state;

use crate::{greenlets, system};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict};
use std::ffi::{CString, OsStr, c_int};
use std::fs;
use std::path::{Path, PathBuf};
use stream::Stream;

/// The exit status of a process whose interpreter could not be finalized well (Python/pylifecycle.c, `Py_Exit`).
const NOT_FINALIZED: c_int = 120;
/// The package of the command.
const PACKAGE: &str = "viztracer";

/// Runs the source text of `-c`, then ends the process (see [`run`]). `show`: whether the trace has a call of `exec`
/// around it.
#[pyfunction]
pub fn run_command(python: Python<'_>, text: Vec<u8>, show: bool) -> PyResult<()> {
    let text = CString::new(text)?;
    run(python, show, false, |namespace| source::evaluate(&source::compile(python, &text)?, namespace))
}

/// Runs a module of this name as `-m` does, then ends the process. `container`: instead, the module `__main__` of the
/// directory or zip file that stands first in `sys.path`.
#[pyfunction]
pub fn run_module(python: Python<'_>, name: &str, container: bool) -> PyResult<()> {
    run(python, false, false, |_| {
        python.import("runpy")?.getattr("_run_module_as_main")?.call1((name, !container)).map(drop)
    })
}

/// Runs a file of source text, then ends the process. `show`: as with [`run_command`].
///
/// Raises `OSError` if the file cannot be opened.
#[pyfunction]
pub fn run_file(python: Python<'_>, path: PathBuf, show: bool) -> PyResult<()> {
    let stream = Stream::open(path)?;
    run(python, show, true, |namespace| stream.evaluate(namespace))
}

/// Runs what stdin holds, then ends the process; on a terminal, line by line. `show`: as with [`run_command`].
#[pyfunction]
pub fn run_stdin(python: Python<'_>, show: bool) -> PyResult<()> {
    let stream = Stream::stdin()?;
    run(python, show, true, |namespace| stream.evaluate(namespace))
}

/// Runs a file of byte code, then ends the process. `show`: as with [`run_command`].
///
/// Raises `OSError` if the file cannot be read.
#[pyfunction]
pub fn run_byte_code(python: Python<'_>, path: PathBuf, show: bool) -> PyResult<()> {
    let bytes = fs::read(path)?;
    run(python, show, true, |namespace| source::evaluate(&source::load(python, &bytes)?, namespace))
}

/// Runs the code of a file, compiled already, then ends the process. `show`: as with [`run_command`].
#[pyfunction]
pub fn run_code(code: &Bound<'_, PyCode>, show: bool) -> PyResult<()> {
    run(code.py(), show, true, |namespace| source::evaluate(code, namespace))
}

/// Runs the program as the outermost code; then ends the process as the interpreter's main function does. Inside of
/// other code, returns instead, or raises what the program raised. `is_file`: the main module knows the file it is,
/// until it is over.
fn run<'py>(
    python: Python<'py>,
    show: bool,
    is_file: bool,
    program: impl FnOnce(&Bound<'py, PyDict>) -> PyResult<()>,
) -> PyResult<()> {
    let is_outermost = is_outermost(python)?;
    if is_outermost {
        thread_state::become_outermost(python);
    }
    let done = exec_span::within(python, show, || {
        greenlets::expect_main();
        // No reference to the namespace outlives the call: what is in it is finalized when the interpreter is.
        main_namespace(python).and_then(|namespace| program(&namespace))
    });
    if is_outermost { end(python, done, is_file) } else { done }
}

/// Whether this thread runs the command and nothing else: its modules, and what starts them.
fn is_outermost(python: Python<'_>) -> PyResult<bool> {
    let mut frame = python.import("sys")?.getattr("_getframe")?.call0()?;
    while !frame.is_none() {
        let (namespace, code) = (frame.getattr("f_globals")?, frame.getattr("f_code")?);
        let text = |name| namespace.get_item(name).and_then(|value| value.extract::<String>()).unwrap_or_default();
        let file: PathBuf = code.getattr("co_filename")?.extract()?;
        let is_ours = match text("__name__").as_str() {
            "runpy" => true,
            "__main__" => text("__package__") == PACKAGE || is_script(&file),
            module => module.split('.').next() == Some(PACKAGE),
        };
        if !is_ours {
            return Ok(false);
        }
        frame = frame.getattr("f_back")?;
    }
    Ok(true)
}

/// Whether this is the script that pip makes for the command, which is inside of a program on Windows.
fn is_script(file: &Path) -> bool {
    let is_launcher = |name: &OsStr| name.eq_ignore_ascii_case("viztracer.exe");
    file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"viztracer"))
        || file.ends_with("__main__.py") && file.parent().and_then(Path::file_name).is_some_and(is_launcher)
}

fn main_namespace(python: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    Ok(python.import("sys")?.getattr("modules")?.get_item("__main__")?.cast_into::<PyModule>()?.dict())
}

/// Ends the process: with the exit status that the program's end stands for, or by SIGINT if that ended the program.
fn end(python: Python<'_>, done: PyResult<()>, is_file: bool) -> ! {
    let status = c_int::from(done.is_err());
    let is_3_14 = python.version_info() >= (3, 14);
    let is_interrupt = |error: &PyErr| {
        error.get_type(python).is(python.get_type::<PyKeyboardInterrupt>())
            || is_3_14 && error.is_instance_of::<PyKeyboardInterrupt>(python)
    };
    let is_interrupted = done.as_ref().is_err_and(is_interrupt);
    // From 3.14 on, the interpreter does this before it shows the exception; before 3.14, after that.
    if is_file && is_3_14 {
        forget_file(python);
    }
    if let Err(error) = done {
        error.restore(python);
        // SAFETY: `python` proves that the GIL is held, and an exception is set. If that is `SystemExit`, the process
        // ends here.
        unsafe { ffi::PyErr_Print() };
    }
    if is_file && !is_3_14 {
        forget_file(python);
    }
    // SAFETY: the GIL is held by the main thread, and no Python code of ours goes on after this.
    let is_finalized = unsafe { ffi::Py_FinalizeEx() } == 0;
    if is_interrupted {
        system::die_of_interrupt();
    }
    system::exit(if is_finalized { status } else { NOT_FINALIZED })
}

/// Takes its file away from the main module, which is over. The program may have done so.
fn forget_file(python: Python<'_>) {
    if let Ok(namespace) = main_namespace(python) {
        for name in ["__file__", "__cached__"] {
            let _ = namespace.del_item(name);
        }
    }
}
