//! The numbers that tracks bear. Viewers put all that has one pid on one track, but a pid tells processes apart only on
//! one machine, and only as long as they live: the later ones of the same pid get another number.

use crate::plan::file::FilePlan;
use std::collections::{HashMap, HashSet};

/// Above all pids of Linux, so that the pid can still be read from it in hexadecimal.
const STEP: u32 = 1 << 22;

/// A process: two images of it, one after an exec, are on one track.
#[derive(PartialEq, Eq, Hash)]
enum Process {
    /// On a machine, since its boot, by the moment when it began.
    Started { boot_id: [u8; 16], pid: u32, start: u64 },
    /// Who knows: of this file.
    OfFile { file_id: [u8; 16], pid: u32 },
}

/// Gives every process a number of its own.
pub fn number(plans: &mut [FilePlan]) {
    let mut numbers: HashMap<Process, u32> = HashMap::new();
    let mut taken: HashSet<u32> = plans.iter().map(|plan| plan.pid).collect();
    let mut first: HashSet<u32> = HashSet::new();
    for plan in plans {
        let pid = plan.pid;
        plan.pid = *numbers.entry(process(plan)).or_insert_with(|| match first.insert(pid) {
            true => pid,
            false => free(pid, &mut taken),
        });
    }
}

fn process(plan: &FilePlan) -> Process {
    let identity = &plan.header.identity;
    let (boot_id, pid, start, file_id) = (identity.boot_id, identity.pid, identity.process_start, identity.file_id);
    // In a trace in JSON the numbers of tracks tell its processes apart.
    if plan.imported().is_some() {
        return Process::OfFile { file_id, pid: plan.pid };
    }
    if start == 0 { Process::OfFile { file_id, pid } } else { Process::Started { boot_id, pid, start } }
}

fn free(pid: u32, taken: &mut HashSet<u32>) -> u32 {
    let number = (1..=u32::MAX / STEP).map(|turn| (turn * STEP).wrapping_add(pid)).find(|n| !taken.contains(n));
    let number = number.or_else(|| (0..u32::MAX).rev().find(|n| !taken.contains(n))).unwrap_or(pid);
    taken.insert(number);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_free() {
        let mut taken = HashSet::from([7, 7 + STEP]);
        assert_eq!([free(7, &mut taken), free(7, &mut taken)], [7 + 2 * STEP, 7 + 3 * STEP]);
        assert_eq!(free(u32::MAX, &mut taken), STEP - 1);
    }
}
