//! A copy of a ring file that is being written. By the time the file is merged, its process may have gone once around
//! its ring.

use super::{Input, Unread, read_at_most};
use crate::system::{check_descriptors, free_space, no_space, reserve, write_all_at};
use std::cmp::Reverse;
use std::fs::File;
use std::io;
use std::mem::offset_of;
use viztracer_format::header::{HEADER_SIZE, Header};
use viztracer_format::labels;
use viztracer_format::reader::Segment;
use viztracer_format::segment::{SEALED, SEGMENT_HEADER_SIZE, SegmentHeader, SegmentKind};

impl Input {
    /// Copies the file into one without a name.
    ///
    /// Stacks come before records, so that a call which ends meanwhile is both a frame and a record (the survey then
    /// keeps one of them) and never neither. Names come last, so that no record lacks one. Labels are reused as soon as
    /// their records are gone, so they are copied first, and once more at the end of the copy, for threads that are new
    /// by then. All counts of events are those of before the records were copied: what is counted later may be in none
    /// of the records, and would seem to be overwritten. For the same reason, records are also copied from segments that
    /// the file has got since it was opened.
    pub fn snapshot(&self) -> io::Result<Input> {
        let mut copy = SnapshotCopy { from: self.again()?, to: tempfile::tempfile()? };
        check_descriptors(&copy.to)?;
        check_space(&copy.to, self.length)?;
        reserve(&copy.to, self.length)?;
        let mut page = vec![0; HEADER_SIZE];
        read_at_most(&self.file, &mut page, 0)?;
        write_all_at(&copy.to, &page, 0)?;
        let before = Header::parse(&page).unwrap_or_else(|_| self.header.clone());
        let mut unsettled = u64::MAX;
        self.segments(|_, segment| {
            if let Ok(Segment { kind: SegmentKind::Calls, seal: None, generation, .. }) = segment {
                unsettled = unsettled.min(generation);
            }
        });
        copy.segments(|kind| matches!(kind, SegmentKind::Labels | SegmentKind::Stacks))?;
        copy.follow_growth()?;
        copy.segments(|kind| matches!(kind, SegmentKind::Calls | SegmentKind::Payload))?;
        copy.follow_growth()?;
        copy.segments(|kind| kind == SegmentKind::Names)?;
        copy.labels_again()?;
        read_at_most(&self.file, &mut page, 0)?;
        let after = Header::parse(&page).unwrap_or_else(|_| self.header.clone());
        let (sealed, closed, forgotten) = (self.header.sealed, self.header.closed, before.forgotten);
        let header = Header { sealed, closed, forgotten, ..after };
        let length = copy.to.metadata()?.len();
        Ok(Input { file: copy.to, length, inode: self.inode, owner: self.owner, header, unsettled })
    }

    /// The same file.
    fn again(&self) -> io::Result<Input> {
        let (inode, owner, header) = (self.inode, self.owner, self.header.clone());
        Ok(Input { file: self.file.try_clone()?, length: self.length, inode, owner, header, unsettled: self.unsettled })
    }
}

/// Fails if a copy of this length would take more than half of what is free: others need space, too, and in a tmpfs it
/// is memory.
fn check_space(file: &File, length: u64) -> io::Result<()> {
    if free_space(file)? / 2 < length { Err(no_space()) } else { Ok(()) }
}

/// A snapshot in the making.
struct SnapshotCopy {
    from: Input,
    to: File,
}

impl SnapshotCopy {
    /// From now on, copies what the file has by now.
    fn follow_growth(&mut self) -> io::Result<()> {
        self.from.length = self.from.file.metadata()?.len();
        Ok(())
    }

    /// Copies the segments of the wanted kinds, and those that are damaged, the newest ones first. A process overwrites
    /// the oldest ones first. So of each thread, what is overwritten before it is copied is older than all that is
    /// copied. What it is overwritten with is left out, since it is newer than what the copy has of other segments. So
    /// the copy has no gap in between.
    ///
    /// Unsealed segments of calls come before all others: a thread commits the arguments of a call before the call, so
    /// each call that is copied finds its arguments in what is copied later, unless the segment that has them was opened
    /// after the listing.
    fn segments(&self, wanted: impl Fn(SegmentKind) -> bool) -> io::Result<()> {
        let mut found: Vec<(bool, Option<u64>, u32)> = Vec::new();
        self.from.segments(|index, segment| match segment {
            Ok(segment) if !wanted(segment.kind) => {}
            Ok(Segment { kind, seal, generation, .. }) => {
                found.push((kind == SegmentKind::Calls && seal.is_none(), Some(generation), index));
            }
            Err(_) => found.push((false, None, index)),
        });
        found.sort_unstable_by_key(|of| Reverse(*of));
        let mut buffer = Vec::new();
        found.into_iter().try_for_each(|(_, generation, index)| self.segment(index, generation, index, &mut buffer))
    }

    /// Copies all labels once more, behind all segments of the file.
    fn labels_again(&self) -> io::Result<()> {
        let mut labels = Vec::new();
        self.from.segments(|index, segment| {
            labels.extend(segment.ok().filter(|segment| segment.kind == SegmentKind::Labels).map(|_| index));
        });
        let segments =
            self.from.length.saturating_sub(HEADER_SIZE as u64).div_ceil(self.from.header.segment_size() as u64);
        let behind = (0..=u32::MAX).skip(usize::try_from(segments).unwrap_or(usize::MAX));
        let mut buffer = Vec::new();
        labels.into_iter().zip(behind).try_for_each(|(index, to)| self.segment(index, None, to, &mut buffer))
    }

    /// Copies segment `index` of the file to segment `to` of the copy, if it still is the one of this generation.
    fn segment(&self, index: u32, generation: Option<u64>, to: u32, buffer: &mut Vec<u8>) -> io::Result<()> {
        let offset = self.from.offset(to).unwrap_or(u64::MAX);
        match self.from.read_now(index, buffer) {
            Ok((segment, _)) if generation.is_some_and(|listed| listed != segment.generation) => Ok(()),
            Ok((segment, body)) => {
                // The copy lacks what was committed after this look, and its header says so.
                let committed = body.len();
                let seal = segment.seal.map_or(0, |crc| SEALED | u64::from(crc));
                let bytes = buffer.get_mut(..SEGMENT_HEADER_SIZE + committed).unwrap_or_default();
                if segment.kind == SegmentKind::Labels && to != index {
                    labels::clear_counts(bytes.get_mut(SEGMENT_HEADER_SIZE..).unwrap_or_default());
                }
                if let Some(words) = bytes.get_mut(SEAL_OFFSET..SEAL_OFFSET + 16) {
                    words[..8].copy_from_slice(&seal.to_le_bytes());
                    words[8..].copy_from_slice(&(committed as u64).to_le_bytes());
                }
                write_all_at(&self.to, bytes, offset)
            }
            // The header alone is enough to find the damage again.
            Err(Unread::Damaged(_)) => {
                let mut header = [0; SEGMENT_HEADER_SIZE];
                read_at_most(&self.from.file, &mut header, offset)?;
                write_all_at(&self.to, &header, offset)
            }
            Err(Unread::Recycled) => Ok(()),
        }
    }
}

/// Where a segment's header has its seal; the count of committed bytes follows.
const SEAL_OFFSET: usize = offset_of!(SegmentHeader, seal);
const _: () = assert!(offset_of!(SegmentHeader, committed) == SEAL_OFFSET + 8);
