//! Makes the checksums of a damaged file right again, so that the reader has to look at the damage itself.

use std::mem::offset_of;
use viztracer_format::header::{
    ARGUMENTS_MAX, ARGUMENTS_OFFSET, HEADER_SIZE, Identity, SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN,
};
use viztracer_format::segment::{SEALED, SEGMENT_HEADER_SIZE, SegmentHeader};

/// The file with the checksums of its header and of its sealed segments computed anew.
pub fn repair(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    if file.len() < HEADER_SIZE {
        return file;
    }
    let (header, segments) = file.split_at_mut(HEADER_SIZE);
    repair_header(header);
    let size = read_u32(header, offset_of!(Identity, segment_size)) as usize;
    if (SEGMENT_SIZE_MIN..=SEGMENT_SIZE_MAX).contains(&size) {
        segments.chunks_mut(size).for_each(repair_segment);
    }
    file
}

fn repair_header(header: &mut [u8]) {
    let arguments = read_u32(header, offset_of!(Identity, arguments_size)) as usize;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..offset_of!(Identity, crc)]);
    hasher.update(&header[ARGUMENTS_OFFSET..][..arguments.min(ARGUMENTS_MAX)]);
    let crc = hasher.finalize().to_le_bytes();
    header[offset_of!(Identity, crc)..][..4].copy_from_slice(&crc);
}

fn repair_segment(segment: &mut [u8]) {
    let Some((header, body)) = segment.split_at_mut_checked(SEGMENT_HEADER_SIZE) else { return };
    let seal = offset_of!(SegmentHeader, seal);
    let committed = read_u64(header, offset_of!(SegmentHeader, committed));
    let committed = usize::try_from(committed).ok().and_then(|bytes| body.get(..bytes));
    if let (true, Some(bytes)) = (read_u64(header, seal) & SEALED != 0, committed) {
        let word = SEALED | u64::from(crc32fast::hash(bytes));
        header[seal..seal + 8].copy_from_slice(&word.to_le_bytes());
    }
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}
