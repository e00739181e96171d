//! Lives of tasks and coroutines, each as ten varints: 0 for a task or 1 + the number of the function, the task, the
//! depth, begin and latency in ns, time in which it ran, resumes, how it ended + 4 if its begin is unknown, its id, and
//! the id of the coroutine that awaits it or 0.

use super::block::put_number;
use crate::events::lives::{Life, LifeEnd};

const BEGIN_UNKNOWN: u64 = 4;

/// These lives as bytes; `number` returns a function's number by its id.
pub fn bytes(lives: &[Life], number: impl Fn(u32) -> u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for life in lives {
        let how = match life.how {
            LifeEnd::Returned => 0,
            LifeEnd::Raised => 1,
            LifeEnd::Unfinished => 2,
            LifeEnd::Unknown => 3,
        };
        let numbers = [
            life.function.map_or(0, |function| 1 + u64::from(number(function))),
            life.task.into(),
            life.depth.into(),
            life.begin,
            life.latency(),
            life.running,
            life.resumes,
            how + if life.is_begin_known { 0 } else { BEGIN_UNKNOWN },
            life.id.into(),
            life.awaited_by.into(),
        ];
        numbers.into_iter().for_each(|number| put_number(number, &mut bytes));
    }
    bytes
}
