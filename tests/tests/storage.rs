//! What the recording lives on is limited, full, or taken away: it goes on or says clearly why it cannot begin, and
//! what was recorded merges. No signal ever ends the process.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use viztracer_tests::contents::Contents;
use viztracer_tests::left::{check, recording};
use viztracer_tests::{names_in, ring_files};

const CALLS: u64 = 200_000;
const SEED: u64 = 4;
/// Entries of a ring that is larger than all that there is room for.
const MANY: (&str, u64) = ("entries", 1_000_000);

const NO_SPACE: i32 = 28;
const TOO_LARGE: i32 = 27;

/// A directory to record into, and one for all else.
struct Case {
    directory: TempDir,
    scratch: TempDir,
}

impl Case {
    fn new() -> Case {
        Case { directory: TempDir::new().unwrap(), scratch: TempDir::new().unwrap() }
    }

    fn command(&self, orders: &[(&str, u64)]) -> Command {
        let mut command = recording(env!("CARGO_BIN_EXE_record"), self.directory.path(), orders);
        command.args([format!("calls={CALLS}"), format!("seed={SEED}")]);
        command
    }

    /// Runs to the end; gives the error that ended the growth of the file.
    fn goes_on(&self, orders: &[(&str, u64)], path: Option<(&str, &PathBuf)>) -> Option<i32> {
        let mut command = self.command(orders);
        command.args(path.map(|(name, path)| format!("{name}={}", path.display())));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{} {}", output.status, String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let failure = printed.strip_prefix("ready\n").unwrap().trim_end();
        failure.strip_prefix("Some(").and_then(|failure| failure.strip_suffix(')')?.parse().ok())
    }

    /// Cannot begin; gives what it says about that. Nothing stays in the directory.
    fn refuses(&self, orders: &[(&str, u64)]) -> String {
        let output = self.command(orders).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(names_in(self.directory.path()), [""; 0]);
        let said = String::from_utf8(output.stdout).unwrap();
        let directory = self.directory.path().to_str().unwrap();
        assert!(said.contains(directory), "{said}");
        said
    }

    /// The only file in the directory.
    fn file(&self) -> PathBuf {
        let files = ring_files(self.directory.path());
        assert_eq!(files.len(), names_in(self.directory.path()).len());
        files.into_iter().next().unwrap()
    }

    /// The file holds the last of all calls, and knows of the others.
    fn check(&self, file: PathBuf, failure: i32) -> Contents {
        let contents = check(file, SEED, self.scratch.path());
        assert_eq!(contents.threads[&1].total, CALLS);
        if contents.header.sealed {
            assert_eq!(contents.header.failure, failure as u64);
        }
        contents
    }
}

#[test]
fn a_full_file_system() {
    for leave_open in [0, 1] {
        let case = Case::new();
        let copy = case.scratch.path().join("copy.bin");
        let orders = [MANY, ("file_system", 1 << 20), ("leave_open", leave_open)];
        assert_eq!(case.goes_on(&orders, Some(("copy", &copy))), Some(NO_SPACE));
        let contents = case.check(copy, NO_SPACE);
        assert!(contents.kept() > 50_000, "{} are there", contents.kept());
    }
}

#[test]
fn a_file_system_without_room_for_a_segment() {
    let case = Case::new();
    let said = case.refuses(&[MANY, ("file_system", 16 << 10)]);
    assert!(said.starts_with("cannot reserve space for ") && said.contains("No space left"), "{said}");
}

#[test]
fn a_limit_on_the_size_of_files() {
    for leave_open in [0, 1] {
        let case = Case::new();
        let orders = [MANY, ("file_limit", 300_000), ("leave_open", leave_open)];
        assert_eq!(case.goes_on(&orders, None), Some(TOO_LARGE));
        let contents = case.check(case.file(), TOO_LARGE);
        assert!(contents.kept() > 10_000, "{} are there", contents.kept());
        assert!(fs::metadata(case.file()).unwrap().len() <= 300_000);
    }
}

#[test]
fn a_limit_on_the_size_of_files_that_allows_none() {
    for limit in [0, 4095, 4096, 20_000] {
        let case = Case::new();
        let said = case.refuses(&[MANY, ("file_limit", limit)]);
        assert!(said.starts_with("cannot ") && said.contains("File too large"), "{said}");
    }
}

#[test]
fn several_threads_share_what_little_room_there_is() {
    let case = Case::new();
    let orders = [MANY, ("threads", 4), ("file_limit", 300_000)];
    assert_eq!(case.goes_on(&orders, None), Some(TOO_LARGE));
    let contents = check(case.file(), SEED, case.scratch.path());
    assert_eq!(contents.threads.values().map(|thread| thread.total).sum::<u64>(), 4 * CALLS);
}

#[test]
fn a_directory_that_must_not_be_written() {
    let case = Case::new();
    let mode = |mode| fs::set_permissions(case.directory.path(), Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    let said = case.refuses(&[("no_privileges", 1)]);
    mode(0o700);
    assert!(said.starts_with("cannot create a ring file in ") && said.contains("Permission denied"), "{said}");
}

#[test]
fn a_directory_that_is_not_there() {
    let case = Case::new();
    let nowhere = case.directory.path().join("nowhere");
    let output = recording(env!("CARGO_BIN_EXE_record"), &nowhere, &[]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(said.contains("nowhere: No such file or directory"), "{said}");
}

#[test]
fn a_directory_that_is_removed_while_it_is_recorded_into() {
    let case = Case::new();
    assert_eq!(case.goes_on(&[("remove_directory", 1)], None), None);
    fs::create_dir(case.directory.path()).unwrap(); // for the removal at the end
}

#[test]
fn little_address_space() {
    let case = Case::new();
    assert_eq!(case.goes_on(&[MANY, ("memory_limit", 40 << 20)], None), None);
    assert_eq!(case.check(case.file(), 0).kept(), CALLS);
}

/// The ring takes a sixteenth of what there may be: it is smaller than it should be, and goes round.
#[test]
fn a_ring_that_is_cut_to_the_address_space() {
    let case = Case::new();
    assert_eq!(case.goes_on(&[MANY, ("memory_limit", 8 << 20)], None), Some(0));
    let contents = case.check(case.file(), 0);
    assert!((10_000..CALLS).contains(&contents.kept()), "{} are there", contents.kept());
}

#[test]
fn too_little_address_space() {
    let case = Case::new();
    let said = case.refuses(&[MANY, ("memory_limit", 256 << 10)]);
    assert!(said.starts_with("cannot map ") && said.contains("Cannot allocate memory"), "{said}");
}

/// A program that closes all descriptors gets their numbers for files of its own, which are not ours to write: ours is
/// opened anew.
#[test]
fn descriptors_that_are_closed_and_become_another_files() {
    let case = Case::new();
    let other = case.scratch.path().join("other");
    let bytes = vec![b'x'; 100_000];
    fs::write(&other, &bytes).unwrap();
    assert_eq!(case.goes_on(&[MANY], Some(("take_descriptors", &other))), None);
    assert!(fs::read(&other).unwrap() == bytes);
    assert_eq!(case.check(case.file(), 0).kept(), CALLS);
}
