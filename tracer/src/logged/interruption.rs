//! Exceptions that reach code of the program while it shows a value for us.
//!
//! A signal handler may raise one, such as a timeout or Ctrl+C. Another thread may raise one in this thread
//! (`PyThreadState_SetAsyncExc`), and another greenlet in this one. Such an exception is for the program, which gets it
//! as soon as it goes on. An exception that the code itself raises is not for the program: untraced, the code would not
//! run.
//!
//! No exception says where it comes from, but its traceback shows where it was raised:
//!
//! - in a function that was called as a signal handler is, with a number and the frame that it interrupts; or
//! - not by a `raise`, but by the interpreter between two instructions, or by C code. The interpreter makes the
//!   exceptions of other threads and of Ctrl+C without arguments. C code hardly ever does so.

use crate::fallible::Text;
use crate::system::is_main_thread;
use pyo3::exceptions::{
    PyBaseException, PyException, PyMemoryError, PyStopAsyncIteration, PyStopIteration, PySystemExit,
};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple};
use std::ffi::{c_int, c_long, c_void};
use std::sync::OnceLock;

/// Flags of code objects, as in the module `inspect`.
const OPTIMIZED: u32 = 1;
const VARARGS: u32 = 4;

/// Gives the program an exception that code of the program has left with, if the exception is for the program. Returns
/// whether it is.
pub fn pass_on(python: Python<'_>, error: PyErr) -> bool {
    let error = error.into_value(python).into_bound(python); // which has its traceback then
    let is_for_program = is_for_program(&error);
    if is_for_program {
        raise_soon(error);
    }
    is_for_program
}

/// Whether an exception is for the program, and not of the code that it has left.
#[pyfunction]
pub fn is_for_program(error: &Bound<'_, PyBaseException>) -> bool {
    comes_from_elsewhere(error).unwrap_or(false)
}

/// Raises an exception in the calling thread between two of its next instructions. In threads other than the main one,
/// it is another exception of the same class.
fn raise_soon(error: Bound<'_, PyBaseException>) {
    let kind = error.get_type();
    if is_main_thread() {
        let (python, error) = (error.py(), error.into_ptr());
        // SAFETY: a function that takes over the reference.
        if unsafe { ffi::Py_AddPendingCall(Some(raise), error.cast()) } == 0 {
            return;
        }
        // Many calls are pending already, and this one is not among them.
        // SAFETY: the reference that was to be taken over.
        drop(unsafe { Bound::from_owned_ptr(python, error) });
    }
    // SAFETY: the GIL is held; a living class of exceptions.
    unsafe { ffi::PyThreadState_SetAsyncExc(ffi::PyThread_get_thread_ident() as c_long, kind.as_ptr()) };
}

/// Raises an exception, as a pending call of the interpreter.
extern "C" fn raise(error: *mut c_void) -> c_int {
    // SAFETY: the interpreter makes pending calls with the GIL held.
    let python = unsafe { Python::assume_attached() };
    // SAFETY: the reference that `raise_soon` has given away.
    PyErr::from_value(unsafe { Bound::from_owned_ptr(python, error.cast()) }).restore(python);
    -1
}

fn comes_from_elsewhere(error: &Bound<'_, PyBaseException>) -> PyResult<bool> {
    let mut last = None;
    // SAFETY: an exception; NULL or a new reference.
    let mut next = unsafe { Bound::from_owned_ptr_or_opt(error.py(), ffi::PyException_GetTraceback(error.as_ptr())) };
    while let Some(entry) = next.filter(|entry| !entry.is_none()) {
        if is_of_signal_handler(&entry.getattr(Text("tb_frame"))?)? {
            return Ok(true);
        }
        next = Some(entry.getattr(Text("tb_next"))?);
        last = Some(entry);
    }
    if !may_come_from_elsewhere(error) {
        return Ok(false);
    }
    last.map_or(Ok(true), |origin| is_at_raise(&origin).map(|is| !is))
}

/// Whether a frame is that of a signal handler: its arguments are a number and the frame that it interrupts.
fn is_of_signal_handler(frame: &Bound<'_, PyAny>) -> PyResult<bool> {
    let code = frame.getattr(Text("f_code"))?;
    let (count, flags): (usize, u32) =
        (code.getattr(Text("co_argcount"))?.extract()?, code.getattr(Text("co_flags"))?.extract()?);
    let has_more = flags & VARARGS != 0;
    if flags & OPTIMIZED == 0 || (count < 2 && !has_more) {
        return Ok(false);
    }
    let interrupted = frame.getattr(Text("f_back"))?;
    let (names, variables) = (code.getattr(Text("co_varnames"))?, frame.getattr(Text("f_locals"))?);
    // A handler may have deleted an argument.
    let argument = |index: usize| variables.get_item(names.get_item(index).ok()?).ok();
    let mut arguments: Vec<_> = (0..count).filter_map(argument).collect();
    if has_more {
        let named: usize = code.getattr(Text("co_kwonlyargcount"))?.extract()?;
        if let Some(more) = argument(count + named).and_then(|more| more.cast_into::<PyTuple>().ok()) {
            arguments.extend(more.iter());
        }
    }
    let is_call = |pair: &[Bound<'_, PyAny>]| pair[0].is_instance_of::<PyInt>() && pair[1].is(&interrupted);
    Ok(!interrupted.is_none() && arguments.windows(2).any(is_call))
}

/// Whether an exception may be one that the interpreter, or a greenlet, has raised for another reason than the code.
fn may_come_from_elsewhere(error: &Bound<'_, PyBaseException>) -> bool {
    let is_cancelled = is_cancelled(error);
    if !error.is_instance_of::<PyException>() && !error.is_instance_of::<PySystemExit>() && !is_cancelled {
        return true;
    }
    // SAFETY: an exception, whose arguments are NULL or a tuple that lives as long.
    let arguments = unsafe { (*error.as_ptr().cast::<ffi::PyBaseExceptionObject>()).args };
    // SAFETY: as above.
    let has_arguments = !arguments.is_null() && unsafe { ffi::PyTuple_Size(arguments) } != 0;
    // These, C code raises without arguments.
    let is_common = is_cancelled
        || error.is_instance_of::<PyStopIteration>()
        || error.is_instance_of::<PyStopAsyncIteration>()
        || error.is_instance_of::<PyMemoryError>();
    !has_arguments && !is_common
}

/// Whether an exception is that of a cancelled task or future. `asyncio` only raises it in coroutines, or in code that
/// asks a future for its result.
fn is_cancelled(error: &Bound<'_, PyBaseException>) -> bool {
    // SAFETY: the GIL is held; a borrowed dictionary, or NULL.
    let modules = unsafe { Bound::from_borrowed_ptr_or_opt(error.py(), ffi::PyImport_GetModuleDict()) };
    let kind = modules
        .and_then(|modules| modules.get_item(Text("asyncio.exceptions")).ok())
        .and_then(|module| module.getattr(Text("CancelledError")).ok());
    kind.is_some_and(|kind| error.is_instance(&kind).unwrap_or(false))
}

/// Whether the instruction of an entry of a traceback is a `raise`.
fn is_at_raise(entry: &Bound<'_, PyAny>) -> PyResult<bool> {
    let instruction: usize = entry.getattr(Text("tb_lasti"))?.extract()?;
    let code =
        entry.getattr(Text("tb_frame"))?.getattr(Text("f_code"))?.getattr(Text("co_code"))?.cast_into::<PyBytes>()?;
    Ok(code.as_bytes().get(instruction).copied() == raise_instruction(entry.py()))
}

/// The number of the instruction for `raise`, which differs from one version to another.
fn raise_instruction(python: Python<'_>) -> Option<u8> {
    static NUMBER: OnceLock<Option<u8>> = OnceLock::new();
    *NUMBER.get_or_init(|| {
        // SAFETY: the GIL is held; two strings that end with NUL.
        let code = unsafe { ffi::Py_CompileString(c"raise".as_ptr(), c"<raise>".as_ptr(), ffi::Py_file_input) };
        // SAFETY: NULL with an exception, or a new reference.
        let code = unsafe { Bound::from_owned_ptr_or_err(python, code) }.ok()?.getattr(Text("co_code")).ok()?;
        let [.., number, _] = code.cast::<PyBytes>().ok()?.as_bytes() else { return None };
        Some(*number)
    })
}
