//! A copy of a ring file that is being written. By the time the file is merged, its process may have gone once around
//! its ring.

use super::{Input, Unread, read_at_most};
use crate::system::{check_descriptors, free_space, no_space, reserve, write_all_at};
use std::cmp::Reverse;
use std::collections::BTreeMap;
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
    ///
    /// Segments are listed one after the other, and some are opened meanwhile. Of calls, only those are taken that were
    /// open before: of two that a thread opens meanwhile, the list might have the second one and not the first. For the
    /// same reason, segments that were opened while the unsealed ones were listed count as unsealed.
    ///
    /// A segment is copied as far as it was committed when it was listed. A thread commits the arguments of a call before
    /// the call, and segments of arguments are listed after those of calls. So the copy has the arguments of each of its
    /// calls, unless they are overwritten before they are copied.
    pub fn snapshot(&self) -> io::Result<Input> {
        let mut copy =
            SnapshotCopy { from: self.again()?, to: tempfile::tempfile()?, overtaken: false, buffer: Vec::new() };
        check_descriptors(&copy.to)?;
        check_space(&copy.to, self.length)?;
        reserve(&copy.to, self.length)?;
        let mut page = vec![0; HEADER_SIZE];
        read_at_most(&self.file, &mut page, 0)?;
        write_all_at(&copy.to, &page, 0)?;
        let before = Header::parse(&page).unwrap_or_else(|_| self.header.clone());
        let opened = copy.listed(|_| true)?.newest();
        let unsealed = copy.listed(|segment| segment.kind == SegmentKind::Calls && segment.seal.is_none())?;
        let unsettled = unsealed.generations().min().unwrap_or(u64::MAX).min(opened.saturating_add(1));
        let changing = copy.listed(|segment| matches!(segment.kind, SegmentKind::Labels | SegmentKind::Stacks))?;
        copy.segments(changing)?;
        let newest = copy.listed(|_| true)?.newest();
        let calls = copy.listed(|segment| segment.kind == SegmentKind::Calls && segment.generation <= newest)?;
        let payloads = copy.listed(|segment| segment.kind == SegmentKind::Payload)?;
        copy.segments(calls.replaced_by(payloads))?;
        let names = copy.listed(|segment| segment.kind == SegmentKind::Names)?;
        copy.segments(names)?;
        copy.labels_again()?;
        read_at_most(&self.file, &mut page, 0)?;
        let after = Header::parse(&page).unwrap_or_else(|_| self.header.clone());
        let Header { sealed, closed, .. } = self.header;
        let Header { forgotten, lost, .. } = before;
        let header = Header { sealed, closed, forgotten, lost, ..after };
        let length = copy.to.metadata()?.len();
        let (inode, owner, overtaken) = (self.inode, self.owner, copy.overtaken);
        Ok(Input { file: copy.to, length, inode, owner, header, unsettled, overtaken })
    }

    /// The same file.
    fn again(&self) -> io::Result<Input> {
        Ok(Input { file: self.file.try_clone()?, header: self.header.clone(), ..*self })
    }
}

/// Fails if a copy of this length would take more than half of what is free: others need space, too, and in a tmpfs it
/// is memory.
fn check_space(file: &File, length: u64) -> io::Result<()> {
    if free_space(file)? / 2 < length { Err(no_space()) } else { Ok(()) }
}

/// Segments by their indexes; `None` stands for one with a damaged header.
struct Listed(BTreeMap<u32, Option<Segment>>);

impl Listed {
    fn generations(&self) -> impl Iterator<Item = u64> {
        self.0.values().flatten().map(|segment| segment.generation)
    }

    fn newest(&self) -> u64 {
        self.generations().max().unwrap_or(0)
    }

    /// These and later ones. Where both lists have a segment, the earlier one is overwritten.
    fn replaced_by(mut self, later: Listed) -> Listed {
        self.0.extend(later.0);
        self
    }
}

/// A snapshot in the making.
struct SnapshotCopy {
    from: Input,
    to: File,
    /// Whether calls were overwritten before they were copied.
    overtaken: bool,
    buffer: Vec<u8>,
}

impl SnapshotCopy {
    /// Lists the wanted segments that the file has by now, and those that are damaged.
    fn listed(&mut self, wanted: impl Fn(&Segment) -> bool) -> io::Result<Listed> {
        self.from.length = self.from.file.metadata()?.len();
        let mut listed = BTreeMap::new();
        self.from.segments(|index, segment| match segment {
            Ok(segment) if !wanted(&segment) => {}
            found => drop(listed.insert(index, found.ok())),
        });
        Ok(Listed(listed))
    }

    /// Copies segments to where they are, the newest ones first. A process overwrites the oldest ones first. So of each
    /// thread, what is overwritten before it is copied is older than all that is copied. What it is overwritten with is
    /// left out, since it is newer than what the copy has of other segments. So the copy has no gap in between.
    fn segments(&mut self, listed: Listed) -> io::Result<()> {
        let mut listed: Vec<_> = listed.0.into_iter().collect();
        listed.sort_by_key(|(_, segment)| Reverse(segment.map(|segment| segment.generation)));
        listed.into_iter().try_for_each(|(index, segment)| match segment {
            Some(segment) => self.segment(&segment, index),
            None if self.from.segment(index).is_ok() => Ok(()), // it was being overwritten
            None => self.damage(index),
        })
    }

    /// Copies all labels once more, behind all segments of the file.
    fn labels_again(&mut self) -> io::Result<()> {
        let labels = self.listed(|segment| segment.kind == SegmentKind::Labels)?;
        let segments =
            self.from.length.saturating_sub(HEADER_SIZE as u64).div_ceil(self.from.header.segment_size() as u64);
        let behind = (0..=u32::MAX).skip(usize::try_from(segments).unwrap_or(usize::MAX));
        labels.0.into_values().flatten().zip(behind).try_for_each(|(segment, to)| self.segment(&segment, to))
    }

    /// Copies a segment to index `to`, unless it is overwritten by now.
    fn segment(&mut self, segment: &Segment, to: u32) -> io::Result<()> {
        let moved = self.from.index(segment) != to;
        let (segment, committed) = match self.from.read_settled(segment, &mut self.buffer) {
            Ok((segment, body)) => (segment, body.len()),
            Err(Unread::Damaged(_)) => return self.damage(to),
            Err(Unread::Recycled) => {
                self.overtaken |= segment.kind == SegmentKind::Calls;
                return Ok(());
            }
        };
        // The copy lacks what was committed later, and its header says so.
        let seal = segment.seal.map_or(0, |crc| SEALED | u64::from(crc));
        let bytes = self.buffer.get_mut(..SEGMENT_HEADER_SIZE + committed).unwrap_or_default();
        if segment.kind == SegmentKind::Labels && moved {
            labels::clear_counts(bytes.get_mut(SEGMENT_HEADER_SIZE..).unwrap_or_default());
        }
        if let Some(words) = bytes.get_mut(SEAL_OFFSET..SEAL_OFFSET + 16) {
            words[..8].copy_from_slice(&seal.to_le_bytes());
            words[8..].copy_from_slice(&(committed as u64).to_le_bytes());
        }
        write_all_at(&self.to, bytes, self.from.offset(to).unwrap_or(u64::MAX))
    }

    /// Copies the header of a damaged segment, which is enough to find the damage again.
    fn damage(&self, index: u32) -> io::Result<()> {
        let offset = self.from.offset(index).unwrap_or(u64::MAX);
        let mut header = [0; SEGMENT_HEADER_SIZE];
        read_at_most(&self.from.file, &mut header, offset)?;
        write_all_at(&self.to, &header, offset)
    }
}

/// Where a segment's header has its seal; the count of committed bytes follows.
const SEAL_OFFSET: usize = offset_of!(SegmentHeader, seal);
const _: () = assert!(offset_of!(SegmentHeader, committed) == SEAL_OFFSET + 8);
