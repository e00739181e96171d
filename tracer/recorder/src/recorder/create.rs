//! Creates the ring file of this process, with as much address space as the process can spare.

use super::Options;
use crate::clock::Clock;
use crate::error::{FileAction, RecorderError};
use crate::file::{self, RingFile};
use crate::mapped::MappedFile;
use crate::process::{self, ProcessFacts};
use viztracer_format::clock::Anchor;
use viztracer_format::header::{HEADER_SIZE, Identity, LABELS};
use viztracer_format::record::RECORD_SIZE;

/// Address space for names, stacks and the open segments of living threads, on top of the ring itself, in bytes.
const HEADROOM: usize = 256 << 20;
/// The least headroom, in bytes, that is of use.
const HEADROOM_MIN: usize = 1 << 20;

/// Creates the file and maps it.
pub(super) fn create(options: &Options, clock: Clock, opened: Anchor) -> Result<MappedFile, RecorderError> {
    let process = ProcessFacts::current();
    let segment_size = options.segment_size();
    let header = identity(options, clock, opened, &process).to_page(&process.arguments);
    let stem = format!("{}_{}", options.prefix, process.pid);
    let ring = usize::try_from(options.entries).unwrap_or(usize::MAX).saturating_mul(RECORD_SIZE);
    // Where address space is limited, the program needs nearly all of it.
    let most = file::address_space().map_or(usize::MAX, |limit| limit / 16);
    let (ring, mut headroom) = (ring.min(most), HEADROOM.min(most));
    loop {
        // More segments than have numbers could not be mapped anyway.
        let capacity = u32::try_from(ring.saturating_add(headroom) / segment_size).unwrap_or(u32::MAX);
        let bytes = HEADER_SIZE + capacity as usize * segment_size;
        match RingFile::create(&options.directory, &stem, &header, bytes) {
            Err(error) if error.action() == FileAction::Map && headroom > HEADROOM_MIN => headroom /= 4,
            created => return created.map(|file| MappedFile::new(file, segment_size, capacity)),
        }
    }
}

fn identity(options: &Options, clock: Clock, opened: Anchor, process: &ProcessFacts) -> Identity {
    Identity {
        segment_size: options.segment_size() as u32,
        clock: clock.number(),
        incompatible: LABELS,
        entries: options.entries,
        min_duration: options.min_duration,
        pid: process.pid,
        parent_pid: process.parent_pid,
        process_start: process.start,
        monotonic_offset: process.monotonic_offset,
        boot_id: process.boot_id,
        host: process.host,
        session_id: options.session_id,
        file_id: process::random_id(),
        python_version: options.python_version,
        imported: options.imported,
        opened,
        ..Identity::new()
    }
}
