//! Runs that begin together: their order in time is left out, and that within each run stays.

use super::place::Place;
use crate::plan::file::{ContentId, FilePlan};
use std::collections::HashMap;

/// How the report would look if all runs had begun together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starts {
    /// By file, what to add to its times, in ns.
    pub shifts: Vec<i64>,
    /// Realtime of the report's zero then, in ns since 1970; 0 if unknown.
    pub base_realtime: u64,
}

/// What to add to the times of each file, so that it moves to its other place. The report's zero moves by `base`.
pub fn shifts(places: &[Place], others: &[Place], base: i64) -> Vec<i64> {
    let places = places.iter().zip(others);
    places.map(|(place, other)| other.shift.wrapping_sub(place.shift).wrapping_sub(base)).collect()
}

/// When a file was opened, on the common time line.
pub fn opened(file: &FilePlan, place: &Place) -> i64 {
    place.at(file.recording.opened.monotonic as i64)
}

/// The time to align a file by, on the common time line: the one that was marked, or else its begin.
pub fn marked(file: &FilePlan, place: &Place) -> i64 {
    match file.sync_marker {
        Some(marker) => place.at(marker),
        None => opened(file, place),
    }
}

/// Moves every run to the beginning of the first one.
pub fn begin_together(files: &[FilePlan], places: &mut [Place]) {
    let mut begins: HashMap<RunKey, i64> = HashMap::new();
    for (file, place) in files.iter().zip(&*places) {
        let begin = begins.entry(RunKey::of(file)).or_insert(i64::MAX);
        *begin = marked(file, place).min(*begin);
    }
    let Some(first) = files.first().and_then(|file| begins.get(&RunKey::of(file)).copied()) else { return };
    for (file, place) in files.iter().zip(places) {
        let begin = begins.get(&RunKey::of(file)).copied().unwrap_or(first);
        place.shift = place.shift.wrapping_add(first).wrapping_sub(begin);
    }
}

/// A run: the files of one session, or a file that belongs to no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RunKey {
    Session([u8; 16]),
    File(ContentId),
}

impl RunKey {
    fn of(file: &FilePlan) -> RunKey {
        match file.recording.session_id {
            id if id == [0; 16] => RunKey::File(file.content_id()),
            id => RunKey::Session(id),
        }
    }
}
