//! Functions of the interpreter that pyo3 does not declare.

/// Declares functions and variables of the interpreter. On Windows, they are in the library that `build.rs` names in
/// `cfg(python_dll)`; elsewhere, the process has them.
macro_rules! from_interpreter {
    (@in [$($library:literal)*] $declarations:tt) => {
        $(#[cfg_attr(all(windows, python_dll = $library), link(name = $library, kind = "raw-dylib"))])*
        unsafe extern "C" $declarations
    };
    ($($declarations:tt)*) => {
        from_interpreter! {
            @in [
                "python310" "python311" "python312" "python313" "python314" "python315"
                "python313t" "python314t" "python315t"
            ]
            { $($declarations)* }
        }
    };
}

pub(crate) use from_interpreter;
