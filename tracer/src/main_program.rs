//! Runs the traced program the way the interpreter's own main function does: with the same functions of the interpreter,
//! as the outermost Python code of the process, and until the process ends.
//!
//! The command that starts the program is itself Python code. Its frames are taken off the thread before the program
//! begins and its calls are no longer counted, so the program finds neither in `sys._getframe`, tracebacks, warnings
//! and `faulthandler` nor in how deep it may recurse. Nobody comes back to these frames: when the program is over, the
//! interpreter is finalized from here. That is possible up to CPython 3.14; in later ones the frames stay visible.
//!
//! Where other code runs the command (`coverage run -m viztracer`), it has frames of its own to come back to: the program
//! runs inside of it, and the process goes on.

use crate::function::{Builtin, EXCLUDED};
use crate::greenlets;
use crate::thread::current;
use pyo3::exceptions::{PyEOFError, PyKeyboardInterrupt, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict};
use std::ffi::{CStr, CString, c_int, c_void};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::{fs, io, ptr};
use viztracer_format::record::Kind;
use viztracer_recorder::Left;

/// The exit status of a process whose interpreter could not be finalized well (Python/pylifecycle.c, `Py_Exit`).
const NOT_FINALIZED: c_int = 120;
/// `PyCF_IGNORE_COOKIE`: a text is UTF-8, whatever it says of itself (Include/cpython/compile.h).
const IGNORE_COOKIE: c_int = 0x0800;
/// The package of the command.
const PACKAGE: &str = "viztracer";
/// How much of a file of byte code comes before the code: the version's number, flags, and the source's identity.
const BYTE_CODE_HEADER: usize = 16;

/// Runs the source text of `-c`, then ends the process (see [`run`]). `show`: whether the trace has a call of `exec` around it.
#[pyfunction]
pub fn run_command(python: Python<'_>, text: Vec<u8>, show: bool) -> PyResult<()> {
    let text = CString::new(text)?;
    run(python, show, false, |namespace| evaluate(&compile(python, &text)?, namespace))
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
    let name = CString::new(path.into_os_string().into_vec())?;
    // SAFETY: two C strings.
    let file = open(|| unsafe { libc::fopen(name.as_ptr(), c"rbe".as_ptr()) })?;
    run(python, show, true, |namespace| evaluate_stream(file, &name, true, namespace))
}

/// Runs what stdin holds, then ends the process; on a terminal, line by line. `show`: as with [`run_command`].
#[pyfunction]
pub fn run_stdin(python: Python<'_>, show: bool) -> PyResult<()> {
    // SAFETY: a descriptor's number and a C string.
    let file = open(|| unsafe { libc::fdopen(0, c"rb".as_ptr()) })?;
    run(python, show, true, |namespace| evaluate_stream(file, c"<stdin>", false, namespace))
}

/// Runs a file of byte code, then ends the process. `show`: as with [`run_command`].
///
/// Raises `OSError` if the file cannot be read.
#[pyfunction]
pub fn run_byte_code(python: Python<'_>, path: PathBuf, show: bool) -> PyResult<()> {
    let bytes = fs::read(path)?;
    run(python, show, true, |namespace| evaluate(&load(python, &bytes)?, namespace))
}

/// Runs the code of a file, compiled already, then ends the process. `show`: as with [`run_command`].
#[pyfunction]
pub fn run_code(code: &Bound<'_, PyCode>, show: bool) -> PyResult<()> {
    run(code.py(), show, true, |namespace| evaluate(code, namespace))
}

fn open(how: impl FnOnce() -> *mut libc::FILE) -> io::Result<*mut libc::FILE> {
    let file = how();
    if file.is_null() { Err(io::Error::last_os_error()) } else { Ok(file) }
}

/// Runs the program as the outermost code; then ends the process as the interpreter's main function does. Inside of other
/// code, returns instead, or raises what the program raised. `is_file`: the main module knows the file it is, until it
/// is over.
fn run<'py>(
    python: Python<'py>,
    show: bool,
    is_file: bool,
    program: impl FnOnce(&Bound<'py, PyDict>) -> PyResult<()>,
) -> PyResult<()> {
    let exec = exec(python, show)?;
    let is_outermost = is_outermost(python)?;
    if is_outermost {
        become_outermost(python);
    }
    enter(exec);
    greenlets::expect_main();
    // No reference to the namespace outlives the call: what is in it is finalized when the interpreter is.
    let done = main_namespace(python).and_then(|namespace| program(&namespace));
    leave(exec, if done.is_ok() { Kind::Return } else { Kind::Raise });
    if !is_outermost {
        return done;
    }
    let status = c_int::from(done.is_err());
    let is_interrupt = |error: &PyErr| error.get_type(python).is(python.get_type::<PyKeyboardInterrupt>());
    let interrupted = done.as_ref().is_err_and(is_interrupt);
    if let Err(error) = done {
        error.restore(python);
        // SAFETY: the GIL is held and an exception is set. If that is `SystemExit`, the process ends here.
        unsafe { ffi::PyErr_Print() };
    }
    if is_file {
        forget_file(python);
    }
    end(status, interrupted)
}

/// Whether this thread runs the command and nothing else: its modules, and what starts them.
fn is_outermost(python: Python<'_>) -> PyResult<bool> {
    let mut frame = python.import("sys")?.getattr("_getframe")?.call0()?;
    while !frame.is_none() {
        let (namespace, code) = (frame.getattr("f_globals")?, frame.getattr("f_code")?);
        let text = |name| namespace.get_item(name).and_then(|value| value.extract::<String>()).unwrap_or_default();
        let file: PathBuf = code.getattr("co_filename")?.extract()?;
        let is_script = || file.file_name().is_some_and(|name| name.as_bytes().starts_with(b"viztracer"));
        let is_ours = match text("__name__").as_str() {
            "runpy" => true,
            "__main__" => text("__package__") == PACKAGE || is_script(),
            module => module.split('.').next() == Some(PACKAGE),
        };
        if !is_ours {
            return Ok(false);
        }
        frame = frame.getattr("f_back")?;
    }
    Ok(true)
}

fn main_namespace(python: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    Ok(python.import("sys")?.getattr("modules")?.get_item("__main__")?.cast_into::<PyModule>()?.dict())
}

/// When it is over, the main module does not know its file any more. The program may have seen to that.
fn forget_file(python: Python<'_>) {
    if let Ok(namespace) = main_namespace(python) {
        for name in ["__file__", "__cached__"] {
            let _ = namespace.del_item(name);
        }
    }
}

/// Lets the process, which is about to end, end with status 1 if it would be 0: there is no report.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[pyfunction]
pub fn note_unsaved() {
    unsafe extern "C" {
        /// Of the C library (on_exit(3)): calls a function when the process ends, with the exit status.
        fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    }
    extern "C" fn fail(status: c_int, _argument: *mut c_void) {
        if status == 0 {
            // SAFETY: writes what streams of C still hold, as the process would have done next.
            unsafe { libc::fflush(ptr::null_mut()) };
            // SAFETY: ends the process.
            unsafe { libc::_exit(1) };
        }
    }
    // SAFETY: the function stays where it is as long as the process runs, since extensions are not unloaded.
    unsafe { on_exit(fail, ptr::null_mut()) };
}

/// Elsewhere, nobody tells the exit status: it stays.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[pyfunction]
pub fn note_unsaved() {}

/// Ends the process with this exit status, or by SIGINT.
fn end(status: c_int, interrupted: bool) -> ! {
    // SAFETY: the GIL is held by the main thread, and no Python code of ours goes on after this.
    let finalized = unsafe { ffi::Py_FinalizeEx() } == 0;
    if interrupted {
        // SAFETY: a signal and its default action; the process's own id.
        unsafe {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            libc::kill(libc::getpid(), libc::SIGINT);
        }
    }
    // SAFETY: ends the process; nothing of this thread's is used afterwards.
    unsafe { libc::exit(if finalized { status } else { NOT_FINALIZED }) }
}

/// Compiles and runs what a stream holds.
fn evaluate_stream(file: *mut libc::FILE, name: &CStr, close: bool, namespace: &Bound<'_, PyDict>) -> PyResult<()> {
    let mut flags = compiler_flags(0);
    let (name, close, globals) = (name.as_ptr(), c_int::from(close), namespace.as_ptr());
    // SAFETY: an open stream.
    if unsafe { libc::isatty(libc::fileno(file)) } == 1 {
        // SAFETY: an open stream, a C string and flags; the GIL is held. What goes wrong, this has printed.
        unsafe { ffi::PyRun_AnyFileExFlags(file, name, close, &mut flags) };
        return Ok(());
    }
    // SAFETY: an open stream, a C string, a dictionary and flags, all of which outlive the call; the GIL is held.
    let result = unsafe { ffi::PyRun_FileExFlags(file, name, ffi::Py_file_input, globals, globals, close, &mut flags) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(namespace.py(), result) }.map(drop)
}

/// Runs a code object.
fn evaluate(code: &Bound<'_, PyAny>, namespace: &Bound<'_, PyDict>) -> PyResult<()> {
    // SAFETY: a code object and a dictionary; the GIL is held.
    let result = unsafe { ffi::PyEval_EvalCode(code.as_ptr(), namespace.as_ptr(), namespace.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(code.py(), result) }.map(drop)
}

/// Compiles the text of `-c`. From 3.13 on, tracebacks show its lines.
fn compile<'py>(python: Python<'py>, text: &CStr) -> PyResult<Bound<'py, PyAny>> {
    let mut flags = compiler_flags(IGNORE_COOKIE);
    let (name, label) = (c"<string>", "<string>");
    let (source, input) = (text.as_ptr(), ffi::Py_file_input);
    // SAFETY: C strings and flags; the GIL is held.
    let code = unsafe { ffi::Py_CompileStringExFlags(source, name.as_ptr(), input, &mut flags, -1) };
    // SAFETY: a new reference, or null with an exception set.
    let code = unsafe { Bound::from_owned_ptr_or_err(python, code) }?;
    if cfg!(Py_3_13) {
        let key = if cfg!(Py_3_14) { code.clone() } else { label.into_pyobject(python)?.into_any() };
        current::pause(); // this is not the program
        let register = python.import("linecache").and_then(|linecache| linecache.getattr("_register_code"));
        let registered = register.and_then(|register| register.call1((key, text.to_string_lossy(), label)));
        current::resume();
        registered?;
    }
    Ok(code)
}

/// Returns the code that a file of byte code holds; errors are the interpreter's own.
fn load<'py>(python: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let magic: Vec<u8> = python.import("_frozen_importlib_external")?.getattr("MAGIC_NUMBER")?.extract()?;
    if cfg!(Py_3_13) && bytes.len() < magic.len() {
        return Err(PyEOFError::new_err("EOF read where not expected"));
    }
    if !bytes.starts_with(&magic) {
        return Err(PyRuntimeError::new_err("Bad magic number in .pyc file"));
    }
    let code = bytes.get(BYTE_CODE_HEADER..).unwrap_or_default();
    let code = python.import("marshal")?.getattr("loads")?.call1((code,))?;
    match code.get_type().name()?.to_str()? {
        "code" => Ok(code),
        _ => Err(PyRuntimeError::new_err("Bad code object in .pyc file")),
    }
}

/// The function `exec`, which the trace shows around the program as VizTracer's traces do, or nothing.
fn exec(python: Python<'_>, show: bool) -> PyResult<Option<Builtin>> {
    let exec = python.import("builtins")?.getattr("exec")?;
    // SAFETY: `builtins.exec` of a process in which no program has run yet.
    Ok(show.then(|| unsafe { Builtin::of_c_function(exec.as_ptr()) }))
}

fn enter(function: Option<Builtin>) {
    let Some(function) = function else { return };
    let id = function.id();
    // SAFETY: the GIL is held, and `enter` runs no Python.
    if let Some(recorder) = unsafe { current::recorder() }
        && id != EXCLUDED
    {
        recorder.enter(id, function.tag());
    }
}

fn leave(function: Option<Builtin>, kind: Kind) {
    let Some(function) = function else { return };
    // SAFETY: the GIL is held, and neither `leave` nor `unwind_to` runs Python.
    let Some(recorder) = (unsafe { current::recorder() }) else { return };
    if recorder.leave(function.tag(), kind) == Left::Unmatched {
        recorder.unwind_to(function.tag(), kind);
    }
}

/// Flags for the compiler of the interpreter that runs; `flags`: of Include/cpython/compile.h.
fn compiler_flags(flags: c_int) -> ffi::PyCompilerFlags {
    // SAFETY: a static of the interpreter's: "3.12.1 (main, ...".
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) };
    let minor = version.to_str().ok().and_then(|text| text.split('.').nth(1)?.parse().ok()).unwrap_or_default();
    ffi::PyCompilerFlags { cf_flags: flags, cf_feature_version: minor }
}

/// Takes the frames of the command off this thread and has their depth not count.
fn become_outermost(python: Python<'_>) {
    if python.version_info() >= (3, 15) {
        return;
    }
    // SAFETY: the GIL is held, so this thread has a state, which nobody else uses meanwhile.
    let state = unsafe { ffi::PyThreadState_Get().cast::<thread_state::Head>().as_mut() };
    // SAFETY: the GIL is held.
    let limit = unsafe { ffi::Py_GetRecursionLimit() };
    if let Some(state) = state {
        state.begin_anew(limit);
    }
}

/// The beginning of `PyThreadState` (Include/cpython/pystate.h), which differs from version to version.
mod thread_state {
    use super::{c_int, ptr};
    use std::ffi::c_void;

    #[cfg(not(Py_3_11))]
    #[repr(C)]
    pub struct Head {
        links: [*mut c_void; 3],
        frame: *mut c_void,
        recursion_depth: c_int,
    }

    #[cfg(not(Py_3_11))]
    impl Head {
        /// No frames, and no recursion.
        pub fn begin_anew(&mut self, _limit: c_int) {
            self.frame = ptr::null_mut();
            self.recursion_depth = 0;
        }
    }

    #[cfg(all(Py_3_11, not(Py_3_12)))]
    #[repr(C)]
    pub struct Head {
        links: [*mut c_void; 3],
        is_initialized: c_int,
        is_static: c_int,
        recursion_remaining: c_int,
        recursion_limit: c_int,
        recursion_headroom: c_int,
        tracing: [c_int; 2],
        cframe: *mut CFrame,
    }

    #[cfg(all(Py_3_12, not(Py_3_13)))]
    #[repr(C)]
    pub struct Head {
        links: [*mut c_void; 3],
        status: c_int,
        recursion_remaining: c_int,
        recursion_limit: c_int,
        c_recursion_remaining: c_int,
        recursion_headroom: c_int,
        tracing: [c_int; 2],
        cframe: *mut CFrame,
    }

    #[cfg(all(Py_3_13, not(Py_3_14)))]
    #[repr(C)]
    pub struct Head {
        links: [*mut c_void; 3],
        eval_breaker: usize,
        status: c_int,
        whence: c_int,
        state: c_int,
        recursion_remaining: c_int,
        recursion_limit: c_int,
        c_recursion_remaining: c_int,
        recursion_headroom: c_int,
        tracing: [c_int; 2],
        frame: *mut c_void,
    }

    #[cfg(Py_3_14)]
    #[repr(C)]
    pub struct Head {
        links: [*mut c_void; 3],
        eval_breaker: usize,
        status: c_int,
        holds_gil: c_int,
        whence: c_int,
        state: c_int,
        recursion_remaining: c_int,
        recursion_limit: c_int,
        recursion_headroom: c_int,
        tracing: [c_int; 2],
        frame: *mut c_void,
    }

    /// What a run of the interpreter's loop keeps on the C stack.
    #[cfg(all(Py_3_11, not(Py_3_13)))]
    #[repr(C)]
    struct CFrame {
        #[cfg(not(Py_3_12))]
        use_tracing: u8,
        frame: *mut c_void,
    }

    #[cfg(Py_3_11)]
    impl Head {
        /// No frames, and no recursion. Does nothing if the structure is not what it should be: `limit` is known.
        pub fn begin_anew(&mut self, limit: c_int) {
            if self.recursion_limit != limit {
                return;
            }
            self.recursion_remaining = limit;
            #[cfg(all(Py_3_12, not(Py_3_14)))]
            {
                self.c_recursion_remaining = c_recursion_of_a_new_thread().unwrap_or(self.c_recursion_remaining);
            }
            *self.frame() = ptr::null_mut();
        }

        #[cfg(Py_3_13)]
        fn frame(&mut self) -> &mut *mut c_void {
            &mut self.frame
        }

        #[cfg(not(Py_3_13))]
        fn frame(&mut self) -> &mut *mut c_void {
            // SAFETY: a thread that runs Python code has one, on its C stack below this function's frame.
            unsafe { &mut (*self.cframe).frame }
        }
    }

    /// How deep a thread may nest calls of C code, which is a constant of the interpreter that differs between builds.
    #[cfg(all(Py_3_12, not(Py_3_14)))]
    fn c_recursion_of_a_new_thread() -> Option<c_int> {
        use pyo3::ffi;
        // SAFETY: the GIL is held, so there is an interpreter.
        let fresh = unsafe { ffi::PyThreadState_New(ffi::PyInterpreterState_Get()) };
        // SAFETY: null for want of memory; else it was just made, and nobody else knows it.
        let remaining = unsafe { fresh.cast::<Head>().as_ref() }?.c_recursion_remaining;
        // SAFETY: no thread has taken it; the GIL is held.
        unsafe {
            ffi::PyThreadState_Clear(fresh);
            ffi::PyThreadState_Delete(fresh);
        }
        Some(remaining)
    }
}
