//! The place of a file on the common time line.

use super::barrier::PlacedHost;
use super::clock::Clock;
use super::fit::Fit;
use super::ticks::{SECOND, anchor};
use crate::plan::file::FilePlan;
use viztracer_format::clock::{Anchor, TickMap};

/// Where the monotonic clock of a file stands on the common time line, which is that of the first file.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    fit: Fit,
    /// What to add to its converted times.
    pub shift: i64,
}

impl Place {
    /// The place of a file by the barrier that has placed its machine, else by the clocks.
    pub fn of(file: &FilePlan, first: &FilePlan, hosts: &[PlacedHost]) -> Place {
        let Some(host) = hosts.iter().find(|host| host.boot == file.recording.boot) else {
            return Place { fit: Fit::default(), shift: shift(file, first) };
        };
        let (of, to) = (file.recording.monotonic_offset, first.recording.monotonic_offset);
        let fit = Fit { origin: host.fit.origin.wrapping_add(of), ..host.fit };
        Place { fit, shift: to.wrapping_sub(of) }
    }

    /// The common time at a time of the file's clock.
    pub fn at(&self, monotonic: i64) -> i64 {
        self.fit.convert(monotonic).wrapping_add(self.shift)
    }

    /// The clock of a report that begins at `base`, for a file with this map.
    pub fn clock(&self, file: &FilePlan, map: TickMap, base: i64) -> Clock {
        let shift =
            self.shift.wrapping_add(self.fit.offset).wrapping_add(file.monotonic_at_tick_0()).wrapping_sub(base);
        let map = if self.fit.drift == 0.0 { map } else { self.drifted(file, map) };
        Clock::new(map, shift, self.fit)
    }

    /// The map of a file whose clock drifts. It is a line between the file's anchors, since a drift is one, too.
    fn drifted(&self, file: &FilePlan, map: TickMap) -> TickMap {
        let opened = file.recording.opened.ticks;
        let ticks = file.anchors.iter().map(|anchor| anchor.ticks).chain([
            opened,
            file.last_moment,
            opened.saturating_add(SECOND),
        ]);
        let drifted = |ticks| {
            let monotonic = (map.nanoseconds(ticks) as i64).wrapping_add(file.monotonic_at_tick_0());
            self.fit.drifted(monotonic).wrapping_sub(file.monotonic_at_tick_0()).max(0) as u64
        };
        TickMap::new(ticks.map(|ticks| anchor(ticks, drifted(ticks)))).unwrap_or(map)
    }
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
