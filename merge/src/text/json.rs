//! What JSON documents for programs have in common.

use super::display::UNKNOWN_FUNCTION;
use serde_json::{Value, json};
use viztracer_format::names::Function;

/// A document with these members. The schema is its form, such as `top/1`: merge/README.md says when its number grows.
pub fn document(schema: &str, members: Value) -> String {
    let mut document = json!({
        "schema": format!("viztracer-ring/{schema}"),
        "version": env!("CARGO_PKG_VERSION"),
    });
    extend(&mut document, members);
    format!("{document:#}\n")
}

/// Adds the members of an object to those of another one.
pub fn extend(to: &mut Value, from: Value) {
    if let (Value::Object(to), Value::Object(from)) = (to, from) {
        to.extend(from);
    }
}

/// A function; `None`: its name is not known.
pub fn function(function: Option<Function<'_>>) -> Value {
    let Function { name, file, line, is_c } =
        function.unwrap_or(Function { name: UNKNOWN_FUNCTION, file: "", line: 0, is_c: false });
    json!({ "function": name, "file": file, "line": line, "is_c": is_c })
}
