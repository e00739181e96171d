//! One time for all files: ticks to nanoseconds of a file's monotonic clock, and those to the report's time line.
//!
//! Processes of one boot share the monotonic clock, but for the offsets of their time namespaces, which are known. A
//! file of another boot is placed by the wall clock, which is as good as the machines' agreement on it.

mod offset;

use crate::plan::file::FilePlan;
use crate::text::display;
use crate::text::when;
pub use offset::Offset;
use std::collections::HashMap;
use viztracer_format::clock::{self, Anchor, TickMap};
use viztracer_format::header::{CLOCK_MONOTONIC, Identity};

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
    /// A clock that shows `shift` ns more than the map.
    pub fn new(map: TickMap, shift: i64) -> Clock {
        Clock { map, shift }
    }

    /// Nanoseconds since the report's base, and nanoseconds that it takes from `start` for `duration` ticks. Begin
    /// and end are mapped alone and subtracted, so that calls inside each other stay inside each other. What lies
    /// before the base (a frame inherited by `fork`, or a nanosecond of rounding) is cut: Perfetto drops events
    /// with negative times.
    #[inline]
    pub fn span(&self, start: u64, duration: u64) -> (u64, u64) {
        let begin = self.at(start);
        (begin, self.at(start.saturating_add(duration)).saturating_sub(begin))
    }

    /// Nanoseconds since the report's base, 0 for what lies before it.
    #[inline]
    pub fn at(&self, ticks: u64) -> u64 {
        self.signed(ticks).max(0) as u64
    }

    /// The same as [`Clock::span`] for many moments, one after the other.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { map: self.map.cursor(), shift: self.shift }
    }

    /// The same for a moment of the monotonic clock of a file.
    pub fn of_monotonic(&self, moment: i64, file: &FilePlan) -> i64 {
        moment.wrapping_sub(zero(file)).wrapping_add(self.shift)
    }

    /// Nanoseconds since the report's base, or before it.
    #[inline]
    pub fn signed(&self, ticks: u64) -> i64 {
        (self.map.nanoseconds(ticks) as i64).wrapping_add(self.shift)
    }

    /// Realtime of the file's last moment in ns since 1970, by the newest of its anchors; 0 if none tells.
    pub fn last_realtime(&self, plan: &FilePlan) -> u64 {
        let Some(anchor) = plan.anchors.last().filter(|anchor| anchor.realtime != 0) else { return 0 };
        let (_, since) = self.span(anchor.ticks, plan.last_moment.saturating_sub(anchor.ticks));
        anchor.realtime.saturating_add(since)
    }
}

/// What makes times of ticks.
pub trait Times {
    /// The time at the ticks `start`, and what `duration` ticks take from then on.
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64);
}

/// Ticks as they are, for those who only ask what came first.
#[derive(Clone, Copy, Debug)]
pub struct Ticks;

impl Times for Ticks {
    #[inline]
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64) {
        (start, start.saturating_add(duration) - start)
    }
}

/// A clock that is asked for one moment after the other.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    map: clock::Cursor<'a>,
    shift: i64,
}

impl Times for Cursor<'_> {
    #[inline(always)]
    fn span(&mut self, start: u64, duration: u64) -> (u64, u64) {
        let begin = self.at(start);
        (begin, self.at(start.saturating_add(duration)).saturating_sub(begin))
    }
}

impl Cursor<'_> {
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
    /// Realtime of the report's zero, in ns since 1970; 0 if nobody knows.
    pub base_realtime: u64,
    /// The clock that the report's zero is a moment of.
    pub zero: Zero,
    /// What the places of files rest on.
    pub method: Method,
    /// Where the placement of files is a guess.
    pub warnings: Vec<String>,
}

/// What the places of files beside each other rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// They share a clock: exact.
    #[default]
    Monotonic,
    /// For some of them the wall clock.
    WallClock {
        /// Nanoseconds that it is off by at least: so much it was seen to move against their own clocks.
        uncertainty: u64,
    },
    /// They are moved to begin together.
    Start,
}

/// A moment of a machine's monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zero {
    /// The machine's boot.
    pub boot_id: [u8; 16],
    /// The offset of the time namespace.
    pub monotonic_offset: i64,
    /// Nanoseconds.
    pub monotonic: i64,
}

/// Puts all files on one time line that begins when the first of them was opened; traces in JSON alone keep the one
/// that they have.
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
    let Identity { boot_id, monotonic_offset, .. } = first.header.identity;
    alignment.zero = Zero { boot_id, monotonic_offset, monotonic: base };
    for (file, shift) in files.iter().zip(&shifts) {
        let map = tick_map(file, files, &mut alignment.warnings);
        let shift = shift.wrapping_add(zero(file)).wrapping_sub(base);
        alignment.clocks.push(Clock::new(map, shift));
    }
    let moved: Vec<&FilePlan> = files.iter().filter(|file| !same_clock(file, first)).collect();
    alignment.method = match (how, moved.is_empty()) {
        (Align::Start, _) => Method::Start,
        (Align::Clock, true) => Method::Monotonic,
        (Align::Clock, false) => {
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
    let begin = files.iter().zip(shifts).map(|(file, shift)| opened(file, *shift)).min().unwrap_or(0);
    if files.iter().any(|file| file.imported().is_none()) {
        return begin;
    }
    let Some((first, shift)) = files.first().zip(shifts.first()) else { return begin };
    let theirs = match how {
        Align::Clock => first.imported().map_or(begin, |imported| imported.zero),
        Align::Start => marked(first, *shift),
    };
    // Nothing may lie before the zero: viewers do not show it.
    begin.min(theirs)
}

/// The wall clock at a moment of the first file's clock, 0 if nobody knows. Of ring files the one that was opened first
/// is believed, as its clock was read nearest to the begin; of traces in JSON alone, as the peer does, the last.
fn realtime(files: &[FilePlan], shifts: &[i64], moment: i64) -> u64 {
    let known = files.iter().zip(shifts).filter(|(file, _)| file.header.identity.opened.realtime != 0);
    let rings = known.clone().filter(|(file, _)| file.imported().is_none());
    let Some(first) = files.first() else { return 0 };
    let believed = rings
        .min_by_key(|(file, shift)| opened(file, **shift))
        .or_else(|| known.clone().rfind(|(file, _)| same_clock(file, first)));
    believed.map_or(0, |(file, shift)| {
        // What a report says of its zero was told by a ring file that was believed then.
        let told = file.imported().and_then(|imported| Some((imported.zero, imported.realtime?)));
        let opened = file.header.identity.opened;
        let (monotonic, realtime) = told.unwrap_or((opened.monotonic as i64, opened.realtime as i64));
        realtime.wrapping_add(moment.wrapping_sub(monotonic.wrapping_add(*shift))).max(0) as u64
    })
}

/// The monotonic clock where ticks are 0 that are nanoseconds.
fn zero(file: &FilePlan) -> i64 {
    file.imported().map_or(0, |imported| imported.clock_at_tick_0())
}

/// The moment to align a file by, on the common time line: the one that was marked, else its begin.
fn marked(file: &FilePlan, shift: i64) -> i64 {
    match file.sync_marker {
        Some(marker) => marker.wrapping_add(shift),
        None => opened(file, shift),
    }
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
        *begin = marked(file, *shift).min(*begin);
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
    a.header.identity.boot_id == b.header.identity.boot_id
}

/// How far the wall clock has moved against a file's own clock between its anchors; reading both takes a microsecond.
fn wander(file: &FilePlan) -> u64 {
    let told = file.anchors.iter().filter(|anchor| anchor.realtime != 0);
    let origins = told.map(|anchor| (anchor.realtime as i64).wrapping_sub(anchor.monotonic as i64));
    let (least, most) = origins.fold((i64::MAX, i64::MIN), |(least, most), o| (least.min(o), most.max(o)));
    if most > least { most.abs_diff(least).max(1000) } else { 1000 }
}

/// What brings the file's monotonic clock to that of the first file: the offsets of their time namespaces, and for
/// another boot the wall clock.
fn shift(file: &FilePlan, first: &FilePlan) -> i64 {
    let (of, to) = (&file.header.identity, &first.header.identity);
    if of.boot_id == to.boot_id {
        return to.monotonic_offset.wrapping_sub(of.monotonic_offset);
    }
    let to_realtime = |opened: Anchor| (opened.realtime as i64).wrapping_sub(opened.monotonic as i64);
    to_realtime(of.opened).wrapping_sub(to_realtime(to.opened))
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
    warnings
        .push(format!("{}: its clock was read only once; durations assume 1 tick = 1 ns", display::path(&file.path)));
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
