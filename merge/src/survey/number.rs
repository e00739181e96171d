//! The numbers of the processes' tracks. Viewers put all events with one pid on one track, but pids are unique only on
//! one machine and among processes that live at the same time. So a later process with the same pid gets another
//! number.

use crate::plan::file::{ContentId, FilePlan, Source};
use crate::plan::recording::Boot;
use std::collections::{HashMap, HashSet};

/// Above all pids of Linux, so that the pid can still be read from it in hexadecimal.
const FIRST_FREE: u32 = 1 << 22;

/// What identifies a process. Both images of a process that has called exec are on one track.
#[derive(PartialEq, Eq, Hash)]
enum ProcessKey {
    /// By when it started after the boot of its machine.
    Started { boot: Boot, pid: u32, start: u64 },
    /// By its file, if it is not known when it started.
    OfFile { file: ContentId, pid: u32 },
}

/// Gives every process a number of its own.
pub fn number(plans: &mut [FilePlan]) {
    let mut numbers: HashMap<ProcessKey, u32> = HashMap::new();
    let mut taken: HashSet<u32> = plans.iter().map(|plan| plan.pid).collect();
    let mut first: HashSet<u32> = HashSet::new();
    for plan in plans {
        let pid = plan.pid;
        plan.pid = *numbers.entry(key(plan)).or_insert_with(|| match first.insert(pid) {
            true => pid,
            false => free(pid, &mut taken),
        });
    }
}

fn key(plan: &FilePlan) -> ProcessKey {
    let pid = plan.recording.pid;
    match plan.source {
        // The processes of a trace in JSON are distinguished by the numbers of their tracks.
        Source::Json { .. } => ProcessKey::OfFile { file: plan.content_id(), pid: plan.pid },
        Source::Ring { process_start: 0, .. } => ProcessKey::OfFile { file: plan.content_id(), pid },
        Source::Ring { process_start: start, .. } => ProcessKey::Started { boot: plan.recording.boot, pid, start },
    }
}

fn free(pid: u32, taken: &mut HashSet<u32>) -> u32 {
    let number =
        (1..=u32::MAX / FIRST_FREE).map(|turn| (turn * FIRST_FREE).wrapping_add(pid)).find(|n| !taken.contains(n));
    let number = number.or_else(|| (0..u32::MAX).rev().find(|n| !taken.contains(n))).unwrap_or(pid);
    taken.insert(number);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_free() {
        let mut taken = HashSet::from([7, 7 + FIRST_FREE]);
        assert_eq!([free(7, &mut taken), free(7, &mut taken)], [7 + 2 * FIRST_FREE, 7 + 3 * FIRST_FREE]);
        assert_eq!(free(u32::MAX, &mut taken), FIRST_FREE - 1);
    }
}
