//! The words of a control block by which a session is switched: how `viztracer-ctl` writes them, and how a process of
//! the session looks at them. `viztracer_format::control` has their bytes.
//!
//! A look opens the block by its name, copies the words and closes it. So a process that records keeps neither a
//! descriptor, which the program could close or pass on, nor a mapping, which costs SIGBUS when somebody cuts the block.
//! One that is paused keeps a descriptor ([`OpenBlock`]).

use crate::clock::monotonic;
use crate::control::{open, open_file, parts};
use crate::known_file::KnownFile;
use crate::system::{is_linked, read_at};
use std::fs::File;
use std::io;
use std::sync::atomic::{Ordering, fence};
use viztracer_format::control::TEXT_OFFSET;
pub use viztracer_format::control::{Mark, Switches, Wanted};

/// What the block with this name says; it must be that of this session.
///
/// # Errors
/// There is no such block of this user, or it is of another session or version.
pub fn look(name: &str, session_id: [u8; 16]) -> io::Result<Switches> {
    read(&open_file(name)?, session_id)
}

fn read(file: &File, session_id: [u8; 16]) -> io::Result<Switches> {
    let mut copy = [0; TEXT_OFFSET];
    let size = read_at(file, &mut copy, 0)?;
    fence(Ordering::Acquire); // the next look sees nothing older
    Switches::parse(&copy[..size], session_id).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A block that is looked at again and again, by a thread beside the program. If that opened a file each time, a file
/// that the program opens at the same time would not get the lowest free number. So the block stays open, under a high
/// number. It also stays readable if the process changes its user or its root.
#[derive(Debug)]
pub struct OpenBlock {
    name: String,
    session_id: [u8; 16],
    file: Option<KnownFile>,
}

impl OpenBlock {
    /// The block with this name, of this session. If it cannot be opened now, each look tries that again.
    pub fn new(name: String, session_id: [u8; 16]) -> OpenBlock {
        let mut block = OpenBlock { name, session_id, file: None };
        let _ = block.open();
        block
    }

    /// Does the same as the function [`look`]. Opens the block anew if it has been removed, or if the program has closed
    /// the descriptor.
    ///
    /// # Errors
    /// As for [`look`].
    pub fn look(&mut self) -> io::Result<Switches> {
        let is_there = |file: KnownFile| file.borrowed().and_then(|file| is_linked(&*file)).unwrap_or(false);
        if !self.file.is_some_and(is_there) {
            self.close();
            self.open()?;
        }
        let file = self.file.as_ref().and_then(KnownFile::borrowed);
        read(&*file.ok_or(io::ErrorKind::NotFound)?, self.session_id)
    }

    fn open(&mut self) -> io::Result<()> {
        self.file = Some(KnownFile::new(open_file(&self.name)?)?);
        Ok(())
    }

    fn close(&mut self) {
        if let Some(file) = self.file.take() {
            file.close();
        }
    }
}

impl Drop for OpenBlock {
    fn drop(&mut self) {
        self.close();
    }
}

/// Has the processes of a session do this from now on. Returns whether that changes anything: a session that has
/// stopped stays so.
///
/// # Errors
/// There is no such block, or it is damaged.
pub fn switch(name: &str, to: Wanted) -> io::Result<bool> {
    Ok(parts(&open(name)?)?.switches.switch(to))
}

/// Has the processes of a session record a mark with this name at the current time.
///
/// # Errors
/// There is no such block, or it is damaged; or the name is empty, too long, or has a NUL.
pub fn mark(name: &str, text: &str) -> io::Result<()> {
    let is_name = parts(&open(name)?)?.switches.mark(monotonic(), text);
    if is_name { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::control::{create, remove};
    use std::os::fd::{FromRawFd, OwnedFd};
    use std::os::unix::fs::{FileExt, PermissionsExt};
    use std::path::PathBuf;
    use viztracer_format::control::MARK_SLOTS;

    fn made() -> (String, [u8; 16]) {
        let id = crate::process::random_id();
        (create(id, b"/dev/shm/rings").unwrap(), id)
    }

    fn path(name: &str) -> PathBuf {
        crate::control::directory().join(name)
    }

    #[test]
    fn what_is_switched_is_seen_until_the_session_stops() {
        let (name, id) = made();
        let wanted = || look(&name, id).unwrap().wanted;
        assert_eq!(wanted(), Wanted::Recording);
        for (to, changes, then) in [
            (Wanted::Recording, false, Wanted::Recording),
            (Wanted::Paused, true, Wanted::Paused),
            (Wanted::Paused, false, Wanted::Paused),
            (Wanted::Recording, true, Wanted::Recording),
            (Wanted::Stopped, true, Wanted::Stopped),
            (Wanted::Recording, false, Wanted::Stopped),
        ] {
            assert_eq!((switch(&name, to).unwrap(), wanted()), (changes, then), "{to:?}");
        }
        remove(&name);
        assert!(look(&name, id).is_err() && switch(&name, Wanted::Paused).is_err());
    }

    #[test]
    fn the_newest_marks_are_seen() {
        let (name, id) = made();
        let begin = monotonic();
        for number in 1..=MARK_SLOTS + 2 {
            mark(&name, &format!("mark {number}")).unwrap();
        }
        let now = look(&name, id).unwrap();
        assert_eq!(now.marks, MARK_SLOTS as u64 + 2);
        let marks = Vec::from_iter((1..=now.marks).map(|number| now.mark(number, &now, &now)));
        assert!(marks[..2].iter().all(Option::is_none));
        for (index, mark) in marks.iter().enumerate().skip(2) {
            let mark = mark.as_ref().unwrap();
            assert_eq!(mark.name, format!("mark {}", index + 1));
            assert!(mark.time >= begin && mark.time <= monotonic());
        }
        for wrong in ["", "a\0b", &"x".repeat(65)] {
            assert_eq!(mark(&name, wrong).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        remove(&name);
    }

    #[test]
    fn an_open_block_is_opened_anew_if_it_is_removed_or_closed() {
        let (name, id) = made();
        let mut block = OpenBlock::new(name.clone(), id);
        switch(&name, Wanted::Paused).unwrap();
        let number = block.file.unwrap().number;
        assert!(number > 2 && block.look().unwrap().wanted == Wanted::Paused);
        assert_eq!(block.file.unwrap().number, number);
        // The program closes it and has another file under the number.
        let other = std::fs::File::open("/dev/null").unwrap();
        // SAFETY: closes the file of `block`, which notices that.
        assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&other), number) }, number);
        assert_eq!(block.look().unwrap().wanted, Wanted::Paused);
        assert_ne!(block.file.unwrap().number, number);
        let bytes = std::fs::read(path(&name)).unwrap();
        remove(&name);
        assert_eq!(block.look().unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(path(&name), bytes).unwrap();
        std::fs::set_permissions(path(&name), PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(block.look().unwrap().wanted, Wanted::Paused);
        remove(&name);
        // SAFETY: the number is this test's since the call of `dup2`.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }

    #[test]
    fn other_blocks_say_nothing() {
        let (name, id) = made();
        assert!(look(&name, [0; 16]).is_err());
        std::fs::set_permissions(path(&name), PermissionsExt::from_mode(0o644)).unwrap();
        assert!(look(&name, id).is_err());
        std::fs::set_permissions(path(&name), PermissionsExt::from_mode(0o600)).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(path(&name)).unwrap();
        file.write_all_at(&[0xff; 700], 288).unwrap();
        assert_eq!(look(&name, id).unwrap().wanted, Wanted::Recording);
        file.set_len(1000).unwrap();
        assert!(look(&name, id).is_err());
        remove(&name);
    }
}
