//! The two functions of `concurrent.futures.thread` between which a piece of work waits for a thread of the pool:
//! `submit` makes a `_WorkItem`, and a thread of the pool runs it.

use crate::recording;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happens to a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Submitted,
    Started,
}

const FILE: &str = "/concurrent/futures/thread.py";
/// The lower bits, which an id of a function has at most.
const ID_BITS: u32 = 25;

/// The ids of the functions of each step, with the number of the rules above them; 0: not seen.
static IDS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

impl Step {
    /// Returns the step that a function is.
    pub(super) fn of_function(name: &str, file: &str) -> Option<Step> {
        match name {
            _ if !file.ends_with(FILE) => None,
            "_WorkItem.__init__" => Some(Step::Submitted),
            "_WorkItem.run" => Some(Step::Started),
            _ => None,
        }
    }

    /// Returns the step that the function of this id is, under the rules that hold now.
    #[cfg_attr(not(Py_3_12), expect(dead_code, reason = "steps are looked for from 3.12 on"))]
    pub fn of_id(id: u32) -> Option<Step> {
        let noted = recording::rules() << ID_BITS | u64::from(id);
        [Step::Submitted, Step::Started].into_iter().find(|step| IDS[*step as usize].load(Ordering::Relaxed) == noted)
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
        assert_eq!(Step::of_function("_WorkItem.__init__", file), Some(Step::Submitted));
        assert_eq!(Step::of_function("_WorkItem.run", file), Some(Step::Started));
        assert_eq!(Step::of_function("_WorkItem.run", "/usr/lib/python3.12/concurrent/futures/process.py"), None);
        assert_eq!(Step::of_function("ThreadPoolExecutor.submit", file), None);
    }
}
