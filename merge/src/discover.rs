//! From what the user names to the ring files meant by it, in an order that does not depend on the file system.

use crate::error::{BadInput, Problem};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories deeper than this are not looked into; also what ends a loop of symbolic links.
const DEPTH_MAX: usize = 64;

/// The files to read, each once, and the inputs that name none.
pub fn discover(inputs: &[PathBuf]) -> (Vec<PathBuf>, Vec<BadInput>) {
    let mut found = Found::default();
    for input in inputs {
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => found.directory(input),
            Ok(_) => found.file(input.clone()),
            Err(error) => found.bad.push(BadInput::new(input, error)),
        }
    }
    (found.files, found.bad)
}

#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    seen: HashSet<PathBuf>,
    bad: Vec<BadInput>,
}

impl Found {
    fn file(&mut self, path: PathBuf) {
        let known = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if self.seen.insert(known) {
            self.files.push(path);
        }
    }

    fn directory(&mut self, path: &Path) {
        let (files_before, bad_before) = (self.seen.len(), self.bad.len());
        let mut any = false;
        self.walk(path, 0, &mut any);
        if !any && self.seen.len() == files_before && self.bad.len() == bad_before {
            self.bad.push(BadInput::new(path, Problem::new("no .bin file in this directory")));
        }
    }

    /// The directory's own files by name, then what its directories hold.
    fn walk(&mut self, path: &Path, depth: usize, any: &mut bool) {
        let mut directories = Vec::new();
        for entry in self.list(path) {
            match fs::metadata(&entry) {
                Ok(metadata) if metadata.is_dir() => directories.push(entry),
                Ok(metadata) if metadata.is_file() && is_ring(&entry) => {
                    *any = true;
                    self.file(entry);
                }
                _ => {}
            }
        }
        for directory in directories {
            if depth < DEPTH_MAX && !directory.is_symlink() {
                self.walk(&directory, depth + 1, any);
            }
        }
    }

    fn list(&mut self, path: &Path) -> Vec<PathBuf> {
        let listed =
            fs::read_dir(path).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>());
        match listed {
            Ok(mut entries) => {
                entries.sort_unstable();
                entries
            }
            Err(error) => {
                self.bad.push(BadInput::new(path, error));
                Vec::new()
            }
        }
    }
}

fn is_ring(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_the_arguments_then_names_and_each_file_once() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b.bin", "a.bin", "c.txt", "deep/z.bin", "deep/deeper/y.bin"] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let inputs = [root.path().join("c.txt"), root.path().join("b.bin"), root.path().into()];
        let (files, bad) = discover(&inputs);
        let names: Vec<_> = files.iter().map(|f| f.strip_prefix(&root).unwrap()).collect();
        let expected = ["c.txt", "b.bin", "a.bin", "deep/z.bin", "deep/deeper/y.bin"];
        assert_eq!(names, expected.map(Path::new));
        assert!(bad.is_empty());
    }

    #[test]
    fn nothing_there_and_nothing_in_it() {
        let root = tempfile::tempdir().unwrap();
        let (files, bad) = discover(&[root.path().into(), root.path().join("missing.bin")]);
        assert!(files.is_empty());
        assert_eq!(bad[0].problem.reason, "no .bin file in this directory");
        assert_eq!(bad[1].problem.reason, "No such file or directory");
    }
}
