//! A list of paths from standard input: one a line, or with a NUL behind each, as `find -print0` writes them.

use crate::system::{AsOpen, path_of, read_soon};
use std::io;
use std::path::PathBuf;

/// Reads to the end of the input, unless `interrupted`, and gives the paths that stand in it.
pub fn listed(from: impl AsOpen, interrupted: &dyn Fn() -> bool) -> io::Result<Vec<PathBuf>> {
    let mut text = Vec::new();
    let mut buffer = [0; 1 << 16];
    loop {
        if interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match read_soon(&from, &mut buffer)? {
            // Ctrl+C ends the writer of the list as well, and its end may be seen first.
            Some(0) if interrupted() => return Err(io::ErrorKind::Interrupted.into()),
            Some(0) => return Ok(paths(&text)),
            Some(bytes) => text.extend(buffer.iter().take(bytes)),
            None => {}
        }
    }
}

fn paths(text: &[u8]) -> Vec<PathBuf> {
    let separator = if text.contains(&0) { 0 } else { b'\n' };
    let names = text.split(|byte| *byte == separator).filter(|name| !name.is_empty());
    names.map(path_of).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn lines_or_with_nuls_whatever_is_in_a_name() {
        let read = |text: &[u8]| {
            paths(text).iter().map(|path| path.as_os_str().as_encoded_bytes().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(read(b""), Vec::<Vec<u8>>::new());
        assert_eq!(read(b"a b.bin\n\n/x/\xff.bin"), [b"a b.bin".to_vec(), b"/x/\xff.bin".to_vec()]);
        assert_eq!(read(b"one\ntwo\0three\0"), [b"one\ntwo".to_vec(), b"three".to_vec()]);
    }

    #[test]
    fn a_list_that_does_not_come_can_be_interrupted() {
        let (from, _to) = std::io::pipe().unwrap();
        let error = listed(&from, &|| true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
