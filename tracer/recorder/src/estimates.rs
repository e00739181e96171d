//! The estimates of how often elided functions are called, and their entries in the file.

use crate::budget::{Burst, Estimator};
use crate::names::{NameTable, Place};
use crate::ring::{Memory, Ring};
use std::collections::HashMap;

/// By function id, what is known of each function that is elided as a whole.
#[derive(Debug, Default)]
pub struct Estimates(HashMap<u32, Written>);

/// An estimate, and where the file has it, once there was a burst.
#[derive(Debug)]
struct Written {
    estimator: Estimator,
    place: Option<Place>,
}

impl Estimates {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins with a function that is elided from this processor time on.
    pub fn begin(&mut self, function: u32, now: u64) {
        self.0.entry(function).or_insert_with(|| Written { estimator: Estimator::new(now), place: None });
    }

    /// Adds a burst. `counts` has the calls of each function that was called in it; `None`: not all were counted. Says so
    /// in the file, if that has space.
    pub fn add<M: Memory>(
        &mut self,
        ring: &Ring<M>,
        names: &mut NameTable,
        burst: &Burst,
        counts: &HashMap<u32, Option<u64>>,
    ) {
        for (function, written) in &mut self.0 {
            let is_old = written.estimator.since() <= burst.begin;
            if let (true, Some(calls)) = (is_old, counts.get(function).copied().unwrap_or(Some(0))) {
                written.estimator.add(burst, calls);
                written.write(ring, names, *function);
            }
        }
    }

    /// Nothing is recorded from this processor time on.
    pub fn end<M: Memory>(&mut self, ring: &Ring<M>, names: &mut NameTable, now: u64) {
        for (function, written) in &mut self.0 {
            written.estimator.end(now);
            written.write(ring, names, *function);
        }
    }

    /// The recording goes on at this processor time.
    pub fn go_on(&mut self, now: u64) {
        self.0.values_mut().for_each(|written| written.estimator.go_on(now));
    }
}

impl Written {
    fn write<M: Memory>(&mut self, ring: &Ring<M>, names: &mut NameTable, function: u32) {
        let estimate = self.estimator.estimate();
        match self.place {
            _ if estimate.bursts == 0 => {}
            Some(place) => names.set_estimate(ring, place, &estimate),
            None => self.place = names.estimate(ring, function, &estimate),
        }
    }
}
