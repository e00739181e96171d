//! The ring file's name: one that nothing has yet, and the only thing in the directory.

#![cfg(not(any(loom, miri)))]

mod support;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use support::options;
use tempfile::TempDir;
use viztracer_format::header::{HEADER_SIZE, Header, SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN};
use viztracer_recorder::Recorder;

fn create(directory: &Path, entries: u64) -> Recorder {
    Recorder::create(options(directory, entries)).unwrap()
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_recording_gets_a_name_of_its_own() {
    let directory = TempDir::new().unwrap();
    let pid = std::process::id();
    let first = create(directory.path(), 100);
    assert_eq!(first.path(), directory.path().join(format!("result_{pid}.bin")));
    let second = create(directory.path(), 100);
    first.close();
    let third = create(directory.path(), 100);
    let names = [format!("result_{pid}.bin"), format!("result_{pid}_1.bin"), format!("result_{pid}_2.bin")];
    assert_eq!(names_in(directory.path()), names);
    second.close();
    third.close();
    assert_eq!(names_in(directory.path()), names);
}

#[test]
fn a_file_of_someone_else_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let name = format!("result_{}.bin", std::process::id());
    fs::write(directory.path().join(&name), "mine").unwrap();
    create(directory.path(), 100).close();
    assert_eq!(fs::read_to_string(directory.path().join(&name)).unwrap(), "mine");
    assert_eq!(names_in(directory.path()).len(), 2);
}

#[cfg(unix)]
#[test]
fn a_planted_link_is_not_followed_and_nobody_else_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let victim = directory.path().join("victim");
    std::os::unix::fs::symlink(&victim, directory.path().join(format!("result_{}.bin", std::process::id()))).unwrap();
    let recorder = create(directory.path(), 100);
    assert_eq!(fs::symlink_metadata(recorder.path()).unwrap().permissions().mode(), 0o100_600);
    recorder.close();
    assert!(!victim.exists());
}

#[test]
fn a_beginning_that_another_process_makes_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let pid = std::process::id();
    let others = directory.path().join(format!(".result_{pid}.{:032x}.new", 7));
    fs::write(&others, [1; 10_000]).unwrap();
    create(directory.path(), 100).close();
    assert_eq!(fs::read(&others).unwrap(), [1; 10_000]);
    assert!(names_in(directory.path()).contains(&format!("result_{pid}.bin")));
}

#[test]
fn a_close_cuts_off_what_was_never_used() {
    let directory = TempDir::new().unwrap();
    let recorder = create(directory.path(), 100);
    let path = recorder.path().to_owned();
    recorder.close();
    assert_eq!(fs::metadata(path).unwrap().len(), HEADER_SIZE as u64);
}

#[test]
fn segments_are_a_thousandth_of_the_ring_and_no_larger_than_of_use() {
    for (entries, size) in [
        (0, SEGMENT_SIZE_MIN),
        (1, SEGMENT_SIZE_MIN),
        (262_144, SEGMENT_SIZE_MIN),
        (262_208, 8192),
        (1_000_000, 16384),
        (16_000_000, 16384),
        (67_108_864, 16384),
        (67_200_000, 32768),
        (1_000_000_000, SEGMENT_SIZE_MAX),
    ] {
        let directory = TempDir::new().unwrap();
        let recorder = create(directory.path(), entries);
        let mut page = [0; HEADER_SIZE];
        File::open(recorder.path()).unwrap().read_exact(&mut page).unwrap();
        let header = Header::parse(&page).unwrap();
        assert_eq!(header.segment_size(), size, "{entries} entries");
        recorder.close();
    }
}

#[cfg(unix)]
#[test]
fn only_the_user_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let recorder = create(directory.path(), 100);
    assert_eq!(fs::metadata(recorder.path()).unwrap().permissions().mode() & 0o777, 0o600);
    recorder.close();
}

#[test]
fn a_ring_larger_than_the_machine_is_refused_and_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    for entries in [1 << 59, 1 << 60, u64::MAX] {
        let error = Recorder::create(options(directory.path(), entries)).unwrap_err();
        assert!(error.to_string().starts_with("cannot map "), "{error}");
        assert_eq!(names_in(directory.path()), [""; 0]);
    }
}
