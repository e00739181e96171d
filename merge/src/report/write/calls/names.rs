//! The words of a file's calls: names of its process, threads, tasks and functions.

use crate::events::content::Content;
use crate::plan::file::FilePlan;
use crate::plan::names;
use crate::report::write::by_id::ById;
use std::collections::BTreeMap;
use viztracer_format::names::Function;

/// The names of a file. What has no name in the file has none here.
#[derive(Debug)]
pub struct FileNames {
    /// The name of the machine.
    pub host: Option<String>,
    /// The boot of the machine.
    pub boot: Option<String>,
    /// The process's id.
    pub pid: u32,
    /// The process's name.
    pub process: Option<String>,
    /// The id and the name of each thread, by its index in the plan.
    pub threads: Vec<(u64, Option<String>)>,
    /// The names of tasks, by serial.
    tasks: BTreeMap<u32, String>,
    indexes: ById,
    /// The functions; the first one stands for those without a name.
    pub functions: Vec<Called>,
}

/// A function that is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// Its qualified name.
    pub name: Option<Box<str>>,
    /// Its module, as far as the trace knows it.
    pub module: Option<Box<str>>,
    /// The path of its source, if it has one.
    pub file: Option<Box<str>>,
    /// Its first line, if it has source.
    pub line: Option<u32>,
}

/// The number of a function without a name.
const UNKNOWN: u32 = 0;

impl FileNames {
    /// Those of a plan, without functions.
    pub fn of(plan: &FilePlan, content: Option<&Content>) -> FileNames {
        let mut tasks = plan.tasks.clone();
        if let Some(Content::Ring(input)) = content {
            names::tasks(input, &plan.names, |serial, name| drop(tasks.insert(serial, name.to_owned())));
        }
        FileNames {
            host: plan.recording.host.clone(),
            boot: plan.recording.boot.id(),
            pid: plan.recording.pid,
            process: plan.process.clone(),
            threads: plan.threads.iter().map(|thread| (thread.tid, thread.name.clone())).collect(),
            tasks,
            indexes: ById::default(),
            functions: vec![Called::default()],
        }
    }

    /// Adds a function.
    pub fn add(&mut self, id: u32, function: &Function<'_>) {
        self.indexes.insert(id, self.functions.len() as u32);
        self.functions.push(Called::of(function));
    }

    /// The number of a function: its index in `functions`.
    #[inline]
    pub fn number(&self, id: u32) -> u32 {
        self.indexes.get(id).unwrap_or(UNKNOWN)
    }

    /// The name of a task, or what stands for it.
    pub fn task(&self, serial: u32) -> String {
        self.tasks.get(&serial).cloned().unwrap_or_else(|| format!("task {serial}"))
    }
}

impl Called {
    fn of(function: &Function<'_>) -> Called {
        let Function { name, file, line, .. } = *function;
        let has_source = !file.is_empty();
        Called {
            name: Some(name.into()),
            module: module(function).map(Into::into),
            file: has_source.then(|| file.into()),
            line: has_source.then_some(line),
        }
    }
}

/// What a trace knows of a function's module: of a C function what stands before its name, of a Python function what
/// its source is called. The packages around a module are not known.
fn module<'a>(function: &Function<'a>) -> Option<&'a str> {
    if function.file.is_empty() {
        return function.name.rsplit_once('.').map(|(module, _)| module);
    }
    if let Some(frozen) = function.file.strip_prefix("<frozen ") {
        return frozen.strip_suffix('>');
    }
    let mut parts = function.file.rsplit('/');
    match parts.next()?.strip_suffix(".py")? {
        "__init__" => parts.next(),
        module => Some(module),
    }
    .filter(|module| !module.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_module() {
        for (name, file, expected) in [
            ("time.sleep", "", Some("time")),
            ("a.b.c", "", Some("a.b")),
            ("lonely", "", None),
            ("f", "/x/json/decoder.py", Some("decoder")),
            ("f", "/x/json/__init__.py", Some("json")),
            ("f", "__init__.py", None),
            ("f", "/__init__.py", None),
            ("f", "a.py", Some("a")),
            ("f", "/x/.py", None),
            ("f", "<frozen importlib._bootstrap>", Some("importlib._bootstrap")),
            ("f", "<string>", None),
            ("f", "/x/script", None),
        ] {
            let function = Function { name, file, line: 1, is_c: file.is_empty() };
            assert_eq!(module(&function), expected, "{name} {file}");
        }
    }
}
