//! One column of a row group, encoded.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type as Long, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bytes::Bytes;
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl, get_column_writer, get_typed_column_writer};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType as Stored, Int32Type as Int, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// The level at which a value is there, in a column where values may be missing.
const THERE: i16 = 1;

/// Encodes the parts of a column that make up a row group.
pub fn encode(
    column: &ColumnDescPtr,
    properties: &WriterPropertiesPtr,
    parts: &[&ArrayRef],
) -> Result<(Bytes, ColumnCloseResult)> {
    let mut encoded = TrackedWrite::new(Vec::new());
    let pages = Box::new(SerializedPageWriter::new(&mut encoded));
    let writer = get_column_writer(column.clone(), properties.clone(), pages);
    let closed = match parts.first().map(|part| part.data_type()) {
        Some(DataType::Boolean) => put::<BoolType>(get_typed_column_writer(writer), parts, booleans),
        Some(DataType::UInt32) => put::<Int>(get_typed_column_writer(writer), parts, shorts),
        Some(DataType::UInt64) => put::<Int64Type>(get_typed_column_writer(writer), parts, unsigned),
        Some(DataType::Int64) => put::<Int64Type>(get_typed_column_writer(writer), parts, longs),
        Some(DataType::Dictionary(..)) => put_words(get_typed_column_writer(writer), parts),
        _ => put::<ByteArrayType>(get_typed_column_writer(writer), parts, texts),
    };
    let closed = closed?;
    Ok((encoded.into_inner()?.into(), closed))
}

/// Writes the values of each part that are there.
fn put<T: Stored>(
    mut writer: ColumnWriterImpl<'_, T>,
    parts: &[&ArrayRef],
    values: fn(&ArrayRef) -> Vec<T::T>,
) -> Result<ColumnCloseResult> {
    let is_optional = writer.get_descriptor().max_def_level() == THERE;
    for part in parts {
        let levels = is_optional.then(|| levels(part));
        writer.write_batch(&values(part), levels.as_deref(), None)?;
    }
    writer.close()
}

/// Writes words. Many parts have the same one in all of their rows; to copy a word takes as long as to encode it, so
/// these copies are kept.
fn put_words(mut writer: ColumnWriterImpl<'_, ByteArrayType>, parts: &[&ArrayRef]) -> Result<ColumnCloseResult> {
    let mut same: Vec<ByteArray> = Vec::new();
    for part in parts {
        let (levels, dictionary) = (levels(part), part.as_dictionary::<Int32Type>().values().as_string::<i32>());
        if dictionary.len() == 1 && part.null_count() == 0 {
            let word = stored(Some(dictionary.value(0)));
            if same.first().is_some_and(|known| *known != word) {
                same.clear();
            }
            same.resize(same.len().max(part.len()), word);
            writer.write_batch(&same[..part.len()], Some(&levels), None)?;
        } else {
            writer.write_batch(&words(part), Some(&levels), None)?;
        }
    }
    writer.close()
}

fn levels(part: &ArrayRef) -> Vec<i16> {
    match part.nulls() {
        Some(nulls) => nulls.iter().map(i16::from).collect(),
        None => vec![THERE; part.len()],
    }
}

fn booleans(part: &ArrayRef) -> Vec<bool> {
    part.as_boolean().values().iter().collect()
}

fn shorts(part: &ArrayRef) -> Vec<i32> {
    part.as_primitive::<UInt32Type>().iter().flatten().map(u32::cast_signed).collect()
}

fn unsigned(part: &ArrayRef) -> Vec<i64> {
    part.as_primitive::<UInt64Type>().values().iter().map(|number| number.cast_signed()).collect()
}

fn longs(part: &ArrayRef) -> Vec<i64> {
    part.as_primitive::<Long>().iter().flatten().collect()
}

fn words(part: &ArrayRef) -> Vec<ByteArray> {
    let words = part.as_dictionary::<Int32Type>();
    let dictionary: Vec<ByteArray> = words.values().as_string::<i32>().iter().map(stored).collect();
    words.keys().iter().flatten().filter_map(|key| dictionary.get(key as usize).cloned()).collect()
}

fn texts(part: &ArrayRef) -> Vec<ByteArray> {
    part.as_string::<i32>().iter().filter(Option::is_some).map(stored).collect()
}

fn stored(text: Option<&str>) -> ByteArray {
    text.unwrap_or_default().as_bytes().to_vec().into()
}
