//! The names of functions.

use crate::events::content::Content;
use crate::plan::file::FilePlan;
use crate::text::display::function_name;
use std::collections::{HashMap, HashSet};
use viztracer_format::names::Function;

/// The names of some functions, by id.
#[derive(Debug, Default)]
pub struct FunctionNames(HashMap<u32, DisplayNames>);

/// A function's name as in reports, in brief, with only the last part of its file's path, and its parts.
#[derive(Debug)]
pub struct DisplayNames {
    pub whole: String,
    pub brief: String,
    pub name: String,
    pub file: String,
    pub line: u32,
    pub is_c: bool,
}

impl DisplayNames {
    /// The function that has these names.
    pub fn function(&self) -> Function<'_> {
        Function { name: &self.name, file: &self.file, line: self.line, is_c: self.is_c }
    }
}

impl FunctionNames {
    /// Reads the names of these functions.
    pub fn read(content: &Content, plan: &FilePlan, wanted: &HashSet<u32>) -> FunctionNames {
        let mut functions = FunctionNames::default();
        content.functions(plan, |id, function| {
            if wanted.contains(&id) {
                let name = |file: &str| match file {
                    "" => function.name.to_owned(),
                    file => function_name(function.name, file, function.line),
                };
                let brief = name(function.file.rsplit('/').next().unwrap_or_default());
                let names = DisplayNames {
                    whole: name(function.file),
                    brief,
                    name: function.name.to_owned(),
                    file: function.file.to_owned(),
                    line: function.line,
                    is_c: function.is_c,
                };
                functions.0.insert(id, names);
            }
        });
        functions
    }

    /// The name of a function, if it is known.
    pub fn get(&self, id: u32) -> Option<&DisplayNames> {
        self.0.get(&id)
    }
}
