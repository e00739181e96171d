//! The processes and threads of a document, as its events name them.

use super::ids::{Id, is_null};
use std::collections::HashMap;

/// Tracks of a document.
const TRACKS_MAX: usize = 1 << 20;
/// Bytes of ids that are text.
const IDS_MAX: usize = 32 << 20;

/// The processes and threads in the order of their first events.
#[derive(Debug, Default)]
pub struct Tracks {
    pub processes: Vec<ProcessTrack>,
    /// By serial.
    pub all: Vec<Track>,
    /// Indexes of processes.
    indexes: HashMap<Id, u32>,
    serials: HashMap<(u32, Id), u32>,
    /// The track that was asked for last.
    last: Option<LastTrack>,
    /// Bytes of the ids.
    kept: usize,
}

/// A pid and a tid as they are written, and the serial of their track.
#[derive(Debug)]
struct LastTrack {
    pid: Option<Box<[u8]>>,
    tid: Option<Box<[u8]>>,
    serial: u32,
}

/// A process, by its pid.
#[derive(Debug)]
pub struct ProcessTrack {
    pub pid: Id,
    pub name: Option<String>,
}

/// A thread, or a track that another program shows as one.
#[derive(Debug)]
pub struct Track {
    /// The index of the process.
    pub process: u32,
    pub tid: Id,
    pub name: Option<String>,
    /// Whether the track has events.
    pub is_used: bool,
    /// How many events an earlier merge reported as overwritten.
    pub overwritten: u64,
    /// Ticks until when events were overwritten, 0 if none were.
    pub overwritten_until: u64,
    /// How many events an earlier merge reported as lost.
    pub lost: u64,
    /// When the overwritten events began and ended, for each thread that has had this id.
    pub losses: Vec<(i64, i64)>,
    /// Ticks when the recording of the thread began, if a report says it, else 0.
    pub begun: u64,
}

/// Why there is no track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTrack {
    /// The pid or tid is neither a number nor a text.
    Bad,
    /// There are too many tracks.
    TooMany,
}

impl Tracks {
    /// The serial of the track with this pid and tid, as they are written. A missing tid is taken to be the pid.
    #[inline]
    pub fn serial(&mut self, pid: Option<&[u8]>, tid: Option<&[u8]>) -> Result<u32, NoTrack> {
        match &self.last {
            Some(last) if last.pid.as_deref() == pid && last.tid.as_deref() == tid => Ok(last.serial),
            _ => self.find(pid, tid),
        }
    }

    fn find(&mut self, pid: Option<&[u8]>, tid: Option<&[u8]>) -> Result<u32, NoTrack> {
        let known = |written: &[u8]| (!is_null(written)).then(|| Id::of(written).ok_or(NoTrack::Bad));
        let process = pid.and_then(known).unwrap_or(Ok(Id::Number(0)))?;
        let thread = tid.and_then(known).unwrap_or_else(|| Ok(process.clone()))?;
        let serial = self.of(process, thread)?;
        self.last = Some(LastTrack { pid: pid.map(Box::from), tid: tid.map(Box::from), serial });
        Ok(serial)
    }

    /// The tid of a track, if it is a number.
    pub fn number(&self, serial: u32) -> Option<u32> {
        match self.all.get(serial as usize)?.tid {
            Id::Number(number) => Some(number),
            Id::Text(_) => None,
        }
    }

    /// The serial of another track of the same process, by its tid as it is written.
    pub fn beside(&mut self, serial: u32, tid: &[u8]) -> Option<u32> {
        let process = self.all.get(serial as usize)?.process;
        let pid = self.processes.get(process as usize)?.pid.clone();
        self.of(pid, Id::of(tid)?).ok()
    }

    /// The serial of the track with these ids.
    fn of(&mut self, pid: Id, tid: Id) -> Result<u32, NoTrack> {
        let process = match self.indexes.get(&pid) {
            Some(index) => *index,
            None => self.add_process(pid)?,
        };
        let key = (process, tid);
        match self.serials.get(&key) {
            Some(serial) => Ok(*serial),
            None => self.add(key),
        }
    }

    fn add_process(&mut self, pid: Id) -> Result<u32, NoTrack> {
        self.keep(&pid)?;
        let index = self.processes.len() as u32;
        self.processes.push(ProcessTrack { pid: pid.clone(), name: None });
        self.indexes.insert(pid, index);
        Ok(index)
    }

    fn add(&mut self, key: (u32, Id)) -> Result<u32, NoTrack> {
        self.keep(&key.1)?;
        let (serial, (process, tid)) = (self.all.len() as u32, key.clone());
        let (name, is_used, overwritten, overwritten_until, lost, begun) = (None, false, 0, 0, 0, 0);
        let losses = Vec::new();
        self.all.push(Track { process, tid, name, is_used, overwritten, overwritten_until, lost, losses, begun });
        self.serials.insert(key, serial);
        Ok(serial)
    }

    fn keep(&mut self, id: &Id) -> Result<(), NoTrack> {
        self.kept += id.bytes();
        if self.all.len() < TRACKS_MAX && self.kept <= IDS_MAX { Ok(()) } else { Err(NoTrack::TooMany) }
    }
}

impl Track {
    /// Whether the thread had events that the document does not hold.
    pub fn is_incomplete(&self) -> bool {
        self.overwritten > 0 || self.lost > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_is_the_same_track_however_it_is_written() {
        let mut tracks = Tracks::default();
        let mut serial =
            |pid: &str, tid: &str| tracks.serial(Some(pid.as_bytes()), Some(tid.as_bytes()).filter(|t| !t.is_empty()));
        let same = [("1", "2"), ("\"1\"", "2.0"), ("1.0", "\"2\"")].map(|(pid, tid)| serial(pid, tid));
        assert_eq!(same, [Ok(0); 3]);
        assert_eq!([serial("1", ""), serial("1", "null"), serial("1", "1")], [Ok(1); 3]);
        assert_eq!([serial("\"a\"", ""), serial("\"a\"", "\"a\"")], [Ok(2); 2]);
        assert_eq!([serial("null", "5"), serial("0", "5")], [Ok(3); 2]);
        assert_eq!([serial("1", "{}"), serial("true", "1")], [Err(NoTrack::Bad); 2]);
        assert_eq!((tracks.processes.len(), tracks.all.len()), (3, 4));
    }
}
