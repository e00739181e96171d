//! The identity of the file that a source path leads to, by which readers of the trace know that they opened the same
//! file.

use crate::system;
use viztracer_format::names::SourceIdentity;

/// The file to which the path leads now; `None` if that is no regular file, and for names such as `<string>`.
pub fn identity(path: &str) -> Option<SourceIdentity> {
    if path.starts_with('<') {
        return None;
    }
    system::source_identity(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn regular_files_only_and_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("a.py"), directory.path().join("link.py"));
        std::fs::write(&file, "x = 1\n").unwrap();
        std::os::unix::fs::symlink("a.py", &link).unwrap();
        let of = |path: &std::path::Path| identity(path.to_str().unwrap());
        let metadata = std::fs::metadata(&file).unwrap();
        let found = of(&file).unwrap();
        assert_eq!((found.device, found.inode, found.size), (metadata.dev(), metadata.ino(), 6));
        assert_eq!(found.modified as i64, metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec());
        assert_eq!(of(&link), Some(found));
        for other in [directory.path(), std::path::Path::new("/dev/null"), &directory.path().join("none")] {
            assert_eq!(of(other), None, "{other:?}");
        }
        assert_eq!(identity("<string>"), None);
    }
}
