//! The clock that the times of a trace are of. Perfetto's trace processor relates it to the clocks of other traces by the
//! clock snapshots in both, so traces of one machine stand together on one time line.

use super::fields::{clock, clock_snapshot};
use super::wire::{Message, put_message, put_number};
use crate::align::{Alignment, Method};

/// The report's zero on a clock.
///
/// Times of a machine are of its monotonic clock. Ring files do not hold that with the time in which the machine slept
/// (BOOTTIME): a snapshot that took both for the same would move all that another trace relates to the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    clock: u64,
    /// What the clock showed, in nanoseconds.
    time: u64,
}

impl Origin {
    /// Of a report that is aligned like this. One that has no machine's time gets a time line of its own.
    pub fn of(alignment: &Alignment) -> Origin {
        let zero = alignment.zero;
        // As outside of a time namespace, since traces of the whole system are of that.
        let time = u64::try_from(zero.monotonic.wrapping_sub(zero.monotonic_offset));
        let is_known = zero.boot.id().is_some() && alignment.method != Method::Start;
        match time.ok().filter(|_| is_known) {
            Some(time) => Origin { clock: clock::BUILTIN_CLOCK_MONOTONIC, time },
            None => Origin { clock: clock::BUILTIN_CLOCK_BOOTTIME, time: 0 },
        }
    }

    /// Appends a snapshot at the zero, at which the wall clock showed this, or 0 if that is unknown. It says that all times
    /// are of the origin's clock.
    pub fn put_snapshot(self, snapshot: &mut Message, realtime: u64) {
        put_clock(snapshot, self.clock, self.time);
        if realtime != 0 {
            put_clock(snapshot, clock::BUILTIN_CLOCK_REALTIME, realtime);
        }
        put_number(snapshot, clock_snapshot::primary_trace_clock, self.clock);
    }

    /// Appends a snapshot at the zero, at which a clock of a sequence starts, which counts from one packet to the next.
    pub fn put_start(self, snapshot: &mut Message, sequence_clock: u64) {
        put_message(snapshot, clock_snapshot::clocks, |clock| {
            put_number(clock, clock::clock_id, sequence_clock);
            put_number(clock, clock::timestamp, 0);
            put_number(clock, clock::is_incremental, 1);
        });
        put_clock(snapshot, self.clock, self.time);
    }
}

fn put_clock(snapshot: &mut Message, id: u64, timestamp: u64) {
    put_message(snapshot, clock_snapshot::clocks, |clock| {
        put_number(clock, clock::clock_id, id);
        put_number(clock, clock::timestamp, timestamp);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::Zero;
    use crate::plan::recording::Boot;

    #[test]
    fn times_are_of_the_clock_of_a_machine_that_is_known() {
        let zero = Zero { boot: Boot::of([7; 16]), monotonic_offset: -30, monotonic: 500 };
        let of = |zero, method| Origin::of(&Alignment { zero, method, ..Alignment::default() });
        let own = Origin { clock: clock::BUILTIN_CLOCK_BOOTTIME, time: 0 };
        let known = Origin { clock: clock::BUILTIN_CLOCK_MONOTONIC, time: 530 };
        assert_eq!(of(zero, Method::Monotonic), known);
        assert_eq!(of(zero, Method::WallClock { uncertainty: 5 }), known);
        assert_eq!(of(zero, Method::Start), own);
        assert_eq!(of(Zero { boot: Boot::Unknown, ..zero }, Method::Monotonic), own);
        assert_eq!(of(Zero { monotonic: i64::MIN, ..zero }, Method::Monotonic), own);
        assert_eq!(of(Zero { monotonic: -31, ..zero }, Method::Monotonic), own);
    }
}
