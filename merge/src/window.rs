//! Work on many things in parallel, and take the results in order on the calling thread.
//!
//! At most a window of results waits for its turn, so memory does not grow with the number of things; workers that
//! are ahead of the window wait. The calling thread is none of the workers: what it does with a result, such as
//! writing it, overlaps with their work.

use rayon::ThreadPool;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Results that may wait, for each worker.
const WINDOW_PER_WORKER: usize = 2;
/// How long at most the watcher is not asked.
const PATIENCE: Duration = Duration::from_millis(50);

/// Why the work ended early.
#[derive(Debug)]
pub enum Ended<E> {
    /// The watcher asked for it.
    Stopped,
    /// A result could not be taken.
    Failed(E),
}

/// Calls `work` for 0 up to `count` on the pool's threads and `take` with each result in this order here. `local`
/// makes what a worker keeps from one thing to the next. `stopped` is asked now and then, here.
pub fn in_order<L, T: Send, E>(
    pool: &ThreadPool,
    count: usize,
    stopped: impl Fn() -> bool,
    local: impl Fn() -> L + Sync,
    work: impl Fn(&mut L, usize) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), Ended<E>> {
    let workers = pool.current_num_threads().min(count);
    let gate = Gate::new(workers * WINDOW_PER_WORKER);
    let next = AtomicUsize::new(0);
    let (sender, results) = channel();
    pool.in_place_scope(|scope| {
        for _ in 0..workers {
            let sender: Sender<(usize, T)> = sender.clone();
            scope.spawn(|_| {
                let sender = sender;
                // Also when `work` panics: then nobody must wait for its result.
                let _closed_at_the_end = CloseOnUnwind(&gate);
                let mut local = local();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || !gate.pass(index) {
                        break;
                    }
                    if sender.send((index, work(&mut local, index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let ended = take_in_order(results, &gate, stopped, take);
        gate.close();
        ended
    })
}

fn take_in_order<T, E>(
    results: Receiver<(usize, T)>,
    gate: &Gate,
    stopped: impl Fn() -> bool,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), Ended<E>> {
    let mut waiting = BTreeMap::new();
    let mut taken = 0;
    let mut asked = Instant::now();
    loop {
        match results.recv_timeout(PATIENCE) {
            Ok((index, result)) => waiting.insert(index, result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        while let Some(result) = waiting.remove(&taken) {
            take(result).map_err(Ended::Failed)?;
            taken += 1;
            gate.open_to(taken);
        }
        if asked.elapsed() >= PATIENCE {
            if stopped() {
                return Err(Ended::Stopped);
            }
            asked = Instant::now();
        }
    }
}

/// Holds workers back that are too far ahead.
struct Gate {
    window: usize,
    /// How many results were taken; `usize::MAX` when no more will be.
    taken: Mutex<usize>,
    moved: Condvar,
}

impl Gate {
    fn new(window: usize) -> Gate {
        Gate { window, taken: Mutex::new(0), moved: Condvar::new() }
    }

    /// Waits until `index` is within the window; false if nobody wants it any more.
    fn pass(&self, index: usize) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = |taken: &mut usize| index >= taken.saturating_add(self.window);
        let taken = self.moved.wait_while(taken, ahead).unwrap_or_else(PoisonError::into_inner);
        *taken != usize::MAX
    }

    fn open_to(&self, index: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = index.max(*taken);
        drop(taken);
        self.moved.notify_all();
    }

    fn close(&self) {
        self.open_to(usize::MAX);
    }
}

struct CloseOnUnwind<'a>(&'a Gate);

impl Drop for CloseOnUnwind<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

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
            assert!(most.load(Ordering::SeqCst) <= threads * WINDOW_PER_WORKER);
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
    fn nothing_to_do() {
        in_order(&pool(2), 0, || false, || (), |_, i| i, |_| Ok::<(), ()>(())).unwrap();
    }
}
