//! Calls that are recorded in bursts only, since recording all of them cost too much.

use viztracer_format::header::Rests;

/// The bursts of a process, and the time between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bursts {
    /// How many there are; 0: calls are recorded all the time.
    pub count: u64,
    /// How long no calls were recorded, in ticks of a plan, or in ns of a report.
    pub rested: u64,
}

impl Bursts {
    /// What the header of a ring file says, whose recording lasted from `opened` to `last`, in ticks.
    pub fn of(rests: Rests, opened: u64, last: u64) -> Bursts {
        if rests.count == 0 {
            return Bursts::default();
        }
        let is_last_over = rests.since != 0;
        Bursts { count: rests.count.saturating_add(u64::from(!is_last_over)), rested: rests.ticks_until(opened, last) }
    }

    /// Whether there are times in which no calls were recorded.
    pub fn are_there(self) -> bool {
        self.count > 0
    }
}
