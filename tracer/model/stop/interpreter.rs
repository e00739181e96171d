//! What stands for the interpreter, and for the modules of the extension that speak with it. Wherever the true ones may
//! run Python, these let other threads have the GIL, or stop this one.

use crate::gil;
use std::marker::PhantomData;

/// The proof that a thread is attached.
#[derive(Clone, Copy)]
pub struct Python<'py>(PhantomData<&'py ()>);

impl Python<'_> {
    /// For an attached thread.
    pub fn assume() -> Python<'static> {
        Python(PhantomData)
    }

    /// Works detached.
    pub fn detach<T>(self, work: impl FnOnce() -> T) -> T {
        gil::release();
        let result = work();
        gil::acquire();
        result
    }
}

/// An exception.
#[derive(Debug)]
pub struct PyErr(pub String);

pub type PyResult<T> = Result<T, PyErr>;

pub mod prelude {
    pub use super::{PyResult, Python};
}

pub mod exceptions {
    use super::PyErr;

    pub struct PyOSError;
    pub struct PyRuntimeError;

    impl PyOSError {
        pub fn new_err(text: String) -> PyErr {
            PyErr(text)
        }
    }

    impl PyRuntimeError {
        pub fn new_err(text: &str) -> PyErr {
            PyErr(text.to_owned())
        }
    }
}

/// No process waits for the end of a pause.
pub mod due {
    pub fn is_waiting() -> bool {
        false
    }

    pub fn act() {}
}

pub mod hook {
    use super::{PyErr, PyResult, Python};
    use crate::gil;

    /// Whether the hook can be had.
    #[derive(Clone, Copy)]
    pub struct EventOptions(pub bool);

    pub fn install(_: Python<'_>, wanted: EventOptions) -> PyResult<()> {
        gil::give_a_chance();
        if wanted.0 { Ok(()) } else { Err(PyErr("another tool has it".to_owned())) }
    }

    pub fn mend(_: Python<'_>) -> PyResult<bool> {
        gil::give_a_chance();
        Ok(false)
    }

    pub fn uninstall(_: Python<'_>) -> PyResult<bool> {
        gil::give_a_chance();
        Ok(true)
    }
}

pub mod thread_name {
    use crate::{gil, recording};

    pub fn name_current(number: u64, serial: u32) {
        gil::give_a_chance();
        recording::name_thread(number, serial, "name");
    }

    pub fn renew(_: Option<u32>) {
        gil::give_a_chance();
    }
}

pub mod exclusive {
    use super::Python;
    use crate::gil;

    pub fn exclusively<T>(_: Python<'_>, work: impl FnOnce() -> T) -> T {
        gil::exclusively(work)
    }
}

pub mod function {
    use super::Python;
    use crate::gil;

    pub struct Forgotten;

    pub fn forget(_: Python<'_>) -> Forgotten {
        Forgotten
    }

    impl Drop for Forgotten {
        fn drop(&mut self) {
            gil::give_a_chance(); // what was cached may have finalizers
        }
    }
}

pub mod signal_stack {
    pub struct SignalStack;

    impl SignalStack {
        pub fn give() -> Option<SignalStack> {
            None
        }
    }
}

pub mod system {
    pub fn is_process_ending() -> bool {
        false
    }
}

pub mod stderr {
    pub fn complain(_: &str) {}
}
