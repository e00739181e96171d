//! One time for all files: ticks to nanoseconds of a file's monotonic clock, and those to the report's time line.
//!
//! Processes of one boot share the monotonic clock, except for the offsets of their time namespaces, which are known. A
//! file of another boot is positioned by the wall clock, as exactly as the wall clocks of the machines agree.

mod offset;

use crate::plan::file::{ContentId, FilePlan};
use crate::plan::recording::Boot;
use crate::text::display;
use crate::text::when;
pub use offset::Offset;
use std::collections::HashMap;
use viztracer_format::clock::{self, Anchor, TickMap};

/// How files are positioned relative to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Align {
    /// By their clocks.
    #[default]
    Clock,
    /// As if all runs had begun at the same time; processes of one run stay aligned by their clocks.
    Start,
    /// By their clocks; time 0 is that of the first file's monotonic clock, as in the reports of VizTracer.
    Monotonic,
}

/// Converts a file's ticks into nanoseconds of the report.
#[derive(Clone, Debug)]
pub struct Clock {
    map: TickMap,
    shift: i64,
}

impl Clock {
    /// Makes a clock that shows `shift` ns more than the map.
    pub fn new(map: TickMap, shift: i64) -> Clock {
        Clock { map, shift }
    }

    /// The start in nanoseconds since the report's base, and the duration in nanoseconds. Start and end are mapped each
    /// for itself and subtracted, so that calls inside each other stay inside each other. What is before the base (a
    /// frame inherited by `fork`, or a nanosecond of rounding) is cut: Perfetto drops events with negative times.
    #[inline]
    pub fn span(&self, start: u64, duration: u64) -> (u64, u64) {
        let begin = self.at(start);
        (begin, self.at(start.saturating_add(duration)).saturating_sub(begin))
    }

    /// Nanoseconds since the report's base, 0 for what is before it.
    #[inline]
    pub fn at(&self, ticks: u64) -> u64 {
        self.signed(ticks).max(0) as u64
    }

    /// A clock for many times in a row, which is faster than [`Clock::span`] if they are near each other.
    pub fn cursor(&self) -> ClockCursor<'_> {
        ClockCursor { map: self.map.cursor(), shift: self.shift }
    }

    /// Nanoseconds since the report's base, or before it, at a time of the file's monotonic clock.
    pub fn of_monotonic(&self, time: i64, file: &FilePlan) -> i64 {
        time.wrapping_sub(zero(file)).wrapping_add(self.shift)
    }

    /// Nanoseconds since the report's base, or before it, at these ticks.
    #[inline]
    pub fn signed(&self, ticks: u64) -> i64 {
        (self.map.nanoseconds(ticks) as i64).wrapping_add(self.shift)
    }

    /// Realtime of the file's newest event in ns since 1970, by the newest anchor; 0 if that has no realtime.
    pub fn last_realtime(&self, plan: &FilePlan) -> u64 {
        let Some(anchor) = plan.anchors.last().filter(|anchor| anchor.realtime != 0) else { return 0 };
        let (_, since) = self.span(anchor.ticks, plan.last_moment.saturating_sub(anchor.ticks));
        anchor.realtime.saturating_add(since)
    }
}

/// Converts ticks into times.
pub trait Times {
    /// The time at the ticks `start`, and what `duration` ticks take from then on.
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64);
}

/// Leaves ticks as they are, where only the order of events matters.
#[derive(Clone, Copy, Debug)]
pub struct Ticks;

impl Times for Ticks {
    #[inline]
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64) {
        (start, start.saturating_add(duration) - start)
    }
}

/// A clock that remembers where in its map the last time was.
#[derive(Clone, Debug)]
pub struct ClockCursor<'a> {
    map: clock::TickCursor<'a>,
    shift: i64,
}

impl Times for ClockCursor<'_> {
    #[inline(always)]
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64) {
        let begin = self.at(start);
        (begin, self.at(start.saturating_add(duration)).saturating_sub(begin))
    }
}

impl ClockCursor<'_> {
    #[inline]
    fn at(&mut self, ticks: u64) -> u64 {
        (self.map.nanoseconds(ticks) as i64).wrapping_add(self.shift).max(0) as u64
    }
}

/// The clocks of all files, and what ties the report to the wall clock.
#[derive(Debug, Default)]
pub struct Alignment {
    /// A clock for each file.
    pub clocks: Vec<Clock>,
    /// Realtime of the report's zero, in ns since 1970; 0 if unknown.
    pub base_realtime: u64,
    /// The report's zero on the clock of a machine.
    pub zero: Zero,
    /// What relates the times of files.
    pub method: Method,
    /// What is a guess.
    pub warnings: Vec<String>,
}

/// What relates the times of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// All files have the same clock, so their times are exact.
    #[default]
    Monotonic,
    /// The wall clock relates some of them.
    WallClock {
        /// The least error, in ns: by so much the wall clock was seen to move against the files' own clocks.
        uncertainty: u64,
    },
    /// All runs are moved to begin together.
    Start,
}

/// A time of a machine's monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zero {
    /// The machine's boot.
    pub boot: Boot,
    /// The offset of the time namespace, in ns.
    pub monotonic_offset: i64,
    /// What the clock showed, in ns.
    pub monotonic: i64,
}

/// Aligns all files to one time line, which begins when the first file was opened. If all are traces in JSON, they keep
/// their own time line.
pub fn align(files: &[FilePlan], how: Align, offsets: &[Offset]) -> Alignment {
    let mut alignment = Alignment::default();
    let Some(first) = files.first() else { return alignment };
    let mut shifts: Vec<i64> = files.iter().map(|file| shift(file, first)).collect();
    if how == Align::Start {
        begin_together(files, &mut shifts);
    }
    for offset in offsets {
        let meant = files.iter().zip(&mut shifts).filter(|(file, _)| offset.is_of(file));
        meant.for_each(|(_, shift)| *shift = shift.wrapping_add(offset.nanoseconds));
    }
    let base = begin(files, &shifts, how);
    alignment.base_realtime = realtime(files, &shifts, base);
    let (boot, monotonic_offset) = (first.recording.boot, first.recording.monotonic_offset);
    alignment.zero = Zero { boot, monotonic_offset, monotonic: base };
    for (file, shift) in files.iter().zip(&shifts) {
        let map = tick_map(file, files, &mut alignment.warnings);
        let shift = shift.wrapping_add(zero(file)).wrapping_sub(base);
        alignment.clocks.push(Clock::new(map, shift));
    }
    let moved: Vec<&FilePlan> = files.iter().filter(|file| !same_clock(file, first)).collect();
    alignment.method = match (how, moved.is_empty()) {
        (Align::Start, _) => Method::Start,
        (Align::Clock | Align::Monotonic, true) => Method::Monotonic,
        (Align::Clock | Align::Monotonic, false) => {
            Method::WallClock { uncertainty: moved.iter().map(|file| wander(file)).max().unwrap_or(0) }
        }
    };
    if let (Method::WallClock { uncertainty }, Some(file)) = (alignment.method, moved.first()) {
        alignment.warnings.push(format!(
            "{} of {} files are of another boot and placed by the wall clock, which was off by at least {}: {} and such",
            moved.len(),
            files.len(),
            when::duration(uncertainty),
            display::path(&file.path)
        ));
    }
    alignment
}

/// The report's zero, on the clock of the first file.
fn begin(files: &[FilePlan], shifts: &[i64], how: Align) -> i64 {
    if how == Align::Monotonic {
        return 0;
    }
    let begin = files.iter().zip(shifts).map(|(file, shift)| opened(file, *shift)).min().unwrap_or(0);
    if files.iter().any(|file| file.imported().is_none()) {
        return begin;
    }
    let Some((first, shift)) = files.first().zip(shifts.first()) else { return begin };
    let theirs = match how {
        Align::Clock | Align::Monotonic => first.imported().map_or(begin, |imported| imported.zero),
        Align::Start => marked(first, *shift),
    };
    // Viewers do not show what is before the zero.
    begin.min(theirs)
}

/// The wall clock at a time of the first file's clock, 0 if unknown. Of several ring files, that which was opened first
/// counts, as its clock was read nearest to the begin. If all are traces in JSON, the last one counts, as in VizTracer.
fn realtime(files: &[FilePlan], shifts: &[i64], time: i64) -> u64 {
    let known = files.iter().zip(shifts).filter(|(file, _)| file.recording.opened.realtime != 0);
    let rings = known.clone().filter(|(file, _)| file.imported().is_none());
    let Some(first) = files.first() else { return 0 };
    let believed = rings
        .min_by_key(|(file, shift)| opened(file, **shift))
        .or_else(|| known.clone().rfind(|(file, _)| same_clock(file, first)));
    believed.map_or(0, |(file, shift)| {
        // The zero of a report has the realtime of the ring file that counted when the report was made.
        let reported = file.imported().and_then(|imported| Some((imported.zero, imported.realtime?)));
        let opened = file.recording.opened;
        let (monotonic, realtime) = reported.unwrap_or((opened.monotonic as i64, opened.realtime as i64));
        realtime.wrapping_add(time.wrapping_sub(monotonic.wrapping_add(*shift))).max(0) as u64
    })
}

/// What a file's monotonic clock showed at tick 0, if its ticks are nanoseconds.
fn zero(file: &FilePlan) -> i64 {
    file.imported().map_or(0, |imported| imported.clock_at_tick_0())
}

/// The time to align a file by, on the common time line: the one that was marked, or else its begin.
fn marked(file: &FilePlan, shift: i64) -> i64 {
    match file.sync_marker {
        Some(marker) => marker.wrapping_add(shift),
        None => opened(file, shift),
    }
}

/// When a file was opened, on the common time line.
fn opened(file: &FilePlan, shift: i64) -> i64 {
    (file.recording.opened.monotonic as i64).wrapping_add(shift)
}

/// Moves every run to the beginning of the first one.
fn begin_together(files: &[FilePlan], shifts: &mut [i64]) {
    let mut begins: HashMap<RunKey, i64> = HashMap::new();
    for (file, shift) in files.iter().zip(&*shifts) {
        let begin = begins.entry(RunKey::of(file)).or_insert(i64::MAX);
        *begin = marked(file, *shift).min(*begin);
    }
    let Some(first) = files.first().and_then(|file| begins.get(&RunKey::of(file)).copied()) else { return };
    for (file, shift) in files.iter().zip(shifts) {
        let begin = begins.get(&RunKey::of(file)).copied().unwrap_or(first);
        *shift = shift.wrapping_add(first).wrapping_sub(begin);
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

fn same_clock(a: &FilePlan, b: &FilePlan) -> bool {
    a.recording.boot == b.recording.boot
}

/// How far the wall clock has moved against a file's own clock between its anchors; reading both takes a microsecond.
fn wander(file: &FilePlan) -> u64 {
    let dated = file.anchors.iter().filter(|anchor| anchor.realtime != 0);
    let origins = dated.map(|anchor| (anchor.realtime as i64).wrapping_sub(anchor.monotonic as i64));
    let (least, most) = origins.fold((i64::MAX, i64::MIN), |(least, most), o| (least.min(o), most.max(o)));
    if most > least { most.abs_diff(least).max(1000) } else { 1000 }
}

/// What to add to the file's monotonic clock for that of the first file: the difference of the offsets of their time
/// namespaces, or if the file is of another boot, that of their wall clocks.
fn shift(file: &FilePlan, first: &FilePlan) -> i64 {
    let (of, to) = (&file.recording, &first.recording);
    if of.boot == to.boot {
        return to.monotonic_offset.wrapping_sub(of.monotonic_offset);
    }
    let to_realtime = |opened: Anchor| (opened.realtime as i64).wrapping_sub(opened.monotonic as i64);
    to_realtime(of.opened).wrapping_sub(to_realtime(to.opened))
}

/// The file's own map. With one anchor only, it is a line through that with the slope of another file.
fn tick_map(file: &FilePlan, files: &[FilePlan], warnings: &mut Vec<String>) -> TickMap {
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
    borrowed(own, (Anchor::default(), anchor(1 << 30, 1 << 30))).unwrap_or_else(TickMap::identity)
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

fn anchor(ticks: u64, monotonic: u64) -> Anchor {
    Anchor { ticks, monotonic, realtime: 0 }
}
