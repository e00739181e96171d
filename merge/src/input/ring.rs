//! One ring file, opened for reading: its header, whether its writer still runs, and copies of its segments.
//!
//! Bytes are copied with `pread` and never mapped: when a file is truncated meanwhile, that must be an error, not a
//! SIGBUS.

mod other_kind;
mod snapshot;

use crate::error::Problem;
use crate::storage::inode::Inode;
use crate::system::{self, Owner, is_running_since, lock_shared, next_data, open_unblocked, unlock};
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{Ordering, fence};
use viztracer_format::header::{HEADER_SIZE, Header};
use viztracer_format::labels;
use viztracer_format::reader::Segment;
use viztracer_format::record::RECORD_SIZE;
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_format::stack;

/// How a file's recording ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Closed in order.
    Sealed,
    /// The process ended without closing it.
    Crashed,
    /// The process still writes it.
    Living,
    /// The input is a report that does not say it.
    #[default]
    Unknown,
}

impl State {
    /// All states.
    pub const ALL: [State; 4] = [State::Sealed, State::Crashed, State::Living, State::Unknown];

    /// The word for the state in reports.
    pub fn word(self) -> &'static str {
        match self {
            State::Sealed => "sealed",
            State::Crashed => "crashed",
            State::Living => "living",
            State::Unknown => "unknown",
        }
    }
}

/// A ring file whose header is good.
#[derive(Debug)]
pub struct Input {
    file: File,
    /// Bytes in the file when it was opened.
    pub length: u64,
    /// Which file this is, even when another one gets its name later.
    pub inode: Inode,
    /// The user who owns the file.
    pub owner: Owner,
    /// The header as it was when the file was opened.
    pub header: Header,
    /// In a snapshot, the first generation that was not sealed yet when the stacks were copied.
    pub unsettled: u64,
    /// Whether calls that a snapshot would have were overwritten while it was made.
    pub overtaken: bool,
}

/// The committed bytes of a segment at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPart {
    /// The index of the segment in the file.
    pub index: u32,
    /// The generation that it must still hold when it is read.
    pub generation: u64,
    /// How many bytes of its body were committed.
    pub committed: u32,
}

/// Why the bytes of a segment cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// A living process has recycled the segment: its events count as overwritten.
    Recycled,
    /// The bytes are not those that were written.
    Damaged(Problem),
}

impl Input {
    /// Opens a file and checks its header.
    pub fn open(path: &Path) -> Result<Input, Problem> {
        Input::of(open_unblocked(path)?)
    }

    /// Checks the header of an open file.
    pub fn of(file: File) -> Result<Input, Problem> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Problem::new("not a regular file"));
        }
        let mut page = vec![0; HEADER_SIZE];
        let read = read_at_most(&file, &mut page, 0)?;
        page.truncate(read);
        if page.is_empty() {
            return Err(Problem::at(0, "the file is empty"));
        }
        let header = Header::parse(&page).map_err(|error| other_kind::problem(error, &page))?;
        let (inode, owner) = (Inode::of(&file, &metadata), Owner::of(&file, &metadata));
        Ok(Input { file, length: metadata.len(), inode, owner, header, unsettled: u64::MAX, overtaken: false })
    }

    /// How the recording ended. A file that is not sealed is being written as long as its writer holds the lock, or
    /// runs.
    pub fn state(&self) -> State {
        if self.header.sealed {
            return State::Sealed;
        }
        match lock_shared(&self.file) {
            Ok(false) => return State::Living,
            Ok(true) => unlock(&self.file),
            Err(_) => {}
        }
        let identity = &self.header.identity;
        if is_running_since(identity.pid, identity.process_start) { State::Living } else { State::Crashed }
    }

    /// Calls `visit` with every segment in use, or with what is wrong with it; with both if the file ends inside it.
    /// Holes of a sparse file cost nothing.
    pub fn segments(&self, mut visit: impl FnMut(u32, Result<Segment, Problem>)) {
        let size = self.header.segment_size() as u64;
        let mut index = 0;
        while let Some(offset) = self.offset(index).filter(|offset| *offset < self.length) {
            match self.header_of(index) {
                Ok(Some(segment)) => {
                    if let Some(problem) = self.shortage(&segment) {
                        visit(index, Err(problem));
                    }
                    visit(index, Ok(self.cut(segment)));
                }
                Ok(None) => match next_data(&self.file, offset + size) {
                    // A free segment may be followed by a hole of any length.
                    Ok(Some(data)) if data > offset + size => {
                        let next = (data - HEADER_SIZE as u64) / size;
                        index = u32::try_from(next).unwrap_or(u32::MAX);
                        continue;
                    }
                    Ok(None) => break,
                    _ => {}
                },
                Err(problem) => visit(index, Err(problem)),
            }
            let Some(next) = index.checked_add(1) else { break };
            index = next;
        }
    }

    /// The header of a segment as it is now, cut to what the file holds of it; `None` if the segment is free.
    pub fn segment(&self, index: u32) -> Result<Option<Segment>, Problem> {
        Ok(self.header_of(index)?.map(|segment| self.cut(segment)))
    }

    /// How many bytes of a segment's body the file holds. A file that is being written may have grown since it was
    /// opened.
    fn body_length(&self, segment: &Segment) -> usize {
        let body = segment.offset.saturating_add(SEGMENT_HEADER_SIZE as u64);
        let length_in = |file_length: u64| file_length.saturating_sub(body) as usize;
        match length_in(self.length) {
            length if length >= segment.committed => length,
            length => self.file.metadata().map_or(length, |metadata| length_in(metadata.len())),
        }
    }

    /// What is wrong with a segment if the file ends inside it.
    fn shortage(&self, segment: &Segment) -> Option<Problem> {
        let found = self.body_length(segment);
        (found < segment.committed).then(|| {
            let reason = format!("cut off: {} bytes needed, {found} found", segment.committed);
            Problem::at(segment.offset + SEGMENT_HEADER_SIZE as u64, reason)
        })
    }

    /// Cuts a segment to what the file holds of it. The checksum covers the whole body, so a cut segment has none.
    fn cut(&self, segment: Segment) -> Segment {
        match self.body_length(&segment) {
            found if found >= segment.committed => segment,
            found => Segment { committed: found - found % RECORD_SIZE, seal: None, ..segment },
        }
    }

    fn header_of(&self, index: u32) -> Result<Option<Segment>, Problem> {
        let offset = self.offset(index).unwrap_or(u64::MAX);
        let mut bytes = [0; SEGMENT_HEADER_SIZE];
        let read = read_at_most(&self.file, &mut bytes, offset)?;
        let bytes = bytes.get(..read).unwrap_or_default();
        Ok(Segment::parse(bytes, offset, self.header.segment_size())?)
    }

    /// Reads a part of a segment through `buffer`: its header and its body, both of the wanted generation, which somebody
    /// has seen before.
    ///
    /// Within one read, each word may be of another time. So as long as the file is written, the header is read before the
    /// body, and the generation after it: only if that is still the same, bytes that do not fit together are damage.
    pub fn read<'b>(&self, part: SegmentPart, buffer: &'b mut Vec<u8>) -> Result<(Segment, &'b [u8]), Unread> {
        let read = self.read_once(part, buffer);
        match !self.header.sealed && self.is_recycled(part) {
            true => Err(Unread::Recycled),
            false => read,
        }
    }

    fn read_once<'b>(&self, part: SegmentPart, buffer: &'b mut Vec<u8>) -> Result<(Segment, &'b [u8]), Unread> {
        let SegmentPart { index, generation, committed } = part;
        let (size, committed) = (self.header.segment_size(), committed as usize);
        let offset = self.offset(index).unwrap_or(u64::MAX);
        let is_it = |segment: &Segment| segment.generation == generation;
        let before = match self.header.sealed {
            true => None,
            false => Some(self.header_of(index).map_err(Unread::Damaged)?.filter(is_it).ok_or(Unread::Recycled)?),
        };
        let committed = before.map_or(committed, |before| before.committed.min(committed));
        let wanted = SEGMENT_HEADER_SIZE.saturating_add(committed).min(size);
        // The buffer grows once, to a segment, whose size was checked with the header.
        buffer.resize(buffer.len().max(size), 0);
        let bytes = buffer.get_mut(..wanted).unwrap_or_default();
        let read = read_at_most(&self.file, bytes, offset).map_err(Unread::io)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        let (head, body) = bytes.split_at_checked(SEGMENT_HEADER_SIZE).unwrap_or((bytes, &[]));
        let segment = Segment::parse(head, offset, size).map_err(Unread::damaged)?;
        let segment = segment.filter(is_it).ok_or(Unread::Recycled)?;
        let segment = Segment {
            // The seal covers all that was committed in the end, which may be more than is wanted.
            seal: before.unwrap_or(segment).seal.filter(|_| segment.committed == committed),
            committed: committed.min(segment.committed),
            ..segment
        };
        let body = segment.committed(body).map_err(Unread::damaged)?;
        Ok((segment, body))
    }

    /// Reads what is committed in a segment now.
    pub fn read_now<'b>(&self, index: u32, buffer: &'b mut Vec<u8>) -> Result<(Segment, &'b [u8]), Unread> {
        let segment = self.segment(index).map_err(Unread::Damaged)?.ok_or(Unread::Recycled)?;
        self.read_settled(&segment, buffer)
    }

    /// Reads what was committed in a segment when somebody has seen this header.
    fn read_settled<'b>(&self, segment: &Segment, buffer: &'b mut Vec<u8>) -> Result<(Segment, &'b [u8]), Unread> {
        match segment.kind {
            _ if self.header.sealed => self.read(self.committed(segment), buffer),
            SegmentKind::Labels => self.read_thrice(segment, buffer, labels::settle),
            SegmentKind::Stacks => self.read_thrice(segment, buffer, stack::settle),
            _ => self.read(self.committed(segment), buffer),
        }
    }

    /// Reads what changes in place at any time: `settle` keeps what is whole in the second one of three copies, and says
    /// whether that is all of it.
    fn read_thrice<'b>(
        &self,
        segment: &Segment,
        buffer: &'b mut Vec<u8>,
        settle: impl Fn(&[u8], &mut [u8], &[u8]) -> bool,
    ) -> Result<(Segment, &'b [u8]), Unread> {
        let part = self.committed(segment);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut body = 0..0;
        for _ in 0..ATTEMPTS {
            let (_, before) = self.read(part, &mut before)?;
            let (_, now) = self.read(part, buffer)?;
            body = SEGMENT_HEADER_SIZE..SEGMENT_HEADER_SIZE + now.len();
            let (_, after) = self.read(part, &mut after)?;
            if settle(before, buffer.get_mut(body.clone()).unwrap_or_default(), after) {
                break;
            }
        }
        Ok((*segment, buffer.get(body).unwrap_or_default()))
    }

    /// The index of a segment in the file.
    fn index(&self, segment: &Segment) -> u32 {
        let before = segment.offset.saturating_sub(HEADER_SIZE as u64);
        (before / self.header.segment_size() as u64) as u32
    }

    /// The committed bytes of a segment with this header.
    pub fn committed(&self, segment: &Segment) -> SegmentPart {
        // The body of a segment has fewer than 2^32 bytes: its size is a field of 32 bits.
        SegmentPart { index: self.index(segment), generation: segment.generation, committed: segment.committed as u32 }
    }

    fn offset(&self, index: u32) -> Option<u64> {
        u64::from(index).checked_mul(self.header.segment_size() as u64)?.checked_add(HEADER_SIZE as u64)
    }

    /// Whether a segment does not hold this generation any more. A file that was cut has nothing in its place.
    fn is_recycled(&self, part: SegmentPart) -> bool {
        let mut word = [0; 8];
        read_at_most(&self.file, &mut word, self.offset(part.index).unwrap_or(u64::MAX)).is_ok_and(|read| read == 8)
            && u64::from_le_bytes(word) != part.generation
    }
}

/// How often labels and stacks are read that are being changed.
const ATTEMPTS: usize = 4;

impl Unread {
    fn io(error: std::io::Error) -> Unread {
        Unread::Damaged(error.into())
    }

    fn damaged(error: viztracer_format::FormatError) -> Unread {
        Unread::Damaged(error.into())
    }
}

/// Fills `bytes` from `offset` on, as far as the file goes. What is read later is no older than these bytes: a processor
/// that loads in another order than the program says, as those of Arm do, needs a barrier for that.
fn read_at_most(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match system::read_at(file, rest, offset.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    fence(Ordering::Acquire);
    Ok(done)
}
