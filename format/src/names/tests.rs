//! Names: what is written is read, and what is damaged is refused.

use super::*;

#[test]
fn entries_follow_each_other() {
    let function = Function { name: "fib", file: "/x/é.py", line: 3, is_c: false };
    let mut body = function_entry(7, &function, 4096);
    body.extend(thread_entry(2, 4242, 99));
    body.extend(name_entry(Tag::ThreadName, 2, "Thread-1", 4096));
    body.extend(name_entry(Tag::ProcessName, 0, "MainProcess", 4096));
    let read: Vec<_> = entries(&body, 0).map(Result::unwrap).collect();
    assert_eq!(read[0], Entry::Function { id: 7, function });
    assert_eq!(read[1], Entry::Thread { serial: 2, tid: 4242, begun: 99, ended: 0, events: 0, lost: 0 });
    assert_eq!(read[2], Entry::ThreadName { serial: 2, name: "Thread-1" });
    assert_eq!(read[3], Entry::ProcessName("MainProcess"));
    assert_eq!(read.len(), 4);
}

#[test]
fn a_source_has_its_identity_behind_its_path() {
    let identity = SourceIdentity { device: 1, inode: u64::MAX, size: 3, modified: 1 << 60 };
    for path in ["", "/x/a.py", "/x/ab.py", "/x/é.py"] {
        let bytes = source_entry(path, &identity, 4096).unwrap();
        assert!(bytes.len() <= path.len() + 7 + ENTRY_HEADER_SIZE + SOURCE_IDENTITY_SIZE);
        let read: Vec<_> = entries(&bytes, 0).map(Result::unwrap).collect();
        assert_eq!(read, [Entry::Source { path, identity }]);
    }
    assert_eq!(source_entry(&"p".repeat(4000), &identity, 3968), None);
}

#[test]
fn a_source_without_room_for_its_identity_is_refused() {
    let mut bytes = source_entry("/x/a.py", &SourceIdentity::default(), 4096).unwrap();
    for name_size in [9, 40] {
        bytes[16] = name_size;
        assert!(matches!(entries(&bytes, 0).next(), Some(Err(FormatError::Field { field: "name size", .. }))));
    }
    let short = [&[Tag::Source as u8, 0, 0, 0, 24][..], &[0; 19]].concat();
    assert!(matches!(entries(&short, 0).next(), Some(Err(FormatError::Field { field: "name size", .. }))));
}

#[test]
fn a_reader_that_does_not_know_sources_passes_them_over() {
    let identity = SourceIdentity { device: u64::MAX, inode: u64::MAX, size: u64::MAX, modified: u64::MAX };
    let mut bytes = source_entry("/x/a.py", &identity, 4096).unwrap();
    bytes[0] = 200;
    assert_eq!(entries(&bytes, 0).collect::<Vec<_>>(), [Ok(Entry::Unknown(200))]);
}

#[test]
fn an_elided_function_has_its_ticks() {
    for (id, only_c_calls, ticks) in [(0, false, 0), (7, true, 99), (u32::MAX, false, u64::MAX)] {
        let mut bytes = elided_entry(id, only_c_calls, ticks).to_vec();
        let entry = Entry::Elided { function: id, only_c_calls, ticks };
        assert_eq!(entries(&bytes, 0).collect::<Vec<_>>(), [Ok(entry)]);
        bytes.resize(40, 1);
        bytes[4] = 40; // of a later version
        assert_eq!(entries(&bytes, 0).collect::<Vec<_>>(), [Ok(entry)]);
        bytes[0] = 200;
        assert_eq!(entries(&bytes, 0).collect::<Vec<_>>(), [Ok(Entry::Unknown(200))]);
    }
}

#[test]
fn an_elided_function_without_room_for_its_ticks_is_refused() {
    let mut bytes = elided_entry(1, false, 2)[..24].to_vec();
    bytes[4] = 24;
    assert!(matches!(entries(&bytes, 0).next(), Some(Err(FormatError::Field { field: "entry size", .. }))));
}

#[test]
fn an_estimate_has_its_words() {
    let estimate = Estimate { bursts: 1, counted: 2, time: 3, calls: u64::MAX, error: 5 };
    let mut bytes = estimate_entry(7, &estimate).to_vec();
    let entry = Entry::Estimate { function: 7, estimate };
    assert_eq!(entries(&bytes, 0).collect::<Vec<_>>(), [Ok(entry)]);
    bytes.resize(72, 1);
    bytes[4] = 72; // of a later version
    assert_eq!(entries(&bytes, 0).collect::<Vec<_>>(), [Ok(entry)]);
    bytes.truncate(56);
    bytes[4] = 56;
    assert!(matches!(entries(&bytes, 0).next(), Some(Err(FormatError::Field { field: "entry size", .. }))));
}

#[test]
fn strings_of_a_megabyte_are_cut_between_characters() {
    let (name, file) = ("é".repeat(1 << 19), "ü".repeat(2000));
    let bytes = function_entry(1, &Function { name: &name, file: &file, line: 1, is_c: false }, 3968);
    assert!(bytes.len() <= 3968 && bytes[1] & CUT != 0);
    let Some(Ok(Entry::Function { function, .. })) = entries(&bytes, 0).next() else { panic!("no function") };
    assert!(function.name.len() >= NAME_MIN - 1 && name.starts_with(function.name));
    assert!(function.file.len() > 3600 && file.starts_with(function.file));
}

#[test]
fn a_bad_size_ends_the_entries_with_its_offset() {
    for size in [0u32, 8, 25, 4096, u32::MAX] {
        let mut body = name_entry(Tag::ProcessName, 0, "a", 64);
        let good = body.len();
        body.extend(name_entry(Tag::ProcessName, 0, "b", 64));
        body[good + 4..good + 8].copy_from_slice(&size.to_le_bytes());
        let read: Vec<_> = entries(&body, 1000).collect();
        assert_eq!(read.len(), 2);
        assert!(read[0].is_ok() && read[1].is_err(), "size {size}");
    }
}
