//! The functions of the standard library between which a piece of work waits for a worker of a pool.

use crate::recording;
use crate::system::ends_with;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happens to a piece of work when a function begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `ThreadPoolExecutor.submit` makes an object of the work.
    ThreadSubmitted,
    /// A thread begins to run that object.
    ThreadStarted,
    /// `ProcessPoolExecutor.submit` makes an object of the work.
    ProcessSubmitted,
    /// A worker process has got an object from a queue.
    ProcessReceived,
    /// `multiprocessing.Pool.apply_async` has made the object of a result.
    ApplySubmitted,
    /// `multiprocessing.Pool.map` and the like have made the object of a result of several pieces of work.
    MapSubmitted,
    /// `multiprocessing.Pool.imap` and the like have made the object of results that come one by one.
    ImapSubmitted,
    /// A worker process has got an object from a simple queue.
    PoolReceived,
}

/// Where each step is found, in the order of the steps: the end of the path of the file, and the name of the function.
const STEPS: [(Step, &str, &str); 8] = [
    (Step::ThreadSubmitted, "/concurrent/futures/thread.py", "_WorkItem.__init__"),
    (Step::ThreadStarted, "/concurrent/futures/thread.py", "_WorkItem.run"),
    (Step::ProcessSubmitted, "/concurrent/futures/process.py", "_WorkItem.__init__"),
    (Step::ProcessReceived, "/multiprocessing/queues.py", "Queue.get"),
    (Step::ApplySubmitted, "/multiprocessing/pool.py", "ApplyResult.__init__"),
    (Step::MapSubmitted, "/multiprocessing/pool.py", "MapResult.__init__"),
    (Step::ImapSubmitted, "/multiprocessing/pool.py", "IMapIterator.__init__"),
    (Step::PoolReceived, "/multiprocessing/queues.py", "SimpleQueue.get"),
];

/// The lower bits, which an id of a function has at most.
const ID_BITS: u32 = 25;

/// The ids of the functions of each step, with the number of the rules above them; 0: not seen.
static IDS: [AtomicU64; STEPS.len()] = [const { AtomicU64::new(0) }; STEPS.len()];

impl Step {
    /// Returns the step that a function is.
    pub(super) fn of_function(name: &str, file: &str) -> Option<Step> {
        let found = STEPS.iter().find(|(_, end, function)| name == *function && ends_with(file, end));
        found.map(|(step, _, _)| *step)
    }

    /// Returns the step that the function of this id is, under the rules that hold now.
    #[cfg_attr(not(Py_3_12), expect(dead_code, reason = "steps are looked for from 3.12 on"))]
    pub fn of_id(id: u32) -> Option<Step> {
        let noted = recording::rules() << ID_BITS | u64::from(id);
        STEPS.iter().map(|(step, _, _)| *step).find(|step| IDS[*step as usize].load(Ordering::Relaxed) == noted)
    }

    /// Notes the id of its function, under these rules.
    pub(super) fn note(self, id: u32, rules: u64) {
        IDS[self as usize].store(rules << ID_BITS | u64::from(id), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_functions_of_the_standard_library() {
        let file = "/usr/lib/python3.12/concurrent/futures/thread.py";
        assert_eq!(Step::of_function("_WorkItem.__init__", file), Some(Step::ThreadSubmitted));
        assert_eq!(Step::of_function("_WorkItem.run", file), Some(Step::ThreadStarted));
        let process = "/usr/lib/python3.12/concurrent/futures/process.py";
        assert_eq!(Step::of_function("_WorkItem.__init__", process), Some(Step::ProcessSubmitted));
        assert_eq!(Step::of_function("_WorkItem.run", process), None);
        assert_eq!(Step::of_function("ThreadPoolExecutor.submit", file), None);
    }

    #[test]
    fn each_step_has_an_id_of_its_own() {
        for (index, (step, _, _)) in STEPS.iter().enumerate() {
            assert_eq!(*step as usize, index);
        }
    }
}
