//! What the golden files have in common: their identity, their clock, and how they are compared with the tree.

use std::path::Path;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_COUNTER, Identity, SEGMENT_SIZE_MIN};
use viztracer_format::segment::{Opening, SegmentKind};

/// The tick counter at the time of the import; it makes 2.5 ticks a nanosecond.
pub const IMPORTED: u64 = 2_500_000_000_000;
/// The time at which the file was opened.
pub const OPENED: u64 = IMPORTED + 25_000_000;
/// The anchor of a tick count.
pub fn anchor(ticks: u64) -> Anchor {
    let after = (ticks - IMPORTED) / 5 * 2;
    Anchor { ticks, monotonic: 1_000_000_000_000 + after, realtime: 1_700_000_000_000_000_000 + after }
}

/// The opening of a segment a while after that of the file.
pub fn opening(generation: u64, kind: SegmentKind, thread: u32, first_event: u64) -> Opening {
    let opened = OPENED + generation * 1_000_000;
    Opening { generation, kind, thread, first_event, opened, anchor: anchor(OPENED) }
}

/// The identity of a file.
pub fn identity() -> Identity {
    Identity {
        segment_size: SEGMENT_SIZE_MIN as u32,
        clock: CLOCK_COUNTER,
        entries: 400,
        min_duration: 0,
        pid: 4242,
        parent_pid: 4000,
        process_start: 123_456,
        monotonic_offset: -5_000_000_000,
        boot_id: *b"boot-id-16-bytes",
        session_id: *b"session-16-bytes",
        file_id: *b"file-id-16-bytes",
        python_version: 0x030c_01f0,
        imported: anchor(IMPORTED),
        opened: anchor(OPENED),
        ..Identity::new()
    }
}

/// Compares with the file of the tree, or writes it under `BLESS=1`.
pub fn golden(name: &str, actual: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let first = expected.iter().zip(actual).position(|(a, b)| a != b);
    assert!(
        expected == actual,
        "{name} differs, first at byte {first:?}; lengths {} and {}; now:\n{}",
        expected.len(),
        actual.len(),
        String::from_utf8_lossy(if name.ends_with(".txt") { actual } else { b"" }),
    );
}
