//! Removes given directories from paths: paths get shorter, and do not show where a user keeps files.

use std::path::Path;
use viztracer_format::names::Function;

/// Directories that are removed where paths of source files are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// Without a slash at the end, the longest first.
    directories: Vec<String>,
}

impl Prefixes {
    /// Prepares these directories. An empty one, or the root, removes nothing.
    pub fn new(directories: impl IntoIterator<Item = impl AsRef<Path>>) -> Prefixes {
        let plain = |path: String| path.trim_end_matches('/').to_owned();
        let directories = directories.into_iter().map(|path| plain(path.as_ref().to_string_lossy().into_owned()));
        let mut directories: Vec<String> = directories.filter(|path| !path.is_empty()).collect();
        directories.sort_unstable_by_key(|path| std::cmp::Reverse(path.len()));
        Prefixes { directories }
    }

    /// The path without the longest directory that it lies in.
    pub fn strip<'a>(&self, path: &'a str) -> &'a str {
        let inside = |directory: &String| path.strip_prefix(&**directory)?.strip_prefix('/');
        let rest = self.directories.iter().find_map(inside).map(|rest| rest.trim_start_matches('/'));
        rest.filter(|rest| !rest.is_empty()).unwrap_or(path)
    }

    /// The function with its path as it is shown.
    pub fn shown<'a>(&self, function: &Function<'a>) -> Function<'a> {
        Function { file: self.strip(function.file), ..*function }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_components_and_the_longest_first() {
        let prefixes = Prefixes::new(["/home/me/", "/home/me/project", "", "/", "relative//"]);
        for (path, shown) in [
            ("/home/me/a.py", "a.py"),
            ("/home/me/project/b.py", "b.py"),
            ("/home/me//work.py", "work.py"),
            ("/home/mean/c.py", "/home/mean/c.py"),
            ("/home/me", "/home/me"),
            ("/home/me/", "/home/me/"),
            ("relative/d.py", "d.py"),
            ("/usr/lib/e.py", "/usr/lib/e.py"),
            ("<frozen os>", "<frozen os>"),
            ("", ""),
        ] {
            assert_eq!(prefixes.strip(path), shown, "{path}");
        }
    }
}
