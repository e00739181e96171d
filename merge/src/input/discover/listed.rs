//! A list of paths from standard input: one a line, or with a NUL behind each, as `find -print0` writes them.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// How long at most Ctrl+C is not heeded.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Reads to the end of the input, unless `interrupted`, and gives the paths that stand in it.
pub fn listed(from: impl AsFd, interrupted: &dyn Fn() -> bool) -> io::Result<Vec<PathBuf>> {
    let mut text = Vec::new();
    let mut buffer = [0; 1 << 16];
    loop {
        if interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut ready = [PollFd::new(&from, PollFlags::IN)];
        match poll(&mut ready, Some(&PATIENCE)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match read(&from, &mut buffer) {
            // Ctrl+C ends the writer of the list as well, and its end may be seen first.
            Ok(0) if interrupted() => return Err(io::ErrorKind::Interrupted.into()),
            Ok(0) => return Ok(paths(&text)),
            Ok(bytes) => text.extend(buffer.iter().take(bytes)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn paths(text: &[u8]) -> Vec<PathBuf> {
    let separator = if text.contains(&0) { 0 } else { b'\n' };
    let names = text.split(|byte| *byte == separator).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_or_with_nuls_whatever_is_in_a_name() {
        let read =
            |text: &[u8]| paths(text).iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect::<Vec<_>>();
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
