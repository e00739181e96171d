//! The tracks of a document: its processes and threads, as its events name them.

use super::ids::{Id, is_null};
use std::collections::HashMap;

/// Tracks of a document.
const TRACKS_MAX: usize = 1 << 20;
/// Bytes of ids that are text.
const IDS_MAX: usize = 32 << 20;

/// The processes and threads that were met, in the order of appearance.
#[derive(Debug, Default)]
pub struct Tracks {
    pub processes: Vec<Process>,
    /// By serial.
    pub all: Vec<Track>,
    places: HashMap<Id, u32>,
    serials: HashMap<(u32, Id), u32>,
    /// What was asked for last.
    last: Option<Last>,
    /// Bytes of the ids.
    kept: usize,
}

/// A pid and a tid as they are written, and the serial of their track.
#[derive(Debug)]
struct Last {
    pid: Option<Box<[u8]>>,
    tid: Option<Box<[u8]>>,
    serial: u32,
}

/// A process.
#[derive(Debug)]
pub struct Process {
    pub pid: Id,
    pub name: Option<String>,
}

/// A thread, or what looks like one.
#[derive(Debug)]
pub struct Track {
    /// The place of its process.
    pub process: u32,
    pub tid: Id,
    pub name: Option<String>,
    /// Whether it has events.
    pub is_used: bool,
    /// What an earlier merge told of what is missing.
    pub overwritten: u64,
    /// Ticks until when that was, 0 if there is nothing.
    pub overwritten_until: u64,
    pub lost: u64,
    /// When its overwritten events began and ended, for each thread that has this id.
    pub losses: Vec<(i64, i64)>,
    /// Ticks where it was told, 0 if nowhere.
    pub begun: u64,
}

/// Why there is no track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTrack {
    /// The pid or tid can be none.
    Bad,
    /// There are too many.
    TooMany,
}

impl Tracks {
    /// The serial of the track of a pid and a tid as they are written. Without a tid, that of the process counts.
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
        self.last = Some(Last { pid: pid.map(Box::from), tid: tid.map(Box::from), serial });
        Ok(serial)
    }

    /// The number of a track's tid, if it is one.
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

    /// The serial of a track.
    fn of(&mut self, pid: Id, tid: Id) -> Result<u32, NoTrack> {
        let process = match self.places.get(&pid) {
            Some(place) => *place,
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
        let place = self.processes.len() as u32;
        self.processes.push(Process { pid: pid.clone(), name: None });
        self.places.insert(pid, place);
        Ok(place)
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
    /// Whether it recorded events that the document does not hold.
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
