//! A directory of files, which appears under its name when it is whole, or not at all.

use super::output::TEMPORARY_PREFIX;
use crate::system::{ends_with_separator, with_usual_directory_mode};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory being written, under a temporary name. It is removed unless it is finished.
#[derive(Debug)]
pub struct NewDirectory {
    made: TempDir,
    target: PathBuf,
}

impl NewDirectory {
    /// Makes a directory that will replace nothing but an empty one.
    pub fn beside(target: &Path) -> io::Result<NewDirectory> {
        let target = match (target.parent(), target.file_name()) {
            (Some(parent), Some(name)) => parent.join(name), // without the separators behind it
            _ => target.to_path_buf(),
        };
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_dir() && fs::read_dir(&target)?.next().is_none() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(io::Error::other("only a new or an empty directory can become one of tables")),
        }
        let parent = target.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        with_usual_directory_mode(&mut builder);
        Ok(NewDirectory { made: builder.tempdir_in(parent)?, target })
    }

    /// Where its files are until it is finished.
    pub fn path(&self) -> &Path {
        self.made.path()
    }

    /// Gives the directory its name.
    pub fn finish(self) -> io::Result<()> {
        // It replaces an empty directory, and nothing else.
        fs::rename(self.made.path(), &self.target)?;
        let _ = self.made.keep();
        Ok(())
    }
}

/// Whether a path can only be that of a directory.
pub fn is_directory_name(path: &Path) -> bool {
    ends_with_separator(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn it_appears_whole_and_replaces_nothing_but_an_empty_one() {
        let around = tempfile::tempdir().unwrap();
        let path = |name: &str| around.path().join(name);
        for name in ["new/", "empty//"] {
            fs::create_dir_all(path("empty")).unwrap();
            let made = NewDirectory::beside(&path(name)).unwrap();
            fs::write(made.path().join("table"), "rows").unwrap();
            assert!(!path(name).join("table").exists(), "{name}");
            made.finish().unwrap();
            assert_eq!(fs::read(path(name).join("table")).unwrap(), b"rows", "{name}");
        }
        fs::write(path("file"), "mine").unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        symlink(around.path(), path("link")).unwrap();
        for name in ["new/", "file/", "dangling/", "link/", "no/such/", "/"] {
            assert!(NewDirectory::beside(&path(name)).is_err(), "{name}");
        }
        drop(NewDirectory::beside(&path("dropped/")).unwrap());
        let mut left: Vec<_> = fs::read_dir(around.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort_unstable();
        assert_eq!(left, ["dangling", "empty", "file", "link", "new"]);
    }
}
