//! A reorder buffer: tasks are worked on in parallel, and their results are taken in the order of the tasks.
//!
//! The worker that has made the next result in order takes it, and then the results that were waiting behind it. So N
//! workers keep N processors busy, and a result is nearly always taken where it was made, while its bytes are still in
//! the cache. Taking a result, which writes it, overlaps with the work of the other workers.
//!
//! The buffer holds a bounded number of results, so memory does not grow with the number of tasks: a worker that is too
//! far ahead waits. The calling thread only watches, and can stop the work.

use crate::error::MergeError;
use crate::parallel::lock::{lock, unpoisoned};
use rayon::ThreadPool;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// How many tasks a worker may be ahead of the next result in order, for each worker.
const CAPACITY_PER_WORKER: usize = 2;
/// How often the watcher is asked whether to stop.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// Why the work ended early.
#[derive(Debug)]
pub enum Ended<E> {
    /// The watcher asked to stop.
    Stopped,
    /// Taking a result failed.
    Failed(E),
}

impl From<Ended<MergeError>> for MergeError {
    fn from(ended: Ended<MergeError>) -> MergeError {
        match ended {
            Ended::Stopped => MergeError::Interrupted,
            Ended::Failed(error) => error,
        }
    }
}

/// Calls `work` for the tasks 0 up to `count` on the pool's threads, and `take` on the same threads with each result in
/// the order of the tasks. `local` makes what a worker keeps from task to task. The calling thread asks `stopped`
/// several times a second.
pub fn in_order<L, T: Send, E: Send>(
    pool: &ThreadPool,
    count: usize,
    stopped: impl Fn() -> bool,
    local: impl Fn() -> L + Sync,
    work: impl Fn(&mut L, usize) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), Ended<E>> {
    let workers = pool.current_num_threads().min(count);
    let buffer = ReorderBuffer::new(count, workers);
    let take = Mutex::new(take);
    pool.in_place_scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|_| {
                let leaving = Leaving(&buffer);
                let mut local = local();
                while let Some(index) = buffer.next() {
                    let result = work(&mut local, index);
                    buffer.put(index, result, |result| lock(&take)(result));
                }
                drop(leaving);
            });
        }
        buffer.watch(stopped);
    });
    buffer.ended()
}

/// Hands tasks out, and holds the results that wait for their turn.
struct ReorderBuffer<T, E> {
    count: usize,
    capacity: usize,
    state: Mutex<BufferState<T, E>>,
    /// Wakes workers that are too far ahead: a result was taken.
    advanced: Condvar,
    /// Wakes the watcher: the last worker has left.
    left: Condvar,
}

struct BufferState<T, E> {
    workers: usize,
    /// The next task that a worker gets.
    next: usize,
    /// How many results were taken.
    taken: usize,
    is_taking: bool,
    waiting: BTreeMap<usize, T>,
    ended: Option<Ended<E>>,
    /// Whether a worker has panicked; the scope passes the panic on.
    is_broken: bool,
}

impl<T, E> ReorderBuffer<T, E> {
    fn new(count: usize, workers: usize) -> ReorderBuffer<T, E> {
        let waiting = BTreeMap::new();
        let state =
            BufferState { workers, next: 0, taken: 0, is_taking: false, waiting, ended: None, is_broken: false };
        let (advanced, left) = (Condvar::new(), Condvar::new());
        ReorderBuffer { count, capacity: workers * CAPACITY_PER_WORKER, state: Mutex::new(state), advanced, left }
    }

    /// The next task, as soon as the buffer has room for its result; `None` if there is none left, or the work has
    /// ended.
    fn next(&self) -> Option<usize> {
        let mut state = lock(&self.state);
        let index = state.next;
        state.next += 1;
        let ahead = |state: &mut BufferState<T, E>| !state.is_over() && index >= state.taken + self.capacity;
        let state = unpoisoned(self.advanced.wait_while(state, ahead));
        (index < self.count && !state.is_over()).then_some(index)
    }

    /// Puts a result into the buffer, and takes the results whose turn it is. If another worker is taking results, that
    /// worker will take this one too.
    fn put(&self, index: usize, result: T, mut take: impl FnMut(T) -> Result<(), E>) {
        let mut state = lock(&self.state);
        state.waiting.insert(index, result);
        while let Some(result) = state.pop_next() {
            state.is_taking = true;
            drop(state);
            let taken = take(result);
            state = lock(&self.state);
            state.is_taking = false;
            match taken {
                Ok(()) => state.taken += 1,
                Err(error) => state.ended = Some(Ended::Failed(error)),
            }
            self.advanced.notify_all();
        }
    }

    /// Waits until all workers have left.
    fn watch(&self, stopped: impl Fn() -> bool) {
        let mut state = lock(&self.state);
        while state.workers > 0 {
            let (woken, timeout) = unpoisoned(self.left.wait_timeout(state, WATCH_INTERVAL));
            state = woken;
            if timeout.timed_out() {
                drop(state);
                let stop = stopped();
                state = lock(&self.state);
                if stop {
                    state.ended.get_or_insert(Ended::Stopped);
                    self.advanced.notify_all();
                }
            }
        }
    }

    fn ended(self) -> Result<(), Ended<E>> {
        let state = unpoisoned(self.state.into_inner());
        state.ended.map_or(Ok(()), Err)
    }
}

impl<T, E> BufferState<T, E> {
    fn is_over(&self) -> bool {
        self.ended.is_some() || self.is_broken
    }

    /// The next result in order, if it is there and no worker is taking one.
    fn pop_next(&mut self) -> Option<T> {
        if self.is_taking || self.is_over() { None } else { self.waiting.remove(&self.taken) }
    }
}

/// Signs a worker off, also when its `work` panics: then no other worker may wait for its result.
struct Leaving<'a, T, E>(&'a ReorderBuffer<T, E>);

impl<T, E> Drop for Leaving<'_, T, E> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.workers -= 1;
        state.is_broken |= std::thread::panicking();
        self.0.advanced.notify_all();
        if state.workers == 0 {
            self.0.left.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    fn pool(threads: usize) -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn results_come_in_order_and_no_worker_runs_away() {
        for threads in [1, 2, 8] {
            let (taken, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut seen = Vec::new();
            let work = |_: &mut (), index: usize| {
                if index.is_multiple_of(7) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                most.fetch_max(index - taken.load(Ordering::SeqCst).min(index), Ordering::SeqCst);
                index
            };
            let take = |index| {
                seen.push(index);
                taken.store(index + 1, Ordering::SeqCst);
                Ok::<(), ()>(())
            };
            in_order(&pool(threads), 100, || false, || (), work, take).unwrap();
            assert_eq!(seen, (0..100).collect::<Vec<_>>());
            assert!(most.load(Ordering::SeqCst) <= threads * CAPACITY_PER_WORKER);
        }
    }

    #[test]
    fn an_error_or_the_watcher_ends_it() {
        let failed = in_order(&pool(2), 1000, || false, || (), |_, i| i, |i| if i < 5 { Ok(()) } else { Err(i) });
        assert!(matches!(failed, Err(Ended::Failed(5))));
        let stop = AtomicBool::new(false);
        let work = |_: &mut (), _| std::thread::sleep(Duration::from_millis(5));
        let take = |()| {
            stop.store(true, Ordering::SeqCst);
            Ok::<(), ()>(())
        };
        let stopped = in_order(&pool(2), 10_000, || stop.load(Ordering::SeqCst), || (), work, take);
        assert!(matches!(stopped, Err(Ended::Stopped)));
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        let work = |_: &mut (), index: usize| assert_ne!(index, 20, "at work");
        let take = |()| Ok::<(), ()>(());
        let whole = || in_order(&pool(2), 1000, || false, || (), work, take);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(whole)).is_err());
        let take = |index| if index == 20 { panic!("at the taking") } else { Ok::<(), ()>(()) };
        let whole = || in_order(&pool(2), 1000, || false, || (), |_, index| index, take);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(whole)).is_err());
    }

    #[test]
    fn nothing_to_do() {
        in_order(&pool(2), 0, || false, || (), |_, i| i, |_| Ok::<(), ()>(())).unwrap();
    }
}
