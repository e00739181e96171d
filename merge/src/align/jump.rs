//! Wall clocks that jumped ahead of the clock that processes are recorded by: that one stands still while a machine
//! sleeps.

use crate::plan::file::FilePlan;
use crate::text::display;
use crate::text::when;

/// By how many ns a wall clock may move against the other one between two anchors as it is adjusted. Anchors are a second
/// apart, or more if nothing happens.
const ADJUSTED: i64 = 1_000_000_000;

/// What is wrong in the report, if the wall clock jumped while any of these files was recorded.
pub fn warning(files: &[FilePlan]) -> Option<String> {
    let jumped = |file| Some((file, jump(file)?));
    let mut jumps = files.iter().filter_map(jumped);
    let (file, by) = jumps.next()?;
    let others = match jumps.count() {
        0 => " was".into(),
        1 => " and 1 other were".into(),
        others => format!(" and {others} others were"),
    };
    let calls = match file.recording.ticks_are_nanoseconds {
        true => "",
        false => ", and calls of the second around it may look shorter than they were",
    };
    Some(format!(
        "the wall clock jumped ahead by {} while {}{others} recorded, as when a machine sleeps: times of day after \
         that are too early by as much{calls}",
        when::duration(by),
        display::path(&file.path)
    ))
}

/// By how many ns the wall clock jumped ahead, in all, while a file was recorded.
fn jump(file: &FilePlan) -> Option<u64> {
    let mut dated: Vec<_> = file.anchors.iter().filter(|anchor| anchor.realtime != 0).collect();
    dated.sort_unstable_by_key(|anchor| anchor.monotonic);
    let origins = dated.iter().map(|anchor| (anchor.realtime as i64).wrapping_sub(anchor.monotonic as i64));
    let origins: Vec<i64> = origins.collect();
    let jumps = origins.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).filter(|by| *by >= ADJUSTED);
    let all = jumps.fold(0, |sum: u64, by| sum.saturating_add(by as u64));
    (all > 0).then_some(all)
}
