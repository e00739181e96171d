//! Counts of one function.

use super::sketch::Sketch;
use viztracer_format::record::Kind;

/// The counts and times of the calls of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many calls there were.
    pub calls: u64,
    /// Calls that never ended.
    pub unfinished: u64,
    /// Calls that an exception ended.
    pub raised: u64,
    /// The shortest one.
    pub min: u64,
    /// The longest one.
    pub max: u64,
    /// Nanoseconds in calls that were not made inside another call of the function.
    pub total: u128,
    /// Nanoseconds without what they called. A part of a trace may know of the callees alone, and have less than none.
    pub own: i128,
    /// What of this was in calls that wait.
    pub waiting: Waiting,
    /// Nanoseconds of all calls.
    sum: u128,
    sketch: Sketch,
}

/// The part of a function's calls and times in calls that wait: calls of functions that wait, and all that these call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Calls that waited, or were made by such calls.
    pub calls: u64,
    /// Nanoseconds of the function's calls in which it, or what it called, waited.
    pub total: u128,
    /// Nanoseconds of its self time in those calls.
    pub own: i128,
}

impl Default for Tally {
    fn default() -> Tally {
        let (waiting, sketch) = (Waiting::default(), Sketch::default());
        Tally { calls: 0, unfinished: 0, raised: 0, min: u64::MAX, max: 0, total: 0, own: 0, waiting, sum: 0, sketch }
    }
}

impl Tally {
    /// Adds a call.
    #[inline(always)]
    pub fn call(&mut self, duration: u64, kind: Kind, is_outermost: bool) {
        self.calls += 1;
        self.unfinished += u64::from(kind == Kind::Open);
        self.raised += u64::from(kind == Kind::Raise);
        self.min = self.min.min(duration);
        self.max = self.max.max(duration);
        self.total += if is_outermost { u128::from(duration) } else { 0 };
        self.own += i128::from(duration);
        self.sum += u128::from(duration);
        self.sketch.add(duration);
    }

    /// Takes the time of a call that one of its calls made off its own time.
    pub fn called(&mut self, duration: u64) {
        self.own -= i128::from(duration);
    }

    /// Counts a call, which is added as well, as one that waits.
    pub fn waited(&mut self, duration: u64, is_outermost: bool) {
        self.waiting.calls += 1;
        self.waiting.total += if is_outermost { u128::from(duration) } else { 0 };
        self.waiting.own += i128::from(duration);
    }

    /// Counts time in which calls inside of one waited.
    #[inline(always)]
    pub fn waited_inside(&mut self, time: u64, is_outermost: bool) {
        self.waiting.total += if is_outermost { u128::from(time) } else { 0 };
    }

    /// Adds the counts of other calls.
    pub fn append(&mut self, other: &Tally) {
        self.calls += other.calls;
        self.unfinished += other.unfinished;
        self.raised += other.raised;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.total += other.total;
        self.own += other.own;
        self.waiting.calls += other.waiting.calls;
        self.waiting.total += other.waiting.total;
        self.waiting.own += other.waiting.own;
        self.sum += other.sum;
        self.sketch.append(&other.sketch);
    }

    /// The mean time of a call, rounded.
    pub fn mean(&self) -> u64 {
        let calls = u128::from(self.calls.max(1));
        narrow((self.sum + calls / 2) / calls)
    }

    /// The duration that `percent` hundredths of the calls do not exceed, less than 1 % off.
    pub fn percentile(&self, percent: u32) -> u64 {
        self.sketch.percentile(percent).clamp(self.min.min(self.max), self.max)
    }
}

/// Narrows a number that fits unless the file is damaged.
pub fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
