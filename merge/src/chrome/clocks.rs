//! Which clock a document's times are of. The peer writes nanoseconds of the monotonic clock, and if all is well what
//! the wall clock showed at its 0; our own reports begin at 0 and say where that was.

use crate::plan::file::FilePlan;
use crate::plan::imported::BIAS;
use crate::text::display;
use serde_json::{Map, Value};
use std::ops::Range;
use std::path::PathBuf;
use viztracer_format::clock::Anchor;
use viztracer_format::header::Identity;

/// Wall clocks are set now and then: monotonic clocks that began so near to each other are the same one.
const SAME_BOOT: u64 = 1_000_000_000;
/// The boot of documents that tell nothing.
const UNKNOWN: [u8; 16] = *b"of unknown boot\0";

/// Later times, 109 years after 0, are taken to be this. A clock whose ticks are nanoseconds has no more.
const TICKS_MAX: i64 = (1 << 62) - 1;

/// Ticks at this time of a document.
pub fn ticks(time: i64) -> u64 {
    time.saturating_add(BIAS).clamp(0, TICKS_MAX) as u64
}

/// What a document's `viztracer_metadata` tells of its clock.
#[derive(Debug, Default)]
pub struct Known {
    /// The machine's boot, zeros if it does not tell.
    pub boot_id: [u8; 16],
    /// The offset of its time namespace.
    pub monotonic_offset: i64,
    /// The monotonic clock at its 0.
    pub monotonic: i64,
    /// The wall clock at its 0.
    pub realtime: Option<i64>,
    /// The monotonic clock at the moment that was marked to align files by.
    pub sync_marker: Option<i64>,
}

impl Known {
    /// Reads it.
    pub fn of(metadata: &Map<String, Value>) -> Known {
        let clock = metadata.get("clock");
        let in_clock = |name| clock.and_then(|clock| clock.get(name));
        let number = |name| in_clock(name).and_then(Value::as_i64);
        let boot_id = in_clock("boot_id").and_then(Value::as_str).and_then(|id| u128::from_str_radix(id, 16).ok());
        let sync_marker = metadata.get("sync_marker").and_then(Value::as_f64);
        let monotonic = number("monotonic").unwrap_or(0);
        Known {
            boot_id: boot_id.unwrap_or(0).to_le_bytes(),
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

/// The machine's boot as a report's metadata tells it.
pub fn boot_id(id: [u8; 16]) -> Option<String> {
    let is_known = id != [0; 16] && id != UNKNOWN && !id.starts_with(&INVENTED);
    is_known.then(|| format!("{:032x}", u128::from_le_bytes(id)))
}

/// Begins the boot of a document that is of none of the others. Boot ids of Linux are random: eight bytes are no
/// chance.
const INVENTED: [u8; 8] = *b"document";

/// The boot of a document that is of none of the others, by what tells its file apart.
fn invented(file_id: [u8; 16]) -> [u8; 16] {
    let mut id = [0; 16];
    let (device, inode) = file_id.split_at(8);
    let (begin, end) = id.split_at_mut(8);
    begin.copy_from_slice(&INVENTED);
    // Inodes differ in their low bytes, which come first, and devices too.
    let mixed = inode.iter().zip(device.iter().rev()).map(|(inode, device)| inode ^ device);
    end.iter_mut().zip(mixed).for_each(|(byte, mixed)| *byte = mixed);
    id
}

/// Finds out which documents are of the same boot as other files, and says where that is a guess.
pub fn settle(plans: &mut [FilePlan], warnings: &mut Vec<String>) {
    let mut untold: Vec<PathBuf> = Vec::new();
    // Documents follow each other, each with all its plans. Those that tell come first: the others are taken to be of
    // the same boot as one of them.
    let mut documents: Vec<Range<usize>> = Vec::new();
    for (place, plan) in plans.iter().enumerate().filter(|(_, plan)| !is_settled(plan)) {
        match documents.last_mut().filter(|last| last.end == place && plans[last.start].path == plan.path) {
            Some(last) => last.end += 1,
            None => documents.push(place..place + 1),
        }
    }
    documents.sort_by_key(|document| origin(&plans[document.start]).is_none());
    for document in documents {
        let plan = &plans[document.start];
        let origin = origin(plan);
        if origin.is_none() {
            untold.push(plan.path.clone());
        }
        let relative = plans.iter().filter(|plan| is_settled(plan)).find(|plan| match origin {
            Some(origin) => is_near(origin, self::origin(plan)),
            None => true,
        });
        let relative = relative.map(|plan| (plan.header.identity, self::origin(plan)));
        for plan in &mut plans[document] {
            settle_one(plan, relative);
        }
    }
    let alone = plans.iter().all(|plan| Some(&plan.path) == untold.first());
    if let Some(first) = untold.first().filter(|_| !alone) {
        let count = untold.len();
        let path = display::path(first);
        warnings.push(format!(
            "{count} of the files do not say when their clocks began and are taken to be of one boot: {path} and such"
        ));
    }
}

/// Settles one plan, by a file of the same boot and the wall clock at the 0 of its monotonic clock.
fn settle_one(plan: &mut FilePlan, relative: Option<(Identity, Option<i64>)>) {
    let is_told = origin(plan).is_some();
    let identity = &mut plan.header.identity;
    match relative {
        Some((of, origin)) => {
            (identity.boot_id, identity.monotonic_offset) = (of.boot_id, of.monotonic_offset);
            if let Some(origin) = origin.filter(|_| !is_told) {
                identity.opened.realtime = origin.wrapping_add(identity.opened.monotonic as i64).max(0) as u64;
            }
        }
        None if is_told => identity.boot_id = invented(identity.file_id),
        None => identity.boot_id = UNKNOWN,
    }
}

fn is_settled(plan: &FilePlan) -> bool {
    plan.imported().is_none() || plan.header.identity.boot_id != [0; 16]
}

/// The wall clock at the 0 of the monotonic clock, if it is known.
fn origin(plan: &FilePlan) -> Option<i64> {
    let Anchor { monotonic, realtime, .. } = plan.header.identity.opened;
    (realtime != 0).then(|| (realtime as i64).wrapping_sub(monotonic as i64))
}

fn is_near(origin: i64, other: Option<i64>) -> bool {
    other.is_some_and(|other| origin.abs_diff(other) < SAME_BOOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_boot_of_a_machine_is_told() {
        for first in 0..=u8::MAX {
            let mut id = [7; 16];
            id[0] = first;
            let told = boot_id(id).unwrap();
            let metadata = serde_json::json!({ "clock": { "boot_id": told, "monotonic": 5 } });
            let known = Known::of(metadata.as_object().unwrap());
            assert_eq!((known.boot_id, known.monotonic), (id, 5));
        }
        let (one, other) = (invented([1; 16]), invented([2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
        assert_ne!(one, other);
        assert_eq!([one, other, UNKNOWN, [0; 16]].map(boot_id), [None, None, None, None]);
    }

    #[test]
    fn ticks_of_any_time_are_in_order() {
        let times = [i64::MIN, -1, 0, 1, 1_795_384_633_319_601_408, i64::MAX];
        assert!(times.windows(2).all(|pair| ticks(pair[0]) < ticks(pair[1])));
        assert!(ticks(i64::MAX) < 1 << 62);
    }
}
