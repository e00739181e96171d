//! One time for all files: ticks to nanoseconds of a file's monotonic clock, and those to the report's time line.
//!
//! Processes of one boot share the monotonic clock, except for the offsets of their time namespaces, which are known. A
//! file of another boot is positioned by the wall clock, as exactly as the wall clocks of the machines agree, or by the
//! calls of a [`barrier`].

pub mod barrier;
mod clock;
mod fit;
mod how;
mod jump;
mod offset;
mod options;
mod place;
mod starts;
mod ticks;

use crate::plan::file::FilePlan;
use crate::plan::recording::Boot;
use crate::text::display;
use crate::text::when;
use barrier::{Passes, PlacedHost};
pub use clock::{Clock, Ticks, Times};
#[cfg(test)]
pub use fit::Fit;
pub use how::Align;
pub use offset::Offset;
pub use options::AlignOptions;
use place::Place;
pub use starts::Starts;
use starts::{begin_together, marked, opened};
use std::convert::Infallible;
use ticks::tick_map;
use viztracer_format::clock::TickMap;

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
    /// The machines that a barrier has placed.
    pub hosts: Vec<PlacedHost>,
    /// What is a guess.
    pub warnings: Vec<String>,
    /// The same with the runs begun together, if only the wall clock relates them.
    pub starts: Option<Starts>,
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
    /// Calls of a barrier relate those of different machines.
    Barrier {
        /// The largest error, in ns, between the first and the last of these calls.
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
    let Ok(alignment) = on_one_line(files, how, offsets, |_| Ok::<_, Infallible>(Vec::new()));
    alignment
}

/// The same with the machines placed by the calls of a barrier. The error says why that cannot be.
pub fn align_by_barrier(
    files: &[FilePlan],
    how: Align,
    offsets: &[Offset],
    passes: &[Passes],
) -> Result<Alignment, String> {
    on_one_line(files, how, offsets, |maps| barrier::place(files, maps, passes))
}

fn on_one_line<E>(
    files: &[FilePlan],
    how: Align,
    offsets: &[Offset],
    placed: impl FnOnce(&[TickMap]) -> Result<Vec<PlacedHost>, E>,
) -> Result<Alignment, E> {
    let mut alignment = Alignment::default();
    let Some(first) = files.first() else { return Ok(alignment) };
    let maps: Vec<TickMap> = files.iter().map(|file| tick_map(file, files, &mut alignment.warnings)).collect();
    alignment.warnings.extend(jump::warning(files));
    let hosts = placed(&maps)?;
    let mut places: Vec<Place> = files.iter().map(|file| Place::of(file, first, &hosts)).collect();
    let mut together = places.clone();
    begin_together(files, &mut together);
    if how == Align::Start {
        places.clone_from(&together);
    }
    for places in [&mut places, &mut together] {
        add_offsets(files, places, offsets);
    }
    let base = begin(files, &places, how);
    alignment.base_realtime = realtime(files, &places, base);
    let (boot, monotonic_offset) = (first.recording.boot, first.recording.monotonic_offset);
    alignment.zero = Zero { boot, monotonic_offset, monotonic: base };
    let clocks = files.iter().zip(&places).zip(maps).map(|((file, place), map)| place.clock(file, map, base));
    alignment.clocks = clocks.collect();
    let moved: Vec<&FilePlan> = files.iter().filter(|file| !same_clock(file, first)).collect();
    alignment.method = match (how, hosts.iter().map(|host| host.fit.uncertainty).max(), moved.is_empty()) {
        (Align::Start, _, _) => Method::Start,
        (Align::Clock | Align::Monotonic, _, true) => Method::Monotonic,
        (Align::Clock | Align::Monotonic, Some(uncertainty), false) => Method::Barrier { uncertainty },
        (Align::Clock | Align::Monotonic, None, false) => {
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
        alignment.starts = (how == Align::Clock).then(|| {
            let base_together = begin(files, &together, Align::Start);
            let base_realtime = realtime(files, &together, base_together);
            Starts { shifts: starts::shifts(&places, &together, base_together.wrapping_sub(base)), base_realtime }
        });
    }
    alignment.hosts = hosts;
    Ok(alignment)
}

/// Shifts files by what the user has asked for.
fn add_offsets(files: &[FilePlan], places: &mut [Place], offsets: &[Offset]) {
    for offset in offsets {
        let meant = files.iter().zip(&mut *places).filter(|(file, _)| offset.is_of(file));
        meant.for_each(|(_, place)| place.shift = place.shift.wrapping_add(offset.nanoseconds));
    }
}

/// The report's zero, on the clock of the first file.
fn begin(files: &[FilePlan], places: &[Place], how: Align) -> i64 {
    if how == Align::Monotonic {
        return 0;
    }
    let begin = files.iter().zip(places).map(|(file, place)| opened(file, place)).min().unwrap_or(0);
    if files.iter().any(|file| file.imported().is_none()) {
        return begin;
    }
    let Some((first, place)) = files.first().zip(places.first()) else { return begin };
    let theirs = match how {
        Align::Clock | Align::Monotonic => first.imported().map_or(begin, |imported| imported.zero),
        Align::Start => marked(first, place),
    };
    // Viewers do not show what is before the zero.
    begin.min(theirs)
}

/// The wall clock at a time of the first file's clock, 0 if unknown. Of several ring files, that which was opened first
/// counts, as its clock was read nearest to the begin. If all are traces in JSON, the last one counts, as in VizTracer.
fn realtime(files: &[FilePlan], places: &[Place], time: i64) -> u64 {
    let known = files.iter().zip(places).filter(|(file, _)| file.recording.opened.realtime != 0);
    let rings = known.clone().filter(|(file, _)| file.imported().is_none());
    let Some(first) = files.first() else { return 0 };
    let believed = rings
        .min_by_key(|(file, place)| opened(file, place))
        .or_else(|| known.clone().rfind(|(file, _)| same_clock(file, first)));
    believed.map_or(0, |(file, place)| {
        // The zero of a report has the realtime of the ring file that counted when the report was made.
        let reported = file.imported().and_then(|imported| Some((imported.zero, imported.realtime?)));
        let opened = file.recording.opened;
        let (monotonic, realtime) = reported.unwrap_or((opened.monotonic as i64, opened.realtime as i64));
        realtime.wrapping_add(time.wrapping_sub(place.at(monotonic))).max(0) as u64
    })
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
