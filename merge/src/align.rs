//! One time for all files: ticks to nanoseconds of a file's monotonic clock, and those to the report's time line.
//!
//! Processes of one boot share the monotonic clock, so their files need no alignment at all. A file of another boot or
//! of another time namespace is placed by the wall clock, which is as good as the machines' agreement on it.

use crate::plan::FilePlan;
use std::collections::HashMap;
use viztracer_format::clock::{Anchor, TickMap};
use viztracer_format::header::CLOCK_MONOTONIC;

/// How files are placed beside each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Align {
    /// Where their clocks say.
    #[default]
    Clock,
    /// As if all runs had begun at the same moment; the processes of one run stay as they were to each other.
    Start,
}

/// From a file's ticks to nanoseconds of the report.
#[derive(Clone, Debug)]
pub struct Clock {
    map: TickMap,
    shift: i64,
}

impl Clock {
    /// Nanoseconds since the report's base, and nanoseconds that it takes from `start` for `duration` ticks. Begin
    /// and end are mapped alone and subtracted, so that calls inside each other stay inside each other. What lies
    /// before the base (a frame inherited by `fork`, or a nanosecond of rounding) is cut: Perfetto drops events
    /// with negative times.
    #[inline]
    pub fn span(&self, start: u64, duration: u64) -> (u64, u64) {
        let begin = self.place(start);
        (begin, self.place(start.saturating_add(duration)).saturating_sub(begin))
    }

    #[inline]
    fn place(&self, ticks: u64) -> u64 {
        self.signed(ticks).max(0) as u64
    }

    /// Nanoseconds since the report's base, or before it.
    #[inline]
    pub fn signed(&self, ticks: u64) -> i64 {
        (self.map.nanoseconds(ticks) as i64).wrapping_add(self.shift)
    }
}

/// The clocks of all files, and what ties the report to the wall clock.
#[derive(Debug, Default)]
pub struct Alignment {
    /// A clock for each file.
    pub clocks: Vec<Clock>,
    /// Realtime of the report's zero, in ns since 1970.
    pub base_realtime: u64,
    /// Where the placement of files is a guess.
    pub warnings: Vec<String>,
}

/// Puts all files on one time line that begins when the first of them was opened.
pub fn align(files: &[FilePlan], how: Align) -> Alignment {
    let mut alignment = Alignment::default();
    let Some(first) = files.first() else { return alignment };
    let mut shifts: Vec<i64> = files.iter().map(|file| shift(file, first)).collect();
    if how == Align::Start {
        begin_together(files, &mut shifts);
    }
    let base = files.iter().zip(&shifts).min_by_key(|(file, shift)| opened(file, **shift));
    if let Some((file, shift)) = base {
        alignment.base_realtime = file.header.identity.opened.realtime;
        let base = opened(file, *shift);
        for (file, shift) in files.iter().zip(&shifts) {
            let map = tick_map(file, files, &mut alignment.warnings);
            alignment.clocks.push(Clock { map, shift: shift.wrapping_sub(base) });
        }
    }
    let moved: Vec<&FilePlan> = files.iter().filter(|file| !same_clock(file, first)).collect();
    if let Some(file) = moved.first().filter(|_| how == Align::Clock) {
        alignment.warnings.push(format!(
            "{} of {} files are of another boot or time namespace and placed by the wall clock: {} and such",
            moved.len(),
            files.len(),
            file.path.display()
        ));
    }
    alignment
}

/// When a file was opened, on the common time line.
fn opened(file: &FilePlan, shift: i64) -> i64 {
    (file.header.identity.opened.monotonic as i64).wrapping_add(shift)
}

/// Moves every run to the beginning of the first one.
fn begin_together(files: &[FilePlan], shifts: &mut [i64]) {
    let mut begins: HashMap<[u8; 16], i64> = HashMap::new();
    for (file, shift) in files.iter().zip(&*shifts) {
        let begin = begins.entry(run(file)).or_insert(i64::MAX);
        *begin = opened(file, *shift).min(*begin);
    }
    let Some(first) = files.first().and_then(|file| begins.get(&run(file)).copied()) else { return };
    for (file, shift) in files.iter().zip(shifts) {
        let begin = begins.get(&run(file)).copied().unwrap_or(first);
        *shift = shift.wrapping_add(first).wrapping_sub(begin);
    }
}

/// What the files of one run have in common; a file that belongs to none is a run of its own.
fn run(file: &FilePlan) -> [u8; 16] {
    let identity = &file.header.identity;
    if identity.session_id == [0; 16] { identity.file_id } else { identity.session_id }
}

fn same_clock(a: &FilePlan, b: &FilePlan) -> bool {
    let (a, b) = (&a.header.identity, &b.header.identity);
    (a.boot_id, a.monotonic_offset) == (b.boot_id, b.monotonic_offset)
}

/// What brings the file's monotonic clock to that of the first file.
fn shift(file: &FilePlan, first: &FilePlan) -> i64 {
    let to_realtime = |file: &FilePlan| {
        let opened = file.header.identity.opened;
        (opened.realtime as i64).wrapping_sub(opened.monotonic as i64)
    };
    if same_clock(file, first) { 0 } else { to_realtime(file).wrapping_sub(to_realtime(first)) }
}

/// The file's own map; with one moment only, a line through it with the slope of a neighbour.
fn tick_map(file: &FilePlan, files: &[FilePlan], warnings: &mut Vec<String>) -> TickMap {
    if file.header.identity.clock == CLOCK_MONOTONIC {
        return TickMap::identity();
    }
    if let Some(map) = TickMap::new(file.anchors.iter().copied()) {
        return map;
    }
    let boot = file.header.identity.boot_id;
    let same_boot = files.iter().filter(|other| other.header.identity.boot_id == boot);
    let own = file.anchors.last().copied().unwrap_or(file.header.identity.opened);
    if let Some(map) = same_boot.filter_map(ends).find_map(|ends| borrowed(own, ends)) {
        return map;
    }
    warnings.push(format!("{}: its clock was read only once; durations assume 1 tick = 1 ns", file.path.display()));
    borrowed(own, (Anchor::default(), anchor(1 << 30, 1 << 30))).unwrap_or_else(TickMap::identity)
}

/// The first and the last anchor of a file that counts ticks, if its own map is good.
fn ends(file: &FilePlan) -> Option<(Anchor, Anchor)> {
    if file.header.identity.clock == CLOCK_MONOTONIC {
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

fn anchor(ticks: u64, monotonic: u64) -> Anchor {
    Anchor { ticks, monotonic, realtime: 0 }
}
