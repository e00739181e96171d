//! A process's recording: its file, its threads, its names, from the first call to the close.

use crate::children::Children;
use crate::clock::{Clock, monotonic};
use crate::error::RecorderError;
use crate::file::{self, RingFile};
use crate::labels::Handle;
use crate::mapped::{MappedFile, MappedRing};
use crate::names::NameTable;
use crate::process::{self, Process};
use crate::ring::{Memory, Ring};
use crate::thread::ThreadRecorder;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use viztracer_format::clock::Anchor;
use viztracer_format::header::{HEADER_SIZE, Identity, LABELS, SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN, STATE_OPEN};
use viztracer_format::labels::LabelKind;
use viztracer_format::names::Function;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind, RECORD_SIZE};
use viztracer_format::sync::Ordering;

/// What to record and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of the ring file; it must exist.
    pub directory: PathBuf,
    /// The file's name is `<prefix>_<pid>.bin`.
    pub prefix: String,
    /// How many of the newest events to keep.
    pub entries: u64,
    /// Calls shorter than this, in ns, are not of interest.
    pub min_duration: u64,
    /// The deepest nesting that is recorded.
    pub max_depth: usize,
    /// Tells the processes of one run from others.
    pub session_id: [u8; 16],
    /// `PY_VERSION_HEX`.
    pub python_version: u32,
    /// An anchor from some time before, for the first estimate of the tick rate; zeros if there is none.
    pub imported: Anchor,
}

/// Address space for names, stacks and the open segments of living threads, on top of the ring itself.
const HEADROOM: usize = 256 << 20;
/// Segments of a ring: many, so that recycling one forgets little, but not so small that headers weigh.
const SEGMENTS_PER_RING: u64 = 1024;
/// What the names of forked processes begin with.
const FORKED: &str = "fork of ";
/// What sealing one costs is shared by a thousand records then; larger ones would only cost threads more memory.
const SEGMENT_SIZE_USUAL: u64 = 16384;
/// Segments of a ring at most, but for the largest rings: whoever reads the file keeps a few words of each.
const SEGMENTS_MAX: u64 = 1 << 16;

/// The recording of one process.
#[derive(Debug)]
pub struct Recorder {
    ring: Arc<MappedRing>,
    options: Options,
    min_ticks: u64,
    /// The command line when the file was created.
    command_line: Vec<u8>,
    process_name: Mutex<String>,
    names: Mutex<NameTable>,
    threads: Mutex<Threads>,
    tasks: Mutex<Tasks>,
    children: Mutex<Children>,
}

#[derive(Debug, Default)]
struct Threads {
    living: Vec<Owned>,
    begun: u64,
}

/// Asyncio tasks that have not ended, by serial.
#[derive(Debug, Default)]
struct Tasks {
    living: HashMap<u32, Handle>,
    begun: u64,
}

/// A thread's recorder, which its thread reaches by the same pointer. It is no `Box`: a box that moves into a vector
/// would end the right of every pointer that was made of it before. What others may ask for at any time stands beside
/// it: they may not even look into a recorder while its thread records.
#[derive(Debug)]
struct Owned {
    recorder: NonNull<ThreadRecorder>,
    serial: u32,
    label: Handle,
}

// SAFETY: a `ThreadRecorder` may go to another thread, and this is the owner of one.
unsafe impl Send for Owned {}

impl Owned {
    fn new(thread: ThreadRecorder) -> Owned {
        let (serial, label) = (thread.serial(), thread.label());
        Owned { recorder: NonNull::from(Box::leak(Box::new(thread))), serial, label }
    }

    fn get(&mut self) -> &mut ThreadRecorder {
        // SAFETY: made of a box that only `drop` takes back. That the thread itself does not use it meanwhile is what
        // `close_frames`, `retire` and `close` ask of their callers.
        unsafe { self.recorder.as_mut() }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: made of a box by `new`, and taken back only here.
        drop(unsafe { Box::from_raw(self.recorder.as_ptr()) });
    }
}

/// The frames that were open in the parent when it forked, from the outermost on.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(u64, Option<Arc<[u8]>>)>);

impl Recorder {
    /// Creates the ring file of this process.
    pub fn create(options: Options) -> Result<Recorder, RecorderError> {
        let clock = Clock::detect();
        let opened = clock.anchor();
        let segment_size = segment_size(options.entries);
        let (file, capacity) = create_file(&options, clock, opened, segment_size)?;
        file.status().state.store(STATE_OPEN, Ordering::Release);
        file.follow(clock);
        let ring = Ring::new(MappedFile::new(file, segment_size, capacity), clock, options.entries, opened);
        if let Some(error) = ring.prepare() {
            let path = ring.memory().file().path().to_owned();
            let _ = std::fs::remove_file(&path);
            let source = std::io::Error::from_raw_os_error(error);
            return Err(RecorderError::File { action: "reserve room for", path, source });
        }
        Ok(Recorder {
            ring: Arc::new(ring),
            min_ticks: least_ticks(&options, opened),
            command_line: process::command_line(),
            options,
            process_name: Mutex::default(),
            names: Mutex::default(),
            threads: Mutex::default(),
            tasks: Mutex::default(),
            children: Mutex::default(),
        })
    }

    /// The recording of a forked child: like this one, the parent's, in a file of its own.
    pub fn fork(self) -> Result<Recorder, RecorderError> {
        let child = Recorder::create(self.options.clone());
        if let Ok(child) = &child {
            // Unlike those of `multiprocessing`, which name themselves, it has no name of its own.
            let name = lock(&self.process_name);
            let prefix = if name.starts_with(FORKED) { "" } else { FORKED };
            child.name_process(&format!("{prefix}{name}"));
        }
        // SAFETY: nothing of this is used any more, and it is never dropped.
        unsafe { self.ring.memory().file().forget_mapping() };
        std::mem::forget(self); // threads that no longer exist may have been using it
        child
    }

    /// Whether somebody has removed the file.
    pub fn is_removed(&self) -> bool {
        !self.ring.memory().file().is_linked()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.ring.memory().file().path()
    }

    /// The operating system's error that ended the growth of the file, if one did; 0 stands for the file's own limit.
    pub fn failure(&self) -> Option<i32> {
        self.ring.failure()
    }

    /// Marks this moment to align files by; tells whether another one was marked before.
    pub fn mark_sync(&self) -> bool {
        self.ring.memory().status().sync_marker.swap(monotonic(), Ordering::Relaxed) != 0
    }

    /// The moment that was marked, in nanoseconds of `CLOCK_MONOTONIC`.
    pub fn sync_marker(&self) -> Option<u64> {
        Some(self.ring.memory().status().sync_marker.load(Ordering::Relaxed)).filter(|marker| *marker != 0)
    }

    /// The id of a function, new or known.
    pub fn function(&self, function: &Function<'_>) -> u32 {
        lock(&self.names).function(&self.ring, function)
    }

    /// Returns that fitted no open frame.
    pub fn unmatched(&self) -> u64 {
        self.ring.memory().status().unmatched.load(Ordering::Relaxed)
    }

    /// Counts a time in which calls went unseen.
    pub fn count_gap(&self) {
        self.ring.memory().status().gaps.fetch_add(1, Ordering::Relaxed);
    }

    /// The program switches between several stacks inside of its threads.
    pub fn note_switch(&self) {
        self.ring.memory().status().switched.store(1, Ordering::Relaxed);
    }

    /// Whether that has been noted.
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
        if let Some(thread) = lock(&self.threads).living.iter().rev().find(|thread| thread.serial == serial) {
            thread.label.rename(name);
        }
    }

    /// The serial of a new asyncio task.
    pub fn task(&self, name: &str) -> u32 {
        let Tasks { living, begun } = &mut *lock(&self.tasks);
        let serial = next_serial(begun, |serial| living.contains_key(&serial));
        let label = self.ring.label(LabelKind::Task, serial, 0);
        label.rename(name);
        living.insert(serial, label);
        serial
    }

    /// Writes the name of a task that has not ended; the last one holds.
    pub fn name_task(&self, serial: u32, name: &str) {
        if let Some(label) = lock(&self.tasks).living.get(&serial) {
            label.rename(name);
        }
    }

    /// A task has ended, which `thread` was the last to run. Its name stays as long as the records of that thread.
    pub fn end_task(&self, serial: u32, thread: &mut ThreadRecorder) {
        if let Some(label) = lock(&self.tasks).living.remove(&serial) {
            thread.end_label(label);
        }
    }

    /// The process has just waited for a child: writes with which status that ended, as waitpid(2) gives it.
    pub fn child_ended(&self, pid: u32, status: u32) {
        lock(&self.children).ended(&self.ring, pid, status);
    }

    /// Starts to record the calling thread. The pointer is valid until [`Recorder::retire`] with this thread's serial,
    /// or [`Recorder::close`].
    pub fn attach(&self) -> NonNull<ThreadRecorder> {
        let Threads { living, begun } = &mut *lock(&self.threads);
        let serial = next_serial(begun, |serial| living.iter().any(|thread| thread.serial == serial));
        let label = self.ring.label(LabelKind::Thread, serial, process::current_tid());
        let ring = Arc::clone(&self.ring);
        let thread = Owned::new(ThreadRecorder::new(ring, self.min_ticks, self.options.max_depth, serial, label));
        let pointer = thread.recorder;
        living.push(thread);
        pointer
    }

    /// Ends the recording of a thread that is about to end.
    pub fn retire(&self, serial: u32) {
        let mut threads = lock(&self.threads);
        if let Some(index) = threads.living.iter().position(|thread| thread.serial == serial) {
            threads.living.swap_remove(index).get().retire();
        }
    }

    /// Closes the open frames of all threads with this kind. No thread may be recording meanwhile.
    pub fn close_frames(&self, kind: Kind) {
        for thread in &mut lock(&self.threads).living {
            thread.get().close_frames(kind);
        }
    }

    /// What a child forked from this thread will find open.
    pub fn inherited(&self, thread: &ThreadRecorder) -> Inherited {
        let names = lock(&self.names);
        Inherited(thread.open_frames().into_iter().map(|(tag, function)| (tag, names.of(function))).collect())
    }

    /// Opens the frames that the parent had open.
    pub fn inherit(&self, thread: &mut ThreadRecorder, inherited: Inherited) {
        for (tag, entry) in inherited.0 {
            let function = entry.map_or(FUNCTION_UNKNOWN, |entry| lock(&self.names).entry(&self.ring, entry));
            thread.inherit(function, tag);
        }
    }

    /// Names the process by the title that the program has given it since (setproctitle(3)), if it has.
    fn name_by_title(&self) {
        let now = process::command_line();
        let title = String::from_utf8_lossy(&now).trim_end_matches('\0').replace('\0', " ");
        if now != self.command_line && !title.is_empty() {
            self.name_process(&title);
        }
    }

    /// Seals the file. No thread may be recording, and every pointer from [`Recorder::attach`] ends here.
    pub fn close(self) {
        for mut thread in std::mem::take(&mut lock(&self.threads).living) {
            thread.get().finish();
        }
        self.name_by_title();
        self.ring.seal_halves();
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

    /// In a forked child: gives up the descriptor of the parent's file. The parent's lock, which the child holds as
    /// well, stays until the child has a file of its own, so that whoever waits for both sees no gap. Does only what a
    /// signal handler may do.
    pub fn forget_descriptor(&self) {
        self.ring.memory().file().forget_descriptor();
    }
}

fn create_file(
    options: &Options,
    clock: Clock,
    opened: Anchor,
    segment_size: usize,
) -> Result<(RingFile, u32), RecorderError> {
    let process = Process::current();
    let identity = Identity {
        segment_size: segment_size as u32,
        clock: clock.number(),
        incompatible: LABELS,
        entries: options.entries,
        min_duration: options.min_duration,
        pid: process.pid,
        parent_pid: process.parent_pid,
        process_start: process.start,
        monotonic_offset: process.monotonic_offset,
        boot_id: process.boot_id,
        session_id: options.session_id,
        file_id: process::random_id(),
        python_version: options.python_version,
        imported: options.imported,
        opened,
        ..Identity::new()
    };
    let header = identity.to_page(&process.arguments);
    let stem = format!("{}_{}", options.prefix, process.pid);
    let ring = usize::try_from(options.entries).unwrap_or(usize::MAX).saturating_mul(RECORD_SIZE);
    // Where address space is limited the program needs nearly all of it.
    let most = file::address_space().map_or(usize::MAX, |limit| limit / 16);
    let (ring, mut headroom) = (ring.min(most), HEADROOM.min(most));
    loop {
        // More than can be numbered is more than can be mapped.
        let capacity = u32::try_from(ring.saturating_add(headroom) / segment_size).unwrap_or(u32::MAX);
        let bytes = HEADER_SIZE + capacity as usize * segment_size;
        match RingFile::create(&options.directory, &stem, &header, bytes) {
            // A limit on the address space: ask for less, as long as it is of use.
            Err(RecorderError::File { action: "map", .. }) if headroom > 1 << 20 => headroom /= 4,
            created => return created.map(|file| (file, capacity)),
        }
    }
}

/// The size of a segment in a ring of this many entries: one for each of many, but every living thread has one of its
/// own, so no more than is of use.
fn segment_size(entries: u64) -> usize {
    let ring = entries.saturating_mul(RECORD_SIZE as u64);
    let size = (ring / SEGMENTS_PER_RING).min(SEGMENT_SIZE_USUAL).max(ring / SEGMENTS_MAX);
    (size.next_power_of_two() as usize).clamp(SEGMENT_SIZE_MIN, SEGMENT_SIZE_MAX)
}

/// A number of ticks that is certainly less than `min_duration`: the merge knows the tick rate and cuts exactly, the
/// record path only saves the room. The rate is estimated from the two anchors there are, without waiting.
fn least_ticks(options: &Options, opened: Anchor) -> u64 {
    let ticks = opened.ticks.saturating_sub(options.imported.ticks);
    let nanoseconds = opened.monotonic.saturating_sub(options.imported.monotonic);
    if options.imported == Anchor::default() || nanoseconds < 100_000 {
        return 0;
    }
    let estimate = u128::from(options.min_duration) * u128::from(ticks) / u128::from(nanoseconds);
    u64::try_from(estimate * 99 / 100).unwrap_or(u64::MAX)
}

/// The serial of one more thread or task, where so many have begun. After the last serial they begin again at 1, without
/// those in use.
fn next_serial(begun: &mut u64, is_in_use: impl Fn(u32) -> bool) -> u32 {
    const SERIALS: u64 = u32::MAX as u64;
    loop {
        let serial = (*begun % SERIALS) as u32 + 1;
        let is_new = *begun < SERIALS;
        *begun += 1;
        if is_new || !is_in_use(serial) {
            return serial;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_begin_again_and_pass_over_those_in_use() {
        let mut begun = 0;
        assert_eq!([(); 3].map(|()| next_serial(&mut begun, |_| true)), [1, 2, 3]);
        begun = u64::from(u32::MAX) - 1;
        let in_use = |serial| serial == 1 || serial == 3;
        assert_eq!([(); 4].map(|()| next_serial(&mut begun, in_use)), [u32::MAX, 2, 4, 5]);
    }
}
