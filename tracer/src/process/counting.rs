//! When the calls of elided functions are counted, in short bursts.
//!
//! A program that makes no other calls has no events, so the [`watcher`](super::watcher) begins the bursts. The estimates
//! are right if each moment of the program's work is as likely to be counted as any other. So all times here are
//! processor times of the program, without that of the watcher, and they are random: waiting does not count, and a
//! program that does the same again and again is not always counted at the same place.

use crate::{hook, recording};
use pyo3::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use viztracer_recorder::clock::{monotonic, processor_time, thread_time};

/// Between two bursts, in ns.
const BETWEEN: Range<u64> = 100_000_000..300_000_000;
/// Between the arming of a burst and its begin. The arming waits for the GIL, so it is likely where the program gives it
/// up. It must be forgotten when the burst begins.
const LEAD: Range<u64> = 0..20_000_000;
/// How long a burst is.
const LENGTH: Range<u64> = 4_000_000..6_000_000;
/// What a burst costs at most: that much must be left of what may be spent.
const COST: f64 = 2e6;

/// The time between two looks. A burst may begin and end by that much too late.
const LOOK_MIN: Duration = Duration::from_micros(500);
const LOOK_MAX: Duration = Duration::from_millis(20);
/// After so many looks without any work in between, looks are rare: the program waits.
const IDLE_LOOKS: u32 = 400;
/// Less than this is no work.
const IDLE: u64 = 20_000;

/// When the next burst is armed, also if a fork has ended the thread that has waited for it; 0: not known.
static DUE: AtomicU64 = AtomicU64::new(0);

/// Whether there are functions whose calls are to be counted.
pub fn is_wanted() -> bool {
    cfg!(Py_3_12) && recording::has_elided() && recording::records_calls() && recording::has_estimates()
}

/// What the watcher does next.
pub enum Next {
    /// It looks again after this time.
    Look(Duration),
    /// It does this with the GIL held.
    Do(fn(Python<'_>)),
}

/// The times of one watcher.
pub struct Schedule {
    stage: Stage,
    random: Random,
    /// The program's processor time at the last look, and how many looks in a row have seen no work.
    last: u64,
    idle_looks: u32,
    processors: u64,
}

/// What is to happen, and when.
#[derive(Clone, Copy)]
enum Stage {
    Arm(u64),
    Open(u64),
    Close(u64),
    Disarm,
}

impl Schedule {
    /// Begins with a time between two bursts, or goes on with the one that is not over.
    pub fn new() -> Schedule {
        let processors = thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let stage = Stage::Arm(DUE.load(Ordering::Relaxed));
        let mut schedule = Schedule { stage, random: Random(monotonic() | 1), last: 0, idle_looks: 0, processors };
        if DUE.load(Ordering::Relaxed) == 0 {
            schedule.wait_between(processor_time());
        }
        schedule
    }

    /// Goes on as far as the program's work has come.
    pub fn look(&mut self) -> Next {
        let now = program_time();
        match self.stage {
            Stage::Arm(time) if now < time => self.wait_for(time, now),
            Stage::Arm(_) if !recording::may_count(COST) => self.wait_for(now + BETWEEN.start / 4, now),
            Stage::Arm(_) => {
                self.stage = Stage::Open(now + self.random.within(LEAD));
                Next::Do(arm)
            }
            _ if !hook::is_counting() => self.stay_away(now),
            Stage::Open(time) | Stage::Close(time) if now < time => self.wait_for(time, now),
            Stage::Open(_) => {
                hook::open_burst(now);
                let end = now + self.random.within(LENGTH);
                self.stage = Stage::Close(end);
                self.wait_for(end, now)
            }
            Stage::Close(_) => {
                hook::close_burst(now);
                DUE.store(0, Ordering::Relaxed);
                self.stage = Stage::Disarm;
                Next::Do(disarm)
            }
            Stage::Disarm => Next::Do(disarm),
        }
    }

    /// Nothing is armed: the burst is over, or it could not begin.
    fn stay_away(&mut self, now: u64) -> Next {
        let time = self.wait_between(now);
        self.wait_for(time, now)
    }

    /// Has the next burst armed after a time between two bursts. Returns when that is.
    fn wait_between(&mut self, now: u64) -> u64 {
        let time = now + self.random.within(BETWEEN);
        DUE.store(time, Ordering::Relaxed);
        self.stage = Stage::Arm(time);
        time
    }

    /// Looks again when the program can have come to this time at the earliest.
    fn wait_for(&mut self, time: u64, now: u64) -> Next {
        self.idle_looks = if now.saturating_sub(self.last) < IDLE { self.idle_looks.saturating_add(1) } else { 0 };
        self.last = now;
        let left = Duration::from_nanos(time.saturating_sub(now) / self.processors);
        let shortest = if self.idle_looks > IDLE_LOOKS { LOOK_MAX } else { LOOK_MIN };
        Next::Look(left.clamp(shortest, LOOK_MAX))
    }
}

/// Begins anew in a child that was forked, whose processor time does.
pub fn begin_in_child() {
    DUE.store(0, Ordering::Relaxed);
}

/// The processor time of the process without that of the calling thread, which is the watcher.
fn program_time() -> u64 {
    processor_time().saturating_sub(thread_time())
}

fn arm(python: Python<'_>) {
    if recording::records_calls() {
        let _ = hook::arm_counting(python); // without a burst the estimate is worse
    }
}

fn disarm(python: Python<'_>) {
    let _ = hook::end_counting(python);
}

/// Numbers that no program expects (Marsaglia's xorshift, 2003).
struct Random(u64);

impl Random {
    fn within(&mut self, range: Range<u64>) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        range.start + self.0 % (range.end - range.start)
    }
}
