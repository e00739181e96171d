//! Control blocks of real sessions.

use super::*;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn made() -> String {
    create(crate::process::random_id(), b"/dev/shm/rings").unwrap()
}

fn path(name: &str) -> PathBuf {
    directory().join(name)
}

#[test]
fn processes_are_counted_until_the_session_is_over() {
    let name = made();
    assert!(join(&name).unwrap());
    assert!(join(&name).unwrap());
    refuse(&name).unwrap();
    assert_eq!(end(&name).unwrap(), Counts { joined: 1, refused: 1 });
    assert!(!join(&name).unwrap());
    assert_eq!(end(&name).unwrap(), Counts { joined: 1, refused: 1 });
    remove(&name);
    assert!(join(&name).is_err());
    assert!(!path(&name).exists());
}

#[test]
fn a_message_is_printed_once_in_a_session() {
    let (name, other) = (made(), made());
    assert!(is_first_to_print(&name, 1).unwrap() && is_first_to_print(&name, 2).unwrap());
    assert!(!is_first_to_print(&name, 1).unwrap() && !is_first_to_print(&name, 2).unwrap());
    assert!(is_first_to_print(&other, 1).unwrap());
    remove(&name);
    remove(&other);
    assert!(is_first_to_print(&name, 1).is_err());
}

#[test]
fn nobody_joins_a_session_that_is_over() {
    let name = made();
    let memory = open(&name).unwrap();
    words(&memory).unwrap().over.store(1, Ordering::SeqCst);
    assert!(!join(&name).unwrap());
    assert_eq!(end(&name).unwrap(), Counts::default());
    remove(&name);
}

fn is_locked(name: &str) -> bool {
    let file = open_file(name).unwrap();
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// The first process reads the ring files after the end of the session: others see that it lives.
#[test]
fn a_session_is_locked_until_its_block_is_removed() {
    let name = made();
    assert!(is_locked(&name));
    end(&name).unwrap();
    assert!(is_locked(&name));
    let_go(&name);
    assert!(!is_locked(&name));
    hold(&name).unwrap();
    assert!(is_locked(&name));
    remove(&name);
    assert!(ignore_poison(HELD.lock()).iter().all(|held| held.name != name));
}

/// Somebody who looks whether the lock is free has it for some microseconds.
#[test]
fn a_look_does_not_keep_the_lock_from_the_first_process() {
    let name = made();
    let_go(&name);
    let looks = open_file(&name).unwrap();
    rustix::fs::flock(&looks, FlockOperation::NonBlockingLockShared).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            rustix::fs::flock(&looks, FlockOperation::Unlock).unwrap();
        });
        hold(&name).unwrap();
    });
    remove(&name);
}

#[test]
fn a_block_says_what_the_session_is() {
    let id = crate::process::random_id();
    let name = create(id, b"/dev/shm/rings").unwrap();
    let session = Session::parse(&std::fs::read(path(&name)).unwrap()).unwrap();
    remove(&name);
    let process = ProcessFacts::current();
    let description = session.description;
    assert_eq!((description.pid, description.session_id), (process.pid, id));
    assert_eq!((description.boot_id, description.process_start), (process.boot_id, process.start));
    assert_eq!((&session.directory[..], session.command.is_empty()), (&b"/dev/shm/rings"[..], false));
}

#[test]
fn what_is_no_control_block_is_refused() {
    let pid = std::process::id();
    for (kind, bytes) in [("empty", 0), ("short", 16), ("foreign", BLOCK_SIZE)] {
        let name = format!("{PREFIX}{pid}_{kind}");
        std::fs::write(path(&name), vec![b'x'; bytes]).unwrap();
        std::fs::set_permissions(path(&name), std::fs::Permissions::from_mode(0o600)).unwrap();
        let joined = join(&name);
        std::fs::remove_file(path(&name)).unwrap();
        assert_eq!(joined.unwrap_err().kind(), io::ErrorKind::InvalidData, "{kind}");
    }
    assert!(join("viztracer_control_no_such_thing").is_err());
    assert!(join("../etc/passwd").is_err());
}

#[test]
fn a_block_that_others_may_open_is_refused() {
    let name = made();
    std::fs::set_permissions(path(&name), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(join(&name).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    std::fs::set_permissions(path(&name), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(join(&name).unwrap());
    remove(&name);
}

#[test]
fn a_link_to_a_block_is_refused() {
    let (name, link) = (made(), format!("{PREFIX}{}_link", std::process::id()));
    std::os::unix::fs::symlink(path(&name), path(&link)).unwrap();
    let joined = join(&link);
    std::fs::remove_file(path(&link)).unwrap();
    assert!(joined.is_err());
    remove(&name);
}

/// A start looks at no block but its own, however many there are.
#[test]
fn what_a_killed_session_left_stays() {
    let left = format!("{PREFIX}1_left");
    std::fs::write(path(&left), [0; BLOCK_SIZE]).unwrap();
    remove(&made());
    assert!(path(&left).exists());
    std::fs::remove_file(path(&left)).unwrap();
}
