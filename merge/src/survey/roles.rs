//! Which processes are workers: another process of their run was there first. That need not be their parent: the server
//! that forks workers for `multiprocessing` has no recording.

use crate::plan::file::FilePlan;
use std::collections::HashMap;

const NO_SESSION: [u8; 16] = [0; 16];

/// Marks the workers, or all processes if the caller knows that all of them are workers.
pub fn settle(plans: &mut [FilePlan], all: bool) {
    let mut first: HashMap<[u8; 16], (u64, u32)> = HashMap::new();
    for recording in plans.iter().map(|plan| &plan.recording) {
        let this = (recording.opened.monotonic, recording.pid);
        let first = first.entry(recording.session_id).or_insert(this);
        if this.0 < first.0 {
            *first = this;
        }
    }
    for plan in plans {
        let session = plan.recording.session_id;
        let is_later = first.get(&session).is_some_and(|(_, pid)| *pid != plan.recording.pid);
        let was_known = plan.account().is_some_and(|account| account.is_worker);
        plan.is_worker = all || was_known || (session != NO_SESSION && is_later);
    }
}
