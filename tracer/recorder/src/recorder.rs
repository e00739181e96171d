//! A process's recording: its file, its threads, its names, from the first call to the close.

mod create;
mod economy;
mod options;
mod threads;

use crate::budget::{Account, Elided, Sample};
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
    elided: Vec<(Elided, Arc<[u8]>)>,
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

    /// The name of a function whose call was slow, and how many ns the call took.
    pub fn slow_call(&self, call: SlowCall) -> (String, u64) {
        let now = self.ring.clock().anchor();
        let ticks = now.ticks.saturating_sub(self.opened.ticks);
        let duration = scaled(call.duration, now.monotonic.saturating_sub(self.opened.monotonic), ticks);
        (self.function_name(call.function), duration)
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
        Inherited { open, names, elided: all_names.all_elided().collect() }
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
