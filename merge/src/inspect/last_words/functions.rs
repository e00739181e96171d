//! What functions are called.

use crate::events::content::Content;
use crate::plan::file::FilePlan;
use crate::text::display::function_name;
use std::collections::{HashMap, HashSet};

/// What some functions are called.
#[derive(Debug, Default)]
pub struct Functions(HashMap<u32, Name>);

/// A function's name as in reports, and with the last part of its file's path only.
#[derive(Debug)]
pub struct Name {
    pub whole: String,
    pub brief: String,
    pub is_c: bool,
}

impl Functions {
    /// Reads those that are wanted.
    pub fn read(content: &Content, plan: &FilePlan, wanted: &HashSet<u32>) -> Functions {
        let mut functions = Functions::default();
        content.functions(plan, |id, function| {
            if wanted.contains(&id) {
                let name = |file: &str| match file {
                    "" => function.name.to_owned(),
                    file => function_name(function.name, file, function.line),
                };
                let brief = name(function.file.rsplit('/').next().unwrap_or_default());
                functions.0.insert(id, Name { whole: name(function.file), brief, is_c: function.is_c });
            }
        });
        functions
    }

    /// What one is called, if that is known.
    pub fn get(&self, id: u32) -> Option<&Name> {
        self.0.get(&id)
    }
}
