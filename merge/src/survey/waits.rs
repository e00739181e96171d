//! What processes learned of their children by waiting for them, told of those children whose own files do not say how
//! they ended.
//!
//! A pid is used again after a while. So a wait is for the process of that pid which began last before it; and of a
//! process the first wait after its beginning counts, unless it has given a sign of life after that.

use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::plan::names::ChildEnd;
use std::collections::HashMap;
use viztracer_format::clock::TickMap;
use viztracer_format::header::{CLOCK_MONOTONIC, Identity};

/// By how much (in ns) a moment may be wrong that was reckoned from ticks after the last anchor of a file.
const TOLERANCE: i128 = 1_000_000_000;

/// Whose child, and which: machine, run, parent and child.
type Key = ([u8; 16], [u8; 16], u32, u32);

/// What all files of one parent know of one pid.
#[derive(Default)]
struct Waits {
    /// Event and status of each.
    ends: Vec<(i128, u64)>,
    /// Waits before this moment may have been forgotten.
    forgotten_until: Option<i128>,
}

/// Completes the plans of ring files.
pub fn settle(plans: &mut [FilePlan]) {
    let waits = waits(plans);
    if waits.is_empty() {
        return;
    }
    let mut begun: HashMap<Key, Vec<i128>> = HashMap::new();
    for plan in plans.iter().filter(|plan| plan.imported().is_none()) {
        begun.entry(key_of_child(plan)).or_default().push(opened(plan));
    }
    for plan in plans.iter_mut().filter(|plan| plan.imported().is_none() && plan.ending.is_unsaid()) {
        let key = key_of_child(plan);
        let begun = begun.get(&key).map(Vec::as_slice).unwrap_or_default();
        if let Some((ending, after)) = waits.get(&key).and_then(|waits| waits.of(plan, begun)) {
            plan.ending = ending;
            plan.waited_after = Some(after);
        }
    }
}

fn waits(plans: &[FilePlan]) -> HashMap<Key, Waits> {
    let mut waits: HashMap<Key, Waits> = HashMap::new();
    for parent in plans.iter().filter(|plan| !plan.children.is_empty()) {
        let Identity { boot_id, session_id, pid: parent_pid, .. } = parent.header.identity;
        let oldest =
            parent.children.iter().map(|end| end.waited).min().filter(|_| parent.header.forgotten_children > 0);
        for ChildEnd { pid, status, waited } in &parent.children {
            let of_pid = waits.entry((boot_id, session_id, parent_pid, *pid)).or_default();
            of_pid.ends.push((on_machine(parent, *waited), *status));
            of_pid.forgotten_until = of_pid.forgotten_until.max(oldest.map(|oldest| on_machine(parent, oldest)));
        }
    }
    waits.values_mut().for_each(|waits| waits.ends.sort_unstable());
    waits
}

impl Waits {
    /// How this process ended, and how long after the last moment known of it that was known. `begun` has the beginnings
    /// of all files of its pid.
    fn of(&self, plan: &FilePlan, begun: &[i128]) -> Option<(Ending, u64)> {
        let opened = opened(plan);
        let (waited, status) = *self.ends.get(self.ends.partition_point(|(waited, _)| *waited < opened))?;
        let is_for_a_later_one = begun.iter().any(|other| (opened + 1..=waited).contains(other));
        // A file of one anchor alone has been open for less than a millisecond.
        let last = ticks(plan).map_or(opened, |map| on_machine(plan, map.nanoseconds(plan.last_moment)).max(opened));
        let may_be_forgotten = self.forgotten_until.is_some_and(|until| last < until);
        if is_for_a_later_one || may_be_forgotten || last > waited + TOLERANCE {
            return None;
        }
        let after = u64::try_from((waited - last).max(0)).unwrap_or(u64::MAX);
        Some((Ending::of_wait(status)?, after))
    }
}

fn key_of_child(plan: &FilePlan) -> Key {
    let Identity { boot_id, session_id, parent_pid, pid, .. } = plan.header.identity;
    (boot_id, session_id, parent_pid, pid)
}

/// When its file was opened, on the machine's monotonic clock.
fn opened(plan: &FilePlan) -> i128 {
    on_machine(plan, plan.header.identity.opened.monotonic)
}

/// A moment of a process's monotonic clock on that of the machine.
fn on_machine(plan: &FilePlan, monotonic: u64) -> i128 {
    i128::from(monotonic) - i128::from(plan.header.identity.monotonic_offset)
}

fn ticks(plan: &FilePlan) -> Option<TickMap> {
    match plan.header.identity.clock {
        CLOCK_MONOTONIC => Some(TickMap::identity()),
        _ => TickMap::new(plan.anchors.iter().copied()),
    }
}
