//! Directories and files as crashes leave them, and such that only look like it.

use super::*;
use crate::sample::Ring;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use tempfile::TempDir;

/// Larger than any pid that Linux gives.
const NOBODY: u32 = 99_999_999;

struct TestDirectory(TempDir);

impl TestDirectory {
    fn new() -> TestDirectory {
        TestDirectory(tempfile::tempdir().unwrap())
    }

    fn directory(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    }

    fn ring(&self, directory: &str) -> PathBuf {
        let path = self.0.path().join(directory).join("result_1.bin");
        fs::write(&path, Ring::new(NOBODY, 5_000_000).bytes(false)).unwrap();
        path
    }

    fn find(&self, inputs: &[PathBuf]) -> Vec<String> {
        find_in(&[self.0.path().into()], &[], inputs).line().into_iter().collect()
    }
}

fn lock(path: &Path) -> File {
    let file = File::open(path).unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}

#[test]
fn a_directory_is_named_with_what_is_in_it() {
    let parent = TestDirectory::new();
    let path = parent.directory(&format!("viztracer_{NOBODY}_0123456789ab"));
    parent.ring(path.to_str().unwrap());
    let (path, found) = (path.display(), parent.find(&[]));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(&format!("left behind: {path}: 1 file, 9 kB, last written 20")), "{found:?}");
    assert!(found[0].ends_with(&format!(" s ago; merge it: viztracer-merge {path}, or remove it")), "{found:?}");
}

#[test]
fn an_empty_one_can_only_be_removed() {
    let parent = TestDirectory::new();
    parent.directory(&format!("viztracer_{NOBODY}_0123456789ab"));
    let found = parent.find(&[]);
    assert!(found[0].contains(": empty, made ") && found[0].ends_with(" ago; remove it"), "{found:?}");
}

#[test]
fn what_somebody_writes_is_left_alone() {
    let parent = TestDirectory::new();
    // A run that is just starting: no file yet, but its owner lives.
    parent.directory(&format!("viztracer_{}_0123456789ab", std::process::id()));
    // One whose owner has gone, but not another of its processes.
    let path = parent.directory(&format!("viztracer_{NOBODY}_ba9876543210"));
    let ring = parent.ring(path.to_str().unwrap());
    let locked = lock(&ring);
    assert!(parent.find(&[]).is_empty());
    drop(locked);
    assert_eq!(parent.find(&[]).len(), 1);
}

#[test]
fn inputs_are_not_left_over() {
    let parent = TestDirectory::new();
    let path = parent.directory(&format!("viztracer_{NOBODY}_0123456789ab"));
    let ring = parent.ring(path.to_str().unwrap());
    for input in [&path, &ring, &parent.0.path().to_owned()] {
        assert!(parent.find(std::slice::from_ref(input)).is_empty());
    }
    assert_eq!(parent.find(&["/nowhere".into()]).len(), 1);
}

#[test]
fn others_things_are_not_ours() {
    let parent = TestDirectory::new();
    for name in ["viztracer", "viztracer_1", "viztracer_x_ab", "viztracer_99999999_", "viztracer_99999999_xyz", "tmp"] {
        parent.directory(name);
    }
    fs::write(parent.0.path().join("viztracer_99999999_ab"), "a file").unwrap();
    fs::write(parent.0.path().join(".viztracer"), "").unwrap();
    fs::write(parent.0.path().join(".result_99999999.12.new"), "").unwrap();
    let target = parent.directory("target");
    std::os::unix::fs::symlink(&target, parent.0.path().join("viztracer_99999999_cd")).unwrap();
    assert_eq!(parent.find(&[]), Vec::<String>::new());
}

#[test]
fn one_line_the_newest_and_how_many_more() {
    let parent = TestDirectory::new();
    for number in 0..8 {
        let path = parent.directory(&format!("viztracer_{NOBODY}_{number}"));
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000 + number);
        File::open(path).unwrap().set_modified(time).unwrap();
    }
    let found = parent.find(&[]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains(&format!("{NOBODY}_7: empty")) && found[0].ends_with("; and 7 older directories"),
        "{found:?}"
    );
}

#[test]
fn temporary_files_are_one_line_unless_somebody_holds_them() {
    let parent = TestDirectory::new();
    let file = |name: &str| {
        let path = parent.0.path().join(name);
        fs::write(&path, "").unwrap();
        path
    };
    let random = "0123456789abcdef0123456789abcdef";
    let ring = file(&format!(".result_{NOBODY}.{random}.new"));
    let report = file(".viztracer-merge-aBcDeF");
    file(&format!("viztracer_control_{NOBODY}_0123456789ab")); // it says what the run was, and goes with its ring files
    file(&format!(".result_{}.{random}.new", std::process::id()));
    let held = lock(&file(".viztracer-merge-ZZZZZZ"));
    let (a, b) = (ring.display(), report.display());
    assert_eq!(parent.find(&[]), [format!("left unfinished, remove them: {a} {b}")]);
    drop(held);
    assert!(parent.find(&[])[0].contains("/.viztracer-merge-ZZZZZZ"));
    assert_eq!(find_in(&[], &[parent.0.path().into()], &[]).files.len(), 3);
}

#[test]
fn a_report_in_the_making_is_held() {
    let parent = TestDirectory::new();
    let output = crate::storage::output::Output::create(&parent.0.path().join("out.json")).unwrap();
    assert!(parent.find(&[]).is_empty());
    drop(output);
}

#[test]
fn sizes() {
    let shown = [0, 1, 999_999, 1_000_000, 16_350_000, 2_500_000_000].map(size);
    assert_eq!(shown, ["0 kB", "1 kB", "1000 kB", "1.0 MB", "16.3 MB", "2.5 GB"]);
}

#[test]
fn what_the_other_command_would_remove_is_said() {
    let line = |path: &str, files| Directory { path: path.into(), files, bytes: 1, written: 1 }.to_string();
    let clean = "remove it and all other dead runs with `viztracer-ctl clean`";
    assert!(
        line("/dev/shm/viztracer_9_a", 1).ends_with(&format!("viztracer-merge /dev/shm/viztracer_9_a, or {clean}"))
    );
    assert!(line("/dev/shm/viztracer_9_a", 0).ends_with(&format!("; {clean}")));
    assert!(line("/tmp/viztracer_9_a", 1).ends_with(", or remove it"));
}
