//! Which functions are recorded, decided once per code object.

/// The rules that one start of the recording has.
///
/// The file of a function decides. A function that is left out costs nothing from its first call on. It hides itself
/// and the C functions it calls; what it calls in included files is recorded.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Beginnings of paths. If there are any, other files are left out.
    pub include_files: Vec<String>,
    /// Beginnings of paths that are left out.
    pub exclude_files: Vec<String>,
    /// Whether to leave out what is frozen into the interpreter, such as the import system.
    pub ignore_frozen: bool,
    /// The directory of this package, which is left out; empty: it is not.
    pub package: String,
}

impl Filter {
    /// Whether functions of this file are recorded.
    pub fn includes(&self, file: &str) -> bool {
        let begins_with_one_of = |prefixes: &[String]| prefixes.iter().any(|prefix| file.starts_with(prefix.as_str()));
        if !self.package.is_empty() && file.starts_with(&self.package) {
            return false;
        }
        if self.ignore_frozen && file.starts_with("<frozen") {
            return false;
        }
        let included = self.include_files.is_empty() || begins_with_one_of(&self.include_files);
        included && !begins_with_one_of(&self.exclude_files)
    }
}
