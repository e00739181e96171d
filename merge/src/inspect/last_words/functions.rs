//! The names of functions.

use crate::events::content::Content;
use crate::plan::file::FilePlan;
use crate::text::display::display_name;
use std::collections::{HashMap, HashSet};
use viztracer_format::names::Function;

/// The names of some functions, by id.
#[derive(Debug, Default)]
pub struct FunctionNames(HashMap<u32, NamedFunction>);

/// A function whose name is known.
#[derive(Debug)]
pub struct NamedFunction {
    name: String,
    file: String,
    line: u32,
    pub is_c: bool,
}

impl NamedFunction {
    fn of(function: &Function<'_>) -> NamedFunction {
        let Function { name, file, line, is_c } = *function;
        NamedFunction { name: name.to_owned(), file: file.to_owned(), line, is_c }
    }

    /// The function.
    pub fn function(&self) -> Function<'_> {
        Function { name: &self.name, file: &self.file, line: self.line, is_c: self.is_c }
    }

    /// Its name as in reports.
    pub fn name(&self) -> String {
        display_name(&self.function())
    }

    /// The same, with only the last part of its file's path.
    pub fn brief(&self) -> String {
        let file = self.file.rsplit('/').next().unwrap_or_default();
        display_name(&Function { file, ..self.function() })
    }
}

impl FunctionNames {
    /// Reads the names of these functions.
    pub fn read(content: &Content, plan: &FilePlan, wanted: &HashSet<u32>) -> FunctionNames {
        let mut functions = FunctionNames::default();
        content.functions(plan, |id, function| {
            if wanted.contains(&id) {
                functions.0.insert(id, NamedFunction::of(&function));
            }
        });
        functions
    }

    /// The name of a function, if it is known.
    pub fn get(&self, id: u32) -> Option<&NamedFunction> {
        self.0.get(&id)
    }
}
