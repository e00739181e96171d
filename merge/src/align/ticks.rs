//! The map of a file: ticks to nanoseconds of its monotonic clock.

use crate::plan::file::FilePlan;
use crate::text::display;
use viztracer_format::clock::{Anchor, TickMap};

/// About a second in ticks of any clock: a distance at which two points make a good line.
pub const SECOND: u64 = 1 << 30;

/// The file's own map. With one anchor only, it is a line through that with the slope of another file.
pub fn tick_map(file: &FilePlan, files: &[FilePlan], warnings: &mut Vec<String>) -> TickMap {
    if file.recording.ticks_are_nanoseconds {
        return TickMap::identity();
    }
    if let Some(map) = TickMap::new(file.anchors.iter().copied()) {
        return map;
    }
    let boot = file.recording.boot;
    let same_boot = files.iter().filter(|other| other.recording.boot == boot);
    let own = file.anchors.last().copied().unwrap_or(file.recording.opened);
    if let Some(map) = same_boot.filter_map(ends).find_map(|ends| borrowed(own, ends)) {
        return map;
    }
    warnings
        .push(format!("{}: its clock was read only once; durations assume 1 tick = 1 ns", display::path(&file.path)));
    borrowed(own, (Anchor::default(), anchor(SECOND, SECOND))).unwrap_or_else(TickMap::identity)
}

/// The first and the last anchor of a file that counts ticks, if its own map is good.
fn ends(file: &FilePlan) -> Option<(Anchor, Anchor)> {
    if file.recording.ticks_are_nanoseconds {
        return None;
    }
    TickMap::new(file.anchors.iter().copied())?;
    Some((*file.anchors.first()?, *file.anchors.last()?))
}

fn borrowed(own: Anchor, (first, last): (Anchor, Anchor)) -> Option<TickMap> {
    let ticks = own.ticks.checked_add(last.ticks.checked_sub(first.ticks)?)?;
    let monotonic = own.monotonic.checked_add(last.monotonic.checked_sub(first.monotonic)?)?;
    TickMap::new([own, anchor(ticks, monotonic)])
}

/// A point of a map.
pub fn anchor(ticks: u64, monotonic: u64) -> Anchor {
    Anchor { ticks, monotonic, realtime: 0 }
}
