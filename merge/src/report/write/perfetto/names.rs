//! The names of one file's functions and tasks, prepared to be interned.

use super::fields::source_location;
use super::wire::{Message, put_bytes, put_number};
use crate::events::content::ring;
use crate::plan::file::FilePlan;
use crate::plan::names;
use crate::report::write::by_id::ById;
use crate::text::display::{UNKNOWN_FUNCTION, function_name};
use std::collections::HashMap;
use std::sync::OnceLock;
use viztracer_format::names::Function;

/// The functions and tasks of a file.
#[derive(Debug)]
pub struct FileNames {
    functions: Vec<FunctionName>,
    /// Indexes in `functions`, by function id.
    indexes: ById,
    /// Read when the first task is met: most programs have none.
    tasks: OnceLock<HashMap<u32, String>>,
}

/// A function.
#[derive(Debug)]
pub struct FunctionName {
    /// The name of its events.
    pub name: Box<str>,
    /// The fields of its `SourceLocation` but the number; `None` for what has no source.
    pub location: Option<Box<[u8]>>,
}

/// The index of every function that has no name.
const UNKNOWN: u32 = 0;

impl Default for FileNames {
    fn default() -> FileNames {
        let functions = vec![FunctionName::new(&Function { name: UNKNOWN_FUNCTION, file: "", line: 0, is_c: true })];
        FileNames { functions, indexes: ById::default(), tasks: OnceLock::new() }
    }
}

impl FileNames {
    /// Adds a function.
    pub fn add(&mut self, id: u32, function: &Function<'_>) {
        self.indexes.insert(id, self.functions.len() as u32);
        self.functions.push(FunctionName::new(function));
    }

    /// How many functions there are, the unknown one included.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// The index of a function, for `entry`.
    #[inline]
    pub fn index_of(&self, id: u32) -> usize {
        self.indexes.get(id).unwrap_or(UNKNOWN) as usize
    }

    /// The function at an index.
    pub fn entry(&self, index: usize) -> &FunctionName {
        &self.functions[index]
    }

    /// The name of a task.
    pub fn task(&self, plan: &FilePlan, serial: u32) -> String {
        let name = self.tasks.get_or_init(|| tasks(plan)).get(&serial);
        name.cloned().unwrap_or_else(|| format!("task {serial}"))
    }
}

/// The names that were given to tasks; the last one for a serial holds.
fn tasks(plan: &FilePlan) -> HashMap<u32, String> {
    let mut tasks: HashMap<u32, String> = plan.tasks.clone().into_iter().collect();
    if let (None, Ok(input)) = (plan.imported(), ring(plan)) {
        names::tasks(&input, &plan.names, |serial, name| drop(tasks.insert(serial, name.to_owned())));
    }
    tasks
}

impl FunctionName {
    fn new(function: &Function<'_>) -> FunctionName {
        let Function { name, file, line, .. } = *function;
        if file.is_empty() {
            return FunctionName { name: name.into(), location: None };
        }
        let mut location = Message::new();
        put_bytes(&mut location, source_location::file_name, file);
        put_bytes(&mut location, source_location::function_name, name);
        put_number(&mut location, source_location::line_number, line.into());
        FunctionName { name: function_name(name, file, line).into(), location: Some(location.into()) }
    }
}
