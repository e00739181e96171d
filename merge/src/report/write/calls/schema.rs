//! The columns of a table of calls, and what is known of the table as a whole.

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// The key of the metadata that says which `start_ns` is the begin of the trace.
const BEGIN: &str = "viztracer.begin_ns";
/// The key of what a report in JSON has as `viztracer_metadata`.
pub const METADATA: &str = "viztracer.metadata";
/// What the metadata counts while events are read.
const COUNTED: [&str; 4] = ["events", "unfinished", "left_out", "too_deep"];

/// The schema of a table of calls whose trace begins at `begin`, and that has this metadata. `docs/calls-as-data.md`
/// describes the columns.
pub fn schema(begin: i64, metadata: String) -> SchemaRef {
    let fields = vec![
        word("host"),
        word("boot"),
        Field::new("pid", DataType::UInt32, false),
        word("process"),
        Field::new("tid", DataType::UInt64, false),
        word("thread"),
        word("task"),
        word("function"),
        word("module"),
        word("file"),
        Field::new("line", DataType::UInt32, true),
        Field::new("start_ns", DataType::Int64, false),
        Field::new("duration_ns", DataType::Int64, false),
        Field::new("self_ns", DataType::Int64, false),
        Field::new("depth", DataType::UInt32, false),
        Field::new("id", DataType::Int64, false),
        Field::new("parent", DataType::Int64, true),
        Field::new("raised", DataType::Boolean, false),
        Field::new("unfinished", DataType::Boolean, false),
        Field::new("clipped", DataType::Boolean, false),
        Field::new("args", DataType::Utf8, true),
    ];
    let about = HashMap::from([(BEGIN.to_owned(), begin.to_string()), (METADATA.to_owned(), metadata)]);
    Arc::new(Schema::new_with_metadata(fields, about))
}

/// The metadata of a report of which no events were read yet, without the counts of those.
pub fn before_reading(metadata: &str) -> String {
    let mut metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
    let list = |value: &mut Value, name: &str| value.get_mut(name).and_then(Value::as_array_mut).map(std::mem::take);
    let mut processes = list(&mut metadata, "processes").unwrap_or_default();
    for process in &mut processes {
        for thread in process.get_mut("threads").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(thread) = thread {
                COUNTED.iter().for_each(|name| drop(thread.shift_remove(*name)));
            }
        }
    }
    metadata["processes"] = processes.into();
    metadata.to_string()
}

/// A column of words of which there are few.
fn word(name: &str) -> Field {
    Field::new(name, DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), true)
}
