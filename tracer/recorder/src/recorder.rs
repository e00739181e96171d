//! A process's recording: its file, its threads, its names, from the first call to the close.

mod create;
mod options;
mod threads;

use crate::budget::{Account, Burst, Elision, Known, Sample, choose, ticks_max};
use crate::children::Children;
use crate::clock::{Clock, monotonic, processor_time, scaled};
use crate::error::{FileAction, RecorderError};
use crate::estimates::Estimates;
use crate::lock::ignore_poison;
use crate::mapped::MappedRing;
use crate::names::NameTable;
use crate::process;
use crate::ring::{Memory, Ring};
use crate::system::recorded_error;
use crate::thread::{Limits, OpenCalls, SlowCall, ThreadRecorder};
pub use options::{Budget, Options};
use std::collections::HashMap;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use threads::{LivingTasks, LivingThreads, OwnedRecorder};
use viztracer_format::clock::Anchor;
use viztracer_format::header::STATE_OPEN;
use viztracer_format::labels::LabelKind;
use viztracer_format::names::{Function, function_name};
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
use viztracer_format::sync::Ordering;

/// The first words of the names of forked processes.
const FORKED: &str = "fork of ";

/// The recording of one process.
#[derive(Debug)]
pub struct Recorder {
    ring: Arc<MappedRing>,
    options: Options,
    limits: Limits,
    opened: Anchor,
    /// What tracing may cost; `None`: whatever it costs.
    account: Mutex<Option<Account>>,
    /// The sample of the thread that has ended last, until somebody has looked at it.
    ended: Mutex<Sample>,
    /// The command line when the file was created.
    command_line: Vec<u8>,
    process_name: Mutex<String>,
    names: Mutex<NameTable>,
    estimates: Mutex<Estimates>,
    threads: Mutex<LivingThreads>,
    tasks: Mutex<LivingTasks>,
    children: Mutex<Children>,
}

/// What was open in the parent when it forked, and the names of the functions.
#[derive(Debug, Default)]
pub struct Inherited {
    open: Option<OpenCalls>,
    names: HashMap<u32, Arc<[u8]>>,
    /// The functions that the parent no longer recorded, with their names. Their events stay switched off in the child.
    elided: Vec<(Elision, Arc<[u8]>)>,
}

impl Recorder {
    /// Creates the ring file of this process.
    pub fn create(options: Options) -> Result<Recorder, RecorderError> {
        let clock = Clock::detect();
        let opened = clock.anchor();
        let memory = create::create(&options, clock, opened)?;
        memory.status().state.store(STATE_OPEN, Ordering::Release);
        memory.file().follow(clock);
        let ring = Ring::new(memory, clock, options.entries, opened);
        if let Some(error) = ring.prepare() {
            let path = ring.memory().file().path().to_owned();
            let _ = std::fs::remove_file(&path);
            let source = recorded_error(error);
            return Err(RecorderError::File { action: FileAction::Reserve, path, source });
        }
        Ok(Recorder {
            ring: Arc::new(ring),
            limits: Limits {
                min_ticks: options.min_ticks(opened),
                max_depth: options.max_depth,
                look_ticks: options.look_ticks(clock, opened),
                slow_ticks: options.slow_ticks(clock, opened),
                has_budget: options.budget.is_some(),
            },
            command_line: process::command_line(),
            opened,
            ended: Mutex::default(),
            account: Mutex::new(options.budget.map(|budget| Account::new(budget.bound, processor_time()))),
            options,
            process_name: Mutex::default(),
            names: Mutex::default(),
            estimates: Mutex::default(),
            threads: Mutex::default(),
            tasks: Mutex::default(),
            children: Mutex::default(),
        })
    }

    /// The recording of a forked child: like this one, the parent's, in a file of its own.
    pub fn fork(self) -> Result<Recorder, RecorderError> {
        let child = Recorder::create(self.options.clone());
        if let Ok(child) = &child {
            // The child has no name of its own; those of `multiprocessing` name themselves later.
            let name = lock(&self.process_name);
            let prefix = if name.starts_with(FORKED) { "" } else { FORKED };
            child.name_process(&format!("{prefix}{name}"));
        }
        // SAFETY: nothing of `self` is used any more, and it is never dropped.
        unsafe { self.ring.memory().file().forget_mapping() };
        std::mem::forget(self); // threads that do not exist in the child may have been using it
        child
    }

    /// Whether the file was removed.
    pub fn is_removed(&self) -> bool {
        !self.ring.memory().file().is_linked()
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        self.ring.memory().file().path()
    }

    /// The operating system's error that ended the growth of the file, if one did; 0 stands for the file's own limit.
    pub fn failure(&self) -> Option<i32> {
        self.ring.failure()
    }

    /// Books that a thread has recorded so many calls since it was here last. Returns which part of its calls it may go
    /// on to record, from 0 to 1; `None`: all of them.
    pub fn book(&self, calls: u64) -> Option<f64> {
        let cost = self.options.budget?.call_cost;
        lock(&self.account).as_mut()?.book(calls as f64 * cost, processor_time())
    }

    /// Begins a rest: no calls are recorded from now on. No thread may be recording meanwhile.
    pub fn begin_rest(&self) {
        let status = self.ring.memory().status();
        status.resting_since.store(self.ring.clock().now().max(1), Ordering::Relaxed);
        status.rests.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a rest, if one goes on.
    pub fn end_rest(&self) {
        let status = self.ring.memory().status();
        let since = status.resting_since.swap(0, Ordering::Relaxed);
        if since != 0 {
            status.rested.fetch_add(self.ring.clock().now().saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// For how much processor time of the process a rest must go on; `None`: it may end.
    pub fn rest_left(&self) -> Option<Duration> {
        lock(&self.account).as_mut()?.rest(processor_time()).map(Duration::from_nanos)
    }

    /// Which functions to elide, so that a thread with this sample records about this part of its calls.
    pub fn choose(&self, sample: Sample, kept: f64) -> Vec<Elision> {
        let ended = std::mem::take(&mut *lock(&self.ended));
        let names = lock(&self.names);
        let keeps_coroutines = self.options.budget.is_some_and(|budget| budget.keeps_coroutines);
        let may_go = |function| {
            let before = names.elision(function);
            let is_gone = function == FUNCTION_UNKNOWN || before.is_some_and(|before| !before.only_c_calls);
            let is_kept = keeps_coroutines && names.is_coroutine(function);
            (!is_gone && !is_kept, !is_gone && before.is_none())
        };
        let ticks_max = ticks_max(self.opened, self.ring.clock().anchor());
        let known = Known { is_c: &|function| names.is_c(function), may_go: &may_go, ticks_max };
        choose(&[sample, ended], kept, &known)
    }

    /// Elides these functions, and says so in the file. No thread may be recording meanwhile. Returns those of which
    /// more was recorded before.
    pub fn elide(&self, elisions: &[Elision]) -> Vec<Elision> {
        let now = self.ring.clock().now();
        let mut names = lock(&self.names);
        let is_new = |elision: &Elision| names.elide(&self.ring, *elision, now);
        let new: Vec<Elision> = elisions.iter().copied().filter(is_new).collect();
        if self.options.estimates_calls() {
            let mut estimates = lock(&self.estimates);
            let whole = new.iter().filter(|elision| !elision.only_c_calls);
            whole.for_each(|elision| estimates.begin(elision.function, processor_time()));
        }
        for thread in &mut lock(&self.threads).recorders {
            thread.get().end_elided(|function| names.elision(function), |function| names.is_c(function));
        }
        new
    }

    /// Whether there are functions of which it is estimated how often they are called.
    pub fn has_estimates(&self) -> bool {
        !lock(&self.estimates).is_empty()
    }

    /// Whether the calls of elided functions may be counted for a time that costs so many ns.
    pub fn may_count(&self, cost: f64) -> bool {
        lock(&self.account).as_mut().is_some_and(|account| account.has(cost, processor_time()))
    }

    /// Adds a burst, which has cost so many ns, and in which so many calls of these functions were counted.
    pub fn count(&self, burst: &Burst, counts: &[(u32, u64)], cost: f64) {
        lock(&self.account).iter_mut().for_each(|account| account.spend(cost));
        let mut names = lock(&self.names);
        lock(&self.estimates).add(&self.ring, &mut names, burst, counts.iter().copied());
    }

    /// Notes that nothing is recorded from now on, or that it goes on.
    pub fn note_recording(&self, goes_on: bool) {
        let now = processor_time();
        let mut names = lock(&self.names);
        let mut estimates = lock(&self.estimates);
        if goes_on {
            estimates.go_on(now);
        } else {
            estimates.end(&self.ring, &mut names, now);
        }
    }

    /// The name of a function whose call was slow, and how many ns the call took.
    pub fn slow_call(&self, call: SlowCall) -> (String, u64) {
        let now = self.ring.clock().anchor();
        let ticks = now.ticks.saturating_sub(self.opened.ticks);
        let duration = scaled(call.duration, now.monotonic.saturating_sub(self.opened.monotonic), ticks);
        (self.function_name(call.function), duration)
    }

    /// What is elided of this function.
    pub fn elision(&self, function: u32) -> Option<Elision> {
        lock(&self.names).elision(function)
    }

    /// Notes that a task may begin with this function.
    pub fn note_coroutine(&self, function: u32) {
        lock(&self.names).note_coroutine(function);
    }

    /// Marks the current time as the one to align files by. Returns whether one was marked before.
    pub fn mark_sync(&self) -> bool {
        self.ring.memory().status().sync_marker.swap(monotonic(), Ordering::Relaxed) != 0
    }

    /// The marked time, in nanoseconds of `CLOCK_MONOTONIC`.
    pub fn sync_marker(&self) -> Option<u64> {
        Some(self.ring.memory().status().sync_marker.load(Ordering::Relaxed)).filter(|marker| *marker != 0)
    }

    /// The id of a function, new or known.
    pub fn function(&self, function: &Function<'_>) -> u32 {
        lock(&self.names).function(&self.ring, function)
    }

    /// The name of the function with this id; empty if it has none.
    pub fn function_name(&self, function: u32) -> String {
        let entry = lock(&self.names).of(function);
        entry.as_deref().and_then(function_name).unwrap_or_default().to_owned()
    }

    /// The number of returns that fitted no open frame.
    pub fn unmatched(&self) -> u64 {
        self.ring.memory().status().unmatched.load(Ordering::Relaxed)
    }

    /// Counts a period in which calls were not seen.
    pub fn count_gap(&self) {
        self.ring.memory().status().gaps.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes whether the session is paused.
    pub fn note_paused(&self, is_paused: bool) {
        self.ring.memory().status().paused.store(is_paused.into(), Ordering::Relaxed);
    }

    /// Notes that the program switches between several stacks inside of its threads.
    pub fn note_switch(&self) {
        self.ring.memory().status().switched.store(1, Ordering::Relaxed);
    }

    /// Whether [`Recorder::note_switch`] was called.
    pub fn is_switched(&self) -> bool {
        self.ring.memory().status().switched.load(Ordering::Relaxed) != 0
    }

    /// Writes the process's name; the last one holds.
    pub fn name_process(&self, name: &str) {
        name.clone_into(&mut lock(&self.process_name));
        lock(&self.names).process(&self.ring, name);
    }

    /// Writes the name of a thread that records; the last one holds.
    pub fn name_thread(&self, serial: u32, name: &str) {
        // Mostly it is the one that was attached last.
        if let Some(thread) = lock(&self.threads).recorders.iter().rev().find(|thread| thread.serial == serial) {
            thread.label.rename(name);
        }
    }

    /// The serial of a new asyncio task.
    pub fn task(&self, name: &str) -> u32 {
        let mut tasks = lock(&self.tasks);
        let serial = tasks.next_serial();
        let label = self.ring.label(LabelKind::Task, serial, 0);
        label.rename(name);
        tasks.labels.insert(serial, label);
        serial
    }

    /// Writes the name of a task that has not ended; the last one holds.
    pub fn name_task(&self, serial: u32, name: &str) {
        if let Some(label) = lock(&self.tasks).labels.get(&serial) {
            label.rename(name);
        }
    }

    /// Ends a task, which `thread` was the last to run. Its name stays as long as the records of that thread.
    pub fn end_task(&self, serial: u32, thread: &mut ThreadRecorder) {
        if let Some(label) = lock(&self.tasks).labels.remove(&serial) {
            thread.end_label(label);
        }
    }

    /// Writes the status, as waitpid(2) gives it, of a child that has ended and that the process has waited for.
    pub fn child_ended(&self, pid: u32, status: u32) {
        lock(&self.children).ended(&self.ring, pid, status);
    }

    /// Starts to record the calling thread. The pointer is valid until [`Recorder::retire`] with this thread's serial,
    /// or [`Recorder::close`].
    pub fn attach(&self) -> NonNull<ThreadRecorder> {
        let mut threads = lock(&self.threads);
        let serial = threads.next_serial();
        let label = self.ring.label(LabelKind::Thread, serial, process::current_tid());
        let ring = Arc::clone(&self.ring);
        let thread = OwnedRecorder::new(ThreadRecorder::new(ring, self.limits, serial, label));
        let pointer = thread.pointer();
        threads.recorders.push(thread);
        pointer
    }

    /// Ends the recording of a thread that is about to end.
    pub fn retire(&self, serial: u32) {
        if let Some(mut thread) = lock(&self.threads).remove(serial) {
            self.book_end(thread.get());
            thread.get().retire();
        }
    }

    /// Books what a thread that ends has recorded, and keeps its sample.
    fn book_end(&self, thread: &mut ThreadRecorder) {
        let Some(budget) = self.options.budget else { return };
        let spent = thread.take_recorded() as f64 * budget.call_cost;
        lock(&self.account).iter_mut().for_each(|account| account.book_end(spent));
        *lock(&self.ended) = thread.sample();
    }

    /// Closes the open frames of all threads with this kind. No thread may be recording meanwhile.
    pub fn close_frames(&self, kind: Kind) {
        for thread in &mut lock(&self.threads).recorders {
            thread.get().close_frames(kind);
        }
    }

    /// What is elided, and what is open on this thread, for a child that is forked from it.
    pub fn inherited(&self, thread: Option<&ThreadRecorder>) -> Inherited {
        let open = thread.map(ThreadRecorder::open_calls);
        let all_names = lock(&self.names);
        let functions = open.iter().flat_map(|open| &open.calls).filter_map(|call| call.function);
        let names = functions.filter_map(|function| Some((function, all_names.of(function)?))).collect();
        Inherited { open, names, elided: all_names.elided().collect() }
    }

    /// Goes on without the functions that the parent no longer recorded.
    pub fn inherit_elided(&self, inherited: &Inherited) {
        let mut names = lock(&self.names);
        let now = self.ring.clock().now();
        for (elision, entry) in &inherited.elided {
            let function = names.entry(&self.ring, Arc::clone(entry));
            names.elide(&self.ring, Elision { function, ..*elision }, now);
        }
    }

    /// Opens the calls that the parent had open.
    pub fn inherit(&self, thread: &mut ThreadRecorder, inherited: Inherited) {
        let Some(mut open) = inherited.open else { return };
        for function in open.calls.iter_mut().filter_map(|call| call.function.as_mut()) {
            let entry = inherited.names.get(function).cloned();
            *function = entry.map_or(FUNCTION_UNKNOWN, |entry| lock(&self.names).entry(&self.ring, entry));
        }
        thread.inherit(open);
    }

    /// Names the process by the title that the program has given it since (setproctitle(3)), if it has.
    fn name_by_title(&self) {
        let now = process::command_line();
        let title = String::from_utf8_lossy(&now).trim_end_matches('\0').replace('\0', " ");
        if now != self.command_line && !title.is_empty() {
            self.name_process(&title);
        }
    }

    /// Seals the file. No thread may be recording, and every pointer from [`Recorder::attach`] becomes invalid.
    pub fn close(self) {
        for mut thread in std::mem::take(&mut lock(&self.threads).recorders) {
            thread.get().finish();
        }
        self.name_by_title();
        self.ring.seal_remainders();
        let status = self.ring.memory().status();
        status.unnamed.store(lock(&self.names).unnamed(), Ordering::Relaxed);
        status.failure.store(self.ring.failure().unwrap_or(0) as u64, Ordering::Relaxed);
        status.seal(self.ring.clock().anchor());
        self.ring.memory().file().unfollow();
        let used = self.ring.used();
        if let Some(ring) = Arc::into_inner(self.ring) {
            ring.into_memory().close(used);
        }
    }

    /// Gives up the descriptor of the parent's file, in a forked child. The lock, which the child shares with the
    /// parent, stays until the child has a file of its own, so that a process that waits for both sees no gap. Does
    /// only what a signal handler may do.
    pub fn forget_descriptor(&self) {
        self.ring.memory().file().forget_descriptor();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    ignore_poison(mutex.lock())
}
