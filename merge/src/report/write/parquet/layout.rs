//! The columns of a table in Parquet, and how they are encoded.

use crate::report::write::calls::METADATA;
use arrow_schema::{DataType, Field, Schema};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use std::sync::Arc;

/// Columns of numbers of which many rows have the same ones: a dictionary is shorter as long as it is small.
const DURATIONS: [&str; 2] = ["duration_ns", "self_ns"];
/// Columns of numbers that are near those of the rows before.
const NEAR: [&str; 3] = ["start_ns", "id", "parent"];

/// The columns of a schema in Parquet.
pub fn columns(schema: &Schema) -> Result<TypePtr> {
    let fields = schema.fields().iter().map(|field| column(field).map(Arc::new));
    let fields = fields.collect::<Result<Vec<TypePtr>>>()?;
    Ok(Arc::new(Type::group_type_builder("calls").with_fields(fields).build()?))
}

fn column(field: &Field) -> Result<Type> {
    let integer = |bit_width| LogicalType::integer(bit_width, false);
    let (physical, logical) = match field.data_type() {
        DataType::Boolean => (Physical::BOOLEAN, None),
        DataType::UInt32 => (Physical::INT32, Some(integer(32))),
        DataType::UInt64 => (Physical::INT64, Some(integer(64))),
        DataType::Int64 => (Physical::INT64, None),
        _ => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let repetition = if field.is_nullable() { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    Type::primitive_type_builder(field.name(), physical).with_logical_type(logical).with_repetition(repetition).build()
}

/// How the columns are encoded. Readers skip row groups by their statistics.
pub fn properties(schema: &Schema) -> WriterPropertiesPtr {
    // What is known before events are read is not all: the rest comes when they were.
    let about = schema.metadata().iter().filter(|(key, _)| *key != METADATA);
    let about = about.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let properties = WriterProperties::builder()
        .set_created_by(concat!("viztracer-ring version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(about.collect()));
    let delta = |properties: WriterPropertiesBuilder, name: &str| {
        properties.set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED)
    };
    let properties = DURATIONS.into_iter().chain(NEAR).fold(properties, delta);
    let plain = |properties: WriterPropertiesBuilder, name: &str| {
        properties.set_column_dictionary_enabled(ColumnPath::from(name), false)
    };
    Arc::new(NEAR.into_iter().fold(properties, plain).build())
}
