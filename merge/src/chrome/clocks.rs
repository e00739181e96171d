//! The clock of a document's times. VizTracer writes times of the monotonic clock, and mostly what the wall clock
//! showed at its 0. Our own reports begin at 0 and say what both clocks showed there.

use crate::plan::file::FilePlan;
use crate::plan::imported::BIAS;
use crate::plan::recording::{Boot, Recording};
use crate::text::display;
use serde_json::{Map, Value};
use std::ops::Range;
use std::path::PathBuf;
use viztracer_format::clock::Anchor;

/// Monotonic clocks whose begins differ by less ns are the same one: wall clocks are set now and then.
const SAME_BOOT: u64 = 1_000_000_000;
/// Times later than 109 years after 0 become this one, the largest that a clock in nanoseconds can have.
const TICKS_MAX: i64 = (1 << 62) - 1;

/// Converts a time of a document, in ns, into ticks.
pub fn ticks(time: i64) -> u64 {
    time.saturating_add(BIAS).clamp(0, TICKS_MAX) as u64
}

/// What a document's `viztracer_metadata` says of its clock.
#[derive(Debug, Default)]
pub struct DocumentClock {
    /// The machine's boot.
    pub boot: Boot,
    /// The offset of the time namespace, in ns.
    pub monotonic_offset: i64,
    /// The monotonic clock at the document's 0, in ns.
    pub monotonic: i64,
    /// The wall clock at the document's 0, in ns since 1970.
    pub realtime: Option<i64>,
    /// The monotonic clock at the time that was marked to align files by.
    pub sync_marker: Option<i64>,
}

impl DocumentClock {
    /// Reads the clock out of the metadata.
    pub fn of(metadata: &Map<String, Value>) -> DocumentClock {
        let clock = metadata.get("clock");
        let in_clock = |name| clock.and_then(|clock| clock.get(name));
        let number = |name| in_clock(name).and_then(Value::as_i64);
        let boot_id = in_clock("boot_id").and_then(Value::as_str).and_then(|id| u128::from_str_radix(id, 16).ok());
        let sync_marker = metadata.get("sync_marker").and_then(Value::as_f64);
        let monotonic = number("monotonic").unwrap_or(0);
        DocumentClock {
            boot: Boot::of(boot_id.unwrap_or(0).to_le_bytes()),
            monotonic_offset: number("monotonic_offset").unwrap_or(0),
            monotonic,
            realtime: metadata.get("baseTimeNanoseconds").and_then(Value::as_i64),
            sync_marker: sync_marker
                .map(|microseconds| monotonic.saturating_add((microseconds * 1000.0).round() as i64)),
        }
    }

    /// What the clocks showed at this time of the document.
    pub fn anchor(&self, time: i64) -> Anchor {
        let realtime = self.realtime.map_or(0, |realtime| realtime.saturating_add(time));
        let monotonic = self.monotonic.saturating_add(time);
        Anchor { ticks: ticks(time), monotonic: monotonic as u64, realtime: realtime.max(0) as u64 }
    }
}

/// Decides for each document which boot its clock counts from: where it does not say it, that of another file whose
/// clock began at the same time. Warns of guesses.
pub fn settle(plans: &mut [FilePlan], warnings: &mut Vec<String>) {
    let mut settled: Vec<bool> = plans.iter().map(has_boot).collect();
    // Documents that say when their clock began come first: others are taken to be of the same boot as one of them.
    let mut documents = unsettled_documents(plans);
    documents.sort_by_key(|document| origin(&plans[document.start]).is_none());
    let mut guessed: Vec<PathBuf> = Vec::new();
    for document in documents {
        let plan = &plans[document.start];
        let origin = origin(plan);
        if origin.is_none() {
            guessed.push(plan.path.clone());
        }
        let is_same_boot = |other: &FilePlan| match origin {
            Some(origin) => is_near(origin, self::origin(other)),
            None => true,
        };
        let others = plans.iter().zip(&settled).filter(|(_, is_settled)| **is_settled);
        let relative = others.map(|(other, _)| other).find(|other| is_same_boot(other)).map(Relative::of);
        for (plan, is_settled) in plans[document.clone()].iter_mut().zip(&mut settled[document]) {
            settle_one(plan, relative);
            *is_settled = true;
        }
    }
    let alone = plans.iter().all(|plan| Some(&plan.path) == guessed.first());
    if let Some(first) = guessed.first().filter(|_| !alone) {
        let count = guessed.len();
        let path = display::path(first);
        warnings.push(format!(
            "{count} of the files do not say when their clocks began and are taken to be of one boot: {path} and such"
        ));
    }
}

/// The documents without a boot, each as the range of its plans, which follow each other.
fn unsettled_documents(plans: &[FilePlan]) -> Vec<Range<usize>> {
    let mut documents: Vec<Range<usize>> = Vec::new();
    for (index, plan) in plans.iter().enumerate().filter(|(_, plan)| !has_boot(plan)) {
        match documents.last_mut().filter(|last| last.end == index && plans[last.start].path == plan.path) {
            Some(last) => last.end += 1,
            None => documents.push(index..index + 1),
        }
    }
    documents
}

/// The clock of a file of the same boot.
#[derive(Clone, Copy)]
struct Relative {
    boot: Boot,
    monotonic_offset: i64,
    /// See [`origin`].
    origin: Option<i64>,
}

impl Relative {
    fn of(plan: &FilePlan) -> Relative {
        let Recording { boot, monotonic_offset, .. } = plan.recording;
        Relative { boot, monotonic_offset, origin: origin(plan) }
    }
}

/// Settles one plan, by a file of the same boot if there is one.
fn settle_one(plan: &mut FilePlan, relative: Option<Relative>) {
    let is_dated = origin(plan).is_some();
    let recording = &mut plan.recording;
    match relative {
        Some(Relative { boot, monotonic_offset, origin }) => {
            (recording.boot, recording.monotonic_offset) = (boot, monotonic_offset);
            if let Some(origin) = origin.filter(|_| !is_dated) {
                recording.opened.realtime = origin.wrapping_add(recording.opened.monotonic as i64).max(0) as u64;
            }
        }
        None if is_dated => recording.boot = Boot::OfDocument(plan.inode),
        None => recording.boot = Boot::Unknown,
    }
}

/// Whether it is known which boot the clock counts from; that of a ring file need not be guessed.
fn has_boot(plan: &FilePlan) -> bool {
    plan.imported().is_none() || plan.recording.boot != Boot::Unknown
}

/// What the wall clock showed when the monotonic clock began, if that is known.
fn origin(plan: &FilePlan) -> Option<i64> {
    let Anchor { monotonic, realtime, .. } = plan.recording.opened;
    (realtime != 0).then(|| (realtime as i64).wrapping_sub(monotonic as i64))
}

/// Whether two monotonic clocks began at the same time, as far as wall clocks can be trusted.
fn is_near(origin: i64, other: Option<i64>) -> bool {
    other.is_some_and(|other| origin.abs_diff(other) < SAME_BOOT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::inode::Inode;

    #[test]
    fn every_boot_of_a_machine_is_told() {
        for first in 0..=u8::MAX {
            let mut id = [7; 16];
            id[0] = first;
            let written = Boot::of(id).id().unwrap();
            let metadata = serde_json::json!({ "clock": { "boot_id": written, "monotonic": 5 } });
            let known = DocumentClock::of(metadata.as_object().unwrap());
            assert_eq!((known.boot, known.monotonic), (Boot::Id(id), 5));
        }
        assert_eq!(Boot::of([0; 16]), Boot::Unknown);
        assert_eq!([Boot::Unknown, Boot::OfDocument(Inode { device: 1, number: 2 })].map(Boot::id), [None, None]);
    }

    #[test]
    fn ticks_of_any_time_are_in_order() {
        let times = [i64::MIN, -1, 0, 1, 1_795_384_633_319_601_408, i64::MAX];
        assert!(times.windows(2).all(|pair| ticks(pair[0]) < ticks(pair[1])));
        assert!(ticks(i64::MAX) < 1 << 62);
    }
}
