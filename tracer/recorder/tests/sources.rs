//! The file vouches for the source files of its functions: once for each path.

#![cfg(all(unix, not(any(loom, miri))))]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use support::options;
use tempfile::TempDir;
use viztracer_format::header::{HEADER_SIZE, Header};
use viztracer_format::names::{Entry, Function, SourceIdentity, entries};
use viztracer_format::reader::Segment;
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_recorder::Recorder;

/// The SOURCE entries of a closed file, in order.
fn sources(bytes: &[u8]) -> Vec<(String, SourceIdentity)> {
    let size = Header::parse(bytes).unwrap().segment_size();
    let mut found = Vec::new();
    for (index, part) in bytes[HEADER_SIZE..].chunks(size).enumerate() {
        let offset = (HEADER_SIZE + index * size) as u64;
        let Some(segment) = Segment::parse(part, offset, size).unwrap() else { continue };
        if segment.kind == SegmentKind::Names {
            for entry in entries(&part[SEGMENT_HEADER_SIZE..][..segment.committed], 0) {
                if let Entry::Source { path, identity } = entry.unwrap() {
                    found.push((path.to_owned(), identity));
                }
            }
        }
    }
    found
}

#[test]
fn one_entry_for_each_path_of_a_regular_file() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.py");
    fs::write(&path, "def f(): pass\n").unwrap();
    let file = path.to_str().unwrap();
    let twin = format!("{}/./a.py", directory.path().display());
    let recorder = Recorder::create(options(directory.path(), 100)).unwrap();
    let ring_file = recorder.path().to_owned();
    let long = "n".repeat(9000);
    let names = [("f", file), ("g", file), ("f", file), ("h", &twin), ("d", "/dev/null"), ("s", "<string>"), ("c", "")];
    let none = format!("{file}x");
    for (name, file) in
        names.into_iter().chain([(&*long, file), ("n", &none), ("d", directory.path().to_str().unwrap())])
    {
        recorder.function(&Function { name, file, line: 1, is_c: false });
    }
    recorder.close();
    let metadata = fs::metadata(&path).unwrap();
    let modified = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
    let identity =
        SourceIdentity { device: metadata.dev(), inode: metadata.ino(), size: 14, modified: modified as u64 };
    let found = sources(&fs::read(ring_file).unwrap());
    assert_eq!(found, [(file.to_owned(), identity), (twin, identity)]);
}
