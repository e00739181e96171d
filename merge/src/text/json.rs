//! What JSON documents for programs have in common.

use super::display::UNKNOWN_FUNCTION;
use serde_json::{Value, json};
use viztracer_format::names::Function;

/// A function; `None`: its name is not known.
pub fn function(function: Option<Function<'_>>) -> Value {
    let Function { name, file, line, is_c } =
        function.unwrap_or(Function { name: UNKNOWN_FUNCTION, file: "", line: 0, is_c: false });
    json!({ "function": name, "file": file, "line": line, "is_c": is_c })
}
