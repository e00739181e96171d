//! The arrays of a part.

use super::names::{Called, FileNames};
use super::rows::{CLIPPED, Keys, NO_CALL, RAISED, Rows, UNFINISHED};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, StringArray, UInt32Array, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::ArrowError;
use std::collections::HashMap;
use std::sync::Arc;

/// The arrays of all columns but those that depend on earlier parts.
#[derive(Debug)]
pub struct Columns {
    /// The columns before `start_ns`.
    first: Vec<ArrayRef>,
    depth: ArrayRef,
    /// The columns behind `parent`.
    last: Vec<ArrayRef>,
}

impl Columns {
    /// Makes the arrays of a part, whose rows give up what is in them.
    pub fn of(rows: &mut Rows, names: &FileNames) -> Result<Columns, ArrowError> {
        let count = rows.len();
        let constant = |word: Option<&str>| words(count, &[], &[word]);
        let called: Vec<&Called> = called(&rows.functions, names).collect();
        let functions = &rows.functions.rows;
        let of_functions = |word: fn(&Called) -> Option<&str>| {
            let meanings: Vec<Option<&str>> = called.iter().map(|called| word(called)).collect();
            words(count, functions, &meanings)
        };
        let (tids, threads) = of_threads(rows, names)?;
        let first: Vec<ArrayRef> = vec![
            constant(names.host.as_deref())?,
            constant(names.boot.as_deref())?,
            Arc::new(UInt32Array::from_value(names.pid, count)),
            constant(names.process.as_deref())?,
            tids,
            threads,
            of_tasks(rows, names)?,
            of_functions(|called| called.name.as_deref())?,
            of_functions(|called| called.module.as_deref())?,
            of_functions(|called| called.file.as_deref())?,
            Arc::new(lines(functions, &called)),
        ];
        let flag = |flag: u8| -> ArrayRef {
            let is_set = |row: usize| rows.flags[row] & flag != 0;
            Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(count, is_set), None))
        };
        let last: Vec<ArrayRef> =
            vec![flag(RAISED), flag(UNFINISHED), flag(CLIPPED), Arc::new(arguments(&rows.arguments, count)?)];
        let depth = Arc::new(UInt32Array::from(std::mem::take(&mut rows.depths)));
        Ok(Columns { first, depth, last })
    }

    /// All columns, with those that rows have whose ids are settled. Times count from `begin`.
    pub fn with(self, rows: Rows, begin: i64) -> Vec<ArrayRef> {
        let Rows { numbers, parents, mut starts, durations, own, .. } = rows;
        starts.iter_mut().for_each(|start| *start = start.saturating_add(begin));
        let has_parent: NullBuffer = parents.iter().map(|parent| *parent != NO_CALL).collect();
        let mut columns = self.first;
        columns.extend([starts, durations, own].map(|times| Arc::new(Int64Array::from(times)) as ArrayRef));
        columns.push(self.depth);
        columns.push(Arc::new(Int64Array::from(numbers)));
        columns.push(Arc::new(Int64Array::new(parents.into(), Some(has_parent))));
        columns.extend(self.last);
        columns
    }
}

fn called<'a>(functions: &'a Keys, names: &'a FileNames) -> impl Iterator<Item = &'a Called> {
    let unknown = &names.functions[0];
    functions.meanings.iter().map(move |number| names.functions.get(*number as usize).unwrap_or(unknown))
}

/// Where the functions begin.
fn lines(keys: &[u32], called: &[&Called]) -> UInt32Array {
    let has_line = || keys.iter().map(|key| called[*key as usize].line.is_some()).collect::<NullBuffer>();
    let nulls = called.iter().any(|called| called.line.is_none()).then(has_line);
    let plain: Vec<u32> = called.iter().map(|called| called.line.unwrap_or(0)).collect();
    let lines: Vec<u32> = keys.iter().map(|key| plain[*key as usize]).collect();
    UInt32Array::new(lines.into(), nulls)
}

/// The names of tasks. Task 0 stands for calls outside of tasks.
fn of_tasks(rows: &Rows, names: &FileNames) -> Result<ArrayRef, ArrowError> {
    let meanings: Vec<Option<String>> =
        rows.tasks.iter().map(|(_, serial)| (*serial != 0).then(|| names.task(*serial))).collect();
    let meanings: Vec<Option<&str>> = meanings.iter().map(Option::as_deref).collect();
    let ends = rows.tasks.iter().skip(1).map(|(begin, _)| *begin).chain([rows.len()]);
    words(rows.len(), &runs(ends), &meanings)
}

/// The key of each row, where the first rows have the key 0, and there is an end of the rows with each key.
fn runs(ends: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut keys = Vec::new();
    for (key, end) in (0..).zip(ends) {
        keys.resize(end, key);
    }
    keys
}

/// The ids and names of threads.
fn of_threads(rows: &Rows, names: &FileNames) -> Result<(ArrayRef, ArrayRef), ArrowError> {
    let (mut tids, mut meanings) = (Vec::with_capacity(rows.len()), Vec::new());
    for part in &rows.threads {
        let thread = names.threads.get(part.thread);
        tids.resize(part.rows.end, thread.map_or(0, |(tid, _)| *tid));
        meanings.push(thread.and_then(|(_, name)| name.as_deref()));
    }
    let keys = runs(rows.threads.iter().map(|part| part.rows.end));
    Ok((Arc::new(UInt64Array::from(tids)), words(rows.len(), &keys, &meanings)?))
}

/// A column of words: the key of each row has a word, or none. If there is one key only, `keys` does not matter. The
/// dictionary has each word once.
fn words(count: usize, keys: &[u32], meanings: &[Option<&str>]) -> Result<ArrayRef, ArrowError> {
    let (mut dictionary, mut indexes) = (Vec::new(), HashMap::new());
    let mut index = |word| {
        *indexes.entry(word).or_insert_with(|| {
            dictionary.push(word);
            dictionary.len() as i32 - 1
        })
    };
    let known: Vec<Option<i32>> = meanings.iter().map(|word| word.map(&mut index)).collect();
    let (indexes, nulls) = match &known[..] {
        [] | [None] => (vec![0; count], Some(NullBuffer::new_null(count))),
        [Some(_)] => (vec![0; count], None),
        _ => {
            let plain: Vec<i32> = known.iter().map(|index| index.unwrap_or(0)).collect();
            let has_word = || keys.iter().map(|key| known[*key as usize].is_some()).collect::<NullBuffer>();
            let indexes = keys.iter().map(|key| plain[*key as usize]).collect();
            (indexes, known.contains(&None).then(has_word))
        }
    };
    if dictionary.is_empty() {
        dictionary.push(""); // there is a word for each index, also where no row has a word
    }
    let keys = Int32Array::new(indexes.into(), nulls);
    let dictionary = Arc::new(StringArray::from(dictionary));
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, dictionary)?))
}

/// A column of the text that some rows have, in their order.
fn arguments(rows: &[(usize, String)], count: usize) -> Result<StringArray, ArrowError> {
    if rows.is_empty() {
        return Ok(StringArray::new_null(count));
    }
    let bytes: usize = rows.iter().map(|(_, text)| text.len()).sum();
    if i32::try_from(bytes).is_err() {
        return Err(ArrowError::OffsetOverflowError(bytes));
    }
    let mut texts = rows.iter().peekable();
    Ok((0..count).map(|row| texts.next_if(|(of, _)| *of == row).map(|(_, text)| text)).collect())
}
