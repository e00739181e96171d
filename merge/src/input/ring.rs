//! One ring file, opened for reading: its header, whether its writer still runs, and copies of its segments.
//!
//! Bytes are copied out with `pread` and never mapped: a file that is cut meanwhile must be an error, not a SIGBUS.

use crate::error::Problem;
use rustix::fs::{FlockOperation, OFlags, SeekFrom, flock, seek};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::fs::{File, OpenOptions};
use std::mem::offset_of;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use viztracer_format::header::{HEADER_SIZE, Header, Identity};
use viztracer_format::labels;
use viztracer_format::reader::Segment;
use viztracer_format::record::RECORD_SIZE;
use viztracer_format::segment::{SEALED, SEGMENT_HEADER_SIZE, SegmentHeader, SegmentKind};

/// How a file's recording ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Closed in order.
    Sealed,
    /// The process ended without closing it.
    Crashed,
    /// The process still writes it.
    Living,
    /// It is a report, which does not tell.
    #[default]
    Unknown,
}

impl State {
    /// All of them.
    pub const ALL: [State; 4] = [State::Sealed, State::Crashed, State::Living, State::Unknown];

    /// The word for it in reports.
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
    /// Device and inode: what tells this file from another one that gets its name later.
    pub place: (u64, u64),
    /// The user whose file it is.
    pub owner: u32,
    /// Its header.
    pub header: Header,
    /// In a snapshot, the first generation that was not sealed yet when its stacks were copied.
    pub unsettled: u64,
}

/// Why the bytes of a segment cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// Recycled by a living process: what was there counts as overwritten.
    Recycled,
    /// Not as it was written.
    Damaged(Problem),
}

impl Input {
    /// Opens a file and checks its header.
    pub fn open(path: &Path) -> Result<Input, Problem> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
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
        let header = Header::parse(&page).map_err(|error| kind_of_other_file(error, &page))?;
        let (place, owner) = ((metadata.dev(), metadata.ino()), metadata.uid());
        Ok(Input { file, length: metadata.len(), place, owner, header, unsettled: u64::MAX })
    }

    /// A copy of a file that is being written, in a file without a name: by the time its turn comes to be merged,
    /// the process may have gone once around its ring. Stacks come first, so that a call which ends meanwhile is
    /// both a frame and a record, which can be told, and never neither; names last, so that no record lacks one, but
    /// labels before that as well: they may be used again as soon as the records are gone. The second copy of those
    /// stands behind all that the file has.
    pub fn snapshot(&self) -> std::io::Result<Input> {
        let copy = Copy { from: self, to: tempfile::tempfile()? };
        leave_descriptors(&copy.to)?;
        let mut page = vec![0; HEADER_SIZE];
        read_at_most(&self.file, &mut page, 0)?;
        copy.to.write_all_at(&page, 0)?;
        let mut unsettled = u64::MAX;
        self.segments(|_, segment| {
            if let Ok(Segment { kind: SegmentKind::Calls, seal: None, generation, .. }) = segment {
                unsettled = unsettled.min(generation);
            }
        });
        copy.segments(|kind| matches!(kind, SegmentKind::Labels | SegmentKind::Stacks))?;
        copy.segments(|kind| matches!(kind, SegmentKind::Calls | SegmentKind::Payload))?;
        copy.segments(|kind| kind == SegmentKind::Names)?;
        copy.labels_again()?;
        read_at_most(&self.file, &mut page, 0)?;
        // What is counted in the header belongs to the labels that were read last.
        let counted = Header::parse(&page).unwrap_or_else(|_| self.header.clone());
        let header = Header { sealed: self.header.sealed, closed: self.header.closed, ..counted };
        let length = copy.to.metadata()?.len();
        Ok(Input { file: copy.to, length, place: self.place, owner: self.owner, header, unsettled })
    }

    /// How the recording ended. A sealed file is not asked further; else the writer's lock or the process tells.
    pub fn state(&self) -> State {
        if self.header.sealed {
            return State::Sealed;
        }
        match flock(&self.file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => return State::Living,
            Err(_) => {}
            Ok(()) => drop(flock(&self.file, FlockOperation::Unlock)),
        }
        if is_running(&self.header.identity) { State::Living } else { State::Crashed }
    }

    /// Calls `visit` with every segment in use, or with what is wrong with it; with both if the file ends in it. Holes
    /// of a sparse file cost nothing.
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
                Ok(None) => match seek(&self.file, SeekFrom::Data(offset + size)) {
                    // A free segment may be followed by a hole of any length.
                    Ok(data) if data > offset + size => {
                        let next = (data - HEADER_SIZE as u64) / size;
                        index = u32::try_from(next).unwrap_or(u32::MAX);
                        continue;
                    }
                    Err(Errno::NXIO) => break,
                    _ => {}
                },
                Err(problem) => visit(index, Err(problem)),
            }
            let Some(next) = index.checked_add(1) else { break };
            index = next;
        }
    }

    /// The header of a segment as it is now, of as much of it as the file has; `None` if it is free.
    pub fn segment(&self, index: u32) -> Result<Option<Segment>, Problem> {
        Ok(self.header_of(index)?.map(|segment| self.cut(segment)))
    }

    /// The bytes of a segment's body that the file has. One that is being written may have grown since it was opened.
    fn room(&self, segment: &Segment) -> usize {
        let of =
            |length: u64| length.saturating_sub(segment.offset).saturating_sub(SEGMENT_HEADER_SIZE as u64) as usize;
        match of(self.length) {
            room if room < segment.committed => self.file.metadata().map_or(room, |metadata| of(metadata.len())),
            room => room,
        }
    }

    fn shortage(&self, segment: &Segment) -> Option<Problem> {
        let room = self.room(segment);
        (room < segment.committed).then(|| {
            let reason = format!("cut off: {} bytes needed, {room} found", segment.committed);
            Problem::at(segment.offset + SEGMENT_HEADER_SIZE as u64, reason)
        })
    }

    /// Of a segment in which the file ends, what is there. Its checksum was that of the whole.
    fn cut(&self, segment: Segment) -> Segment {
        match self.room(&segment) {
            room if room < segment.committed => Segment { committed: room - room % RECORD_SIZE, seal: None, ..segment },
            _ => segment,
        }
    }

    fn header_of(&self, index: u32) -> Result<Option<Segment>, Problem> {
        let offset = self.offset(index).unwrap_or(u64::MAX);
        let mut bytes = [0; SEGMENT_HEADER_SIZE];
        let read = read_at_most(&self.file, &mut bytes, offset)?;
        let bytes = bytes.get(..read).unwrap_or_default();
        Ok(Segment::parse(bytes, offset, self.header.segment_size())?)
    }

    /// Copies the first `committed` bytes of the body of segment `index` into `buffer`, with the header that they
    /// belong to; both are of `generation`, or there is nothing.
    pub fn read<'b>(
        &self,
        index: u32,
        generation: u64,
        committed: usize,
        buffer: &'b mut Vec<u8>,
    ) -> Result<(Segment, &'b [u8]), Unread> {
        let size = self.header.segment_size();
        let offset = self.offset(index).unwrap_or(u64::MAX);
        let wanted = SEGMENT_HEADER_SIZE.saturating_add(committed).min(size);
        // Grows to a segment once and stays; the size was checked with the header.
        buffer.resize(buffer.len().max(size), 0);
        let bytes = buffer.get_mut(..wanted).unwrap_or_default();
        let read = read_at_most(&self.file, bytes, offset).map_err(Unread::io)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        let (head, body) = bytes.split_at_checked(SEGMENT_HEADER_SIZE).unwrap_or((bytes, &[]));
        let segment = Segment::parse(head, offset, size).map_err(Unread::damaged)?;
        let segment = segment.filter(|s| s.generation == generation).ok_or(Unread::Recycled)?;
        let segment = Segment {
            // What was committed later was not asked for, and the seal covers all of it.
            seal: segment.seal.filter(|_| segment.committed == committed),
            committed: committed.min(segment.committed),
            ..segment
        };
        let body = segment.committed(body).map_err(Unread::damaged)?;
        if !self.header.sealed && !self.is_still(offset, generation) {
            return Err(Unread::Recycled);
        }
        Ok((segment, body))
    }

    /// Reads what is committed in a segment right now.
    pub fn read_now<'b>(&self, index: u32, buffer: &'b mut Vec<u8>) -> Result<(Segment, &'b [u8]), Unread> {
        let segment = self.segment(index).map_err(Unread::Damaged)?.ok_or(Unread::Recycled)?;
        if segment.kind == SegmentKind::Labels && !self.header.sealed {
            return self.read_labels(index, &segment, buffer);
        }
        self.read(index, segment.generation, segment.committed, buffer)
    }

    /// Reads labels, each of which may pass to another thread at any moment: what stands between two equal heads is
    /// whole. One that does not come to rest is read as a free one.
    fn read_labels<'b>(
        &self,
        index: u32,
        segment: &Segment,
        buffer: &'b mut Vec<u8>,
    ) -> Result<(Segment, &'b [u8]), Unread> {
        let Segment { generation, committed, .. } = *segment;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut body = 0..0;
        for _ in 0..LABELS_ATTEMPTS {
            let (_, before) = self.read(index, generation, committed, &mut before)?;
            let (_, now) = self.read(index, generation, committed, buffer)?;
            body = SEGMENT_HEADER_SIZE..SEGMENT_HEADER_SIZE + now.len();
            let (_, after) = self.read(index, generation, committed, &mut after)?;
            if labels::settle(before, buffer.get_mut(body.clone()).unwrap_or_default(), after) {
                break;
            }
        }
        Ok((*segment, buffer.get(body).unwrap_or_default()))
    }

    /// The place of a segment in the file.
    pub fn index(&self, segment: &Segment) -> u32 {
        let place = segment.offset.saturating_sub(HEADER_SIZE as u64);
        (place / self.header.segment_size() as u64) as u32
    }

    fn offset(&self, index: u32) -> Option<u64> {
        u64::from(index).checked_mul(self.header.segment_size() as u64)?.checked_add(HEADER_SIZE as u64)
    }

    fn is_still(&self, offset: u64, generation: u64) -> bool {
        let mut word = [0; 8];
        read_at_most(&self.file, &mut word, offset).is_ok_and(|read| read == 8)
            && u64::from_le_bytes(word) == generation
    }
}

/// Fails if this file takes a descriptor that others need more: the files to be read are opened one by one, but a
/// snapshot stays open until its turn comes. Descriptors are handed out from below, so their number tells.
fn leave_descriptors(file: &File) -> std::io::Result<()> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    match u64::try_from(file.as_raw_fd()) {
        Ok(number) if number < limit / 2 => Ok(()),
        _ => Err(Errno::MFILE.into()),
    }
}

/// How often labels are read that are being written.
const LABELS_ATTEMPTS: usize = 4;

/// A snapshot in the making.
struct Copy<'a> {
    from: &'a Input,
    to: File,
}

impl Copy<'_> {
    fn segments(&self, wanted: impl Fn(SegmentKind) -> bool) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        let mut result = Ok(());
        self.from.segments(|index, segment| {
            if result.is_ok() && segment.as_ref().map_or(true, |segment| wanted(segment.kind)) {
                result = self.segment(index, index, &mut buffer);
            }
        });
        result
    }

    /// Copies all labels once more, to places that nothing else is copied to.
    fn labels_again(&self) -> std::io::Result<()> {
        let mut labels = Vec::new();
        self.from.segments(|index, segment| {
            labels.extend(segment.ok().filter(|segment| segment.kind == SegmentKind::Labels).map(|_| index));
        });
        let segments =
            self.from.length.saturating_sub(HEADER_SIZE as u64).div_ceil(self.from.header.segment_size() as u64);
        let behind = (0..=u32::MAX).skip(usize::try_from(segments).unwrap_or(usize::MAX));
        let mut buffer = Vec::new();
        labels.into_iter().zip(behind).try_for_each(|(index, place)| self.segment(index, place, &mut buffer))
    }

    /// Copies a segment to this place.
    fn segment(&self, index: u32, place: u32, buffer: &mut Vec<u8>) -> std::io::Result<()> {
        let offset = self.from.offset(place).unwrap_or(u64::MAX);
        match self.from.read_now(index, buffer) {
            Ok((segment, body)) => {
                // What was committed after we looked is not in the copy.
                let committed = body.len();
                let seal = segment.seal.map_or(0, |crc| SEALED | u64::from(crc));
                let bytes = buffer.get_mut(..SEGMENT_HEADER_SIZE + committed).unwrap_or_default();
                if segment.kind == SegmentKind::Labels && place == index {
                    // Threads that will be forgotten before they are copied again are counted in the header.
                    labels::clear_counts(bytes.get_mut(SEGMENT_HEADER_SIZE..).unwrap_or_default());
                }
                if let Some(words) = bytes.get_mut(SEAL_OFFSET..SEAL_OFFSET + 16) {
                    words[..8].copy_from_slice(&seal.to_le_bytes());
                    words[8..].copy_from_slice(&(committed as u64).to_le_bytes());
                }
                self.to.write_all_at(bytes, offset)
            }
            // The header alone is enough to find the damage again.
            Err(Unread::Damaged(_)) => {
                let mut header = [0; SEGMENT_HEADER_SIZE];
                read_at_most(&self.from.file, &mut header, offset)?;
                self.to.write_all_at(&header, offset)
            }
            Err(Unread::Recycled) => Ok(()),
        }
    }
}

/// Where a segment's header has its seal; the committed bytes come next.
const SEAL_OFFSET: usize = offset_of!(SegmentHeader, seal);
const _: () = assert!(offset_of!(SegmentHeader, committed) == SEAL_OFFSET + 8);

impl Unread {
    fn io(error: std::io::Error) -> Unread {
        Unread::Damaged(error.into())
    }

    fn damaged(error: viztracer_format::FormatError) -> Unread {
        Unread::Damaged(error.into())
    }
}

/// Fills `bytes` from `offset` on, as far as the file goes.
fn read_at_most(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// A clearer sentence where the bytes show what the file is instead.
fn kind_of_other_file(error: viztracer_format::FormatError, begin: &[u8]) -> Problem {
    use viztracer_format::FormatError::Magic;
    match (error, kind(begin)) {
        (Magic, Some(kind)) => Problem::new(format!("{kind}; only ring files (.bin) and traces in JSON can be merged")),
        (Magic, None) => Problem::at(0, "not a ring file: it does not begin with VIZRING"),
        (error, _) => error.into(),
    }
}

/// What a file is that begins with this and is no ring file, as far as that is clear.
fn kind(begin: &[u8]) -> Option<&'static str> {
    let text = begin.strip_prefix("\u{feff}".as_bytes()).unwrap_or(begin).trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
    let is_text = begin.contains(&b'\n') && !begin.iter().any(|byte| matches!(byte, 0..=8 | 14..=31));
    Some(match begin {
        // A packet of a trace: field 1, which has a length.
        [0x0a, ..] if !is_text => "a trace of Perfetto's (.pftrace)",
        _ if begins(b"<!doctype html") || begins(b"<html") => {
            "a page, which can only save its trace as a file in JSON (Save)"
        }
        _ if begins(b"pid,process,function,") => "a table of functions (.csv)",
        _ if is_text => "a text, such as a program, and not a ring file",
        _ => return None,
    })
}

/// Whether the process that wrote the file still runs, and is not another one with its pid.
fn is_running(identity: &Identity) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", identity.pid));
    identity.process_start != 0 && stat.is_ok_and(|stat| start_time(&stat) == Some(identity.process_start))
}

/// Field 22 of `/proc/PID/stat`, unless field 3 tells that the process is dead and nobody has asked how it ended. The
/// second one, the command's name, may hold spaces and parentheses.
fn start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18)?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_behind_a_name_with_parentheses() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 2 3";
        assert_eq!(start_time(stat), Some(987654));
        assert_eq!(start_time(&stat.replace(" S ", " Z ")), None);
        assert_eq!(start_time(""), None);
        assert_eq!(start_time("7 (a) S"), None);
    }
}
