//! How children ended whose own files do not say it, as their parents have learned by waiting for them.
//!
//! A pid is reused after a while. So a wait is for the process of that pid which began last before the wait. For a
//! process, the first wait after its begin counts, unless the process has recorded something after that.

use crate::plan::ending::Ending;
use crate::plan::file::FilePlan;
use crate::plan::names::ChildEnd;
use crate::plan::recording::{Boot, Recording};
use std::collections::HashMap;
use viztracer_format::clock::TickMap;

/// The error in ns of a time that was computed from ticks after the last anchor of a file.
const TOLERANCE: i128 = 1_000_000_000;

/// Which child of which process: boot, session, parent and child.
type ChildKey = (Boot, [u8; 16], u32, u32);

/// The waits of one parent for one pid, from all files of the parent.
#[derive(Default)]
struct Waits {
    /// When the parent had waited, and the status.
    ends: Vec<(i128, u64)>,
    /// Waits before this time may have been forgotten.
    forgotten_until: Option<i128>,
}

/// Completes the plans of ring files by what their parents know.
pub fn settle(plans: &mut [FilePlan]) {
    let waits = waits(plans);
    if waits.is_empty() {
        return;
    }
    let mut begun: HashMap<ChildKey, Vec<i128>> = HashMap::new();
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

fn waits(plans: &[FilePlan]) -> HashMap<ChildKey, Waits> {
    let mut waits: HashMap<ChildKey, Waits> = HashMap::new();
    for parent in plans.iter().filter(|plan| !plan.children.is_empty()) {
        let Recording { boot, session_id, pid: parent_pid, .. } = parent.recording;
        let oldest = parent.children.iter().map(|end| end.waited).min().filter(|_| parent.has_forgotten_children);
        for ChildEnd { pid, status, waited } in &parent.children {
            let of_pid = waits.entry((boot, session_id, parent_pid, *pid)).or_default();
            of_pid.ends.push((on_machine(parent, *waited), *status));
            of_pid.forgotten_until = of_pid.forgotten_until.max(oldest.map(|oldest| on_machine(parent, oldest)));
        }
    }
    waits.values_mut().for_each(|waits| waits.ends.sort_unstable());
    waits
}

impl Waits {
    /// How this process ended, and how many ns after the last event known of it the parent had waited for it. `begun`
    /// has the begins of all files of the pid.
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

fn key_of_child(plan: &FilePlan) -> ChildKey {
    let Recording { boot, session_id, parent_pid, pid, .. } = plan.recording;
    (boot, session_id, parent_pid, pid)
}

/// When the plan's file was opened, on the machine's monotonic clock.
fn opened(plan: &FilePlan) -> i128 {
    on_machine(plan, plan.recording.opened.monotonic)
}

/// Converts a time of a process's monotonic clock into one of the machine's.
fn on_machine(plan: &FilePlan, monotonic: u64) -> i128 {
    i128::from(monotonic) - i128::from(plan.recording.monotonic_offset)
}

fn ticks(plan: &FilePlan) -> Option<TickMap> {
    match plan.recording.ticks_are_nanoseconds {
        true => Some(TickMap::identity()),
        false => TickMap::new(plan.anchors.iter().copied()),
    }
}
