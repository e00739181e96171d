//! The processes and threads of a document. Its events have a pid and a tid; but a process that has called exec has the
//! pid of the image before, and a thread may have a tid that an ended thread had. Our own reports say when each of them
//! began, and so which events are whose.

use super::clocks::ticks;
use super::ids::{FreeNumbers, Id};
use super::marks::Marks;
use super::sort::StoredEvent;
use super::tracks::{Track, Tracks};
use crate::input::ring::State;
use crate::plan::account::Account;
use crate::plan::file::{Calls, Thread};
use crate::plan::frames::OpenFrame;
use crate::plan::imported::BIAS;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use viztracer_format::arguments::StackedArguments;

/// The tracks of tasks have this number and larger ones.
pub const FIRST_TASK: u32 = 1 << 24;
/// Open calls that are kept in memory, and bytes of their arguments.
const FRAMES_MAX: usize = 1 << 20;
const ARGUMENTS_MAX: usize = 64 << 20;

/// The processes of a document.
#[derive(Debug, Default)]
pub struct Images {
    pub all: Vec<Image>,
    /// The owners of each track, by serial of the track, earliest first.
    owners: Vec<Vec<Owner>>,
    frames: usize,
    /// Bytes of the members of these frames.
    members: usize,
}

/// One image of a process: the process from its start or an exec until its end or the next exec.
#[derive(Debug, Default)]
pub struct Image {
    pub pid: u32,
    pub name: Option<String>,
    /// What the document says of the process.
    pub account: Option<Arc<Account>>,
    pub threads: Vec<Thread>,
    pub calls: Vec<Calls>,
    pub frames: Vec<OpenFrame>,
    /// The arguments of those that have some.
    pub arguments: HashMap<OpenFrame, StackedArguments>,
    /// The names of its tasks, by serial.
    pub tasks: BTreeMap<u32, String>,
    /// When those of them began of which that is known.
    pub task_begins: BTreeMap<u32, i64>,
    /// How its recording ended.
    pub state: State,
}

/// The thread that the events of a track are of which start at or after a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    since: i64,
    /// The index of the process in [`Images::all`].
    pub image: usize,
    /// The thread's serial in the process.
    pub thread: u32,
}

impl Owner {
    /// Whether both are the same thread.
    pub fn is_same_thread(self, other: Owner) -> bool {
        (self.image, self.thread) == (other.image, other.thread)
    }
}

impl Images {
    /// The processes of a document with these tracks. `tasks` are the tasks that have events, each with the index of
    /// its process in the tracks, and when they began if that is known.
    pub fn of(tracks: Tracks, accounts: Vec<Account>, tasks: &HashMap<(u32, u32), Option<i64>>) -> Images {
        let mut images = Images { all: accounts.into_iter().map(Image::reported).collect(), ..Images::default() };
        let mut by_pid: HashMap<u32, Vec<usize>> = HashMap::new();
        for (index, image) in images.all.iter().enumerate() {
            by_pid.entry(image.pid).or_default().push(index);
        }
        let mut by_tid: HashMap<(usize, u32), Vec<u32>> = HashMap::new();
        for (index, image) in images.all.iter().enumerate() {
            let threads = image.threads.iter().map(|thread| ((index, thread.tid as u32), thread.serial));
            threads.for_each(|(key, serial)| by_tid.entry(key).or_default().push(serial));
        }
        let (of_process, mut tids) = images.processes(&tracks, &by_pid);
        for track in tracks.all {
            let images_of = &of_process[track.process as usize];
            let tid = tids.number(&track.tid);
            images.add(track, tid, images_of, &by_tid, tasks);
        }
        images.all.iter_mut().for_each(Image::settle_reported_losses);
        images
    }

    /// The images of each process in the tracks, and the numbers that no thread has.
    fn processes(&mut self, tracks: &Tracks, by_pid: &HashMap<u32, Vec<usize>>) -> (Vec<Vec<usize>>, FreeNumbers) {
        let numbers = |ids: &mut dyn Iterator<Item = &Id>| -> HashSet<u32> {
            ids.filter_map(|id| if let Id::Number(number) = id { Some(*number) } else { None }).collect()
        };
        let pids = numbers(&mut tracks.processes.iter().map(|process| &process.pid));
        let tids = numbers(&mut tracks.all.iter().map(|track| &track.tid));
        let mut free = FreeNumbers::beside(pids.into_iter().chain(by_pid.keys().copied()));
        let mut of_process = Vec::with_capacity(tracks.processes.len());
        for process in &tracks.processes {
            let pid = free.number(&process.pid);
            let reported = by_pid.get(&pid).filter(|_| matches!(process.pid, Id::Number(_)));
            of_process.push(match reported {
                Some(images) => {
                    images.iter().for_each(|image| self.all[*image].settle_name(process.name.as_deref()));
                    images.clone()
                }
                None => {
                    let name = process.name.clone().or_else(|| process.pid.name());
                    self.all.push(Image { pid, name, ..Image::default() });
                    vec![self.all.len() - 1]
                }
            });
        }
        let reported = self.all.iter().flat_map(|image| &image.threads).map(|thread| thread.tid as u32);
        let free = FreeNumbers::beside(tids.into_iter().chain(reported));
        (of_process, free)
    }

    /// Finds the threads that a track is of.
    fn add(
        &mut self,
        track: Track,
        tid: u32,
        images: &[usize],
        by_tid: &HashMap<(usize, u32), Vec<u32>>,
        tasks: &HashMap<(u32, u32), Option<i64>>,
    ) {
        let task = tid.checked_sub(FIRST_TASK).filter(|task| tasks.contains_key(&(track.process, *task)));
        if let (Some(task), false, Some(name)) = (task, track.is_used, &track.name) {
            if let Some(Some(begun)) = tasks.get(&(track.process, task)) {
                images.iter().for_each(|image| self.all[*image].task_begins.extend([(task, *begun)]));
            }
            images.iter().for_each(|image| drop(self.all[*image].tasks.insert(task, name.clone())));
            return self.owners.push(Vec::new());
        }
        let mut owners = Vec::new();
        for index in images {
            let image = &mut self.all[*index];
            let opened = image.opened();
            for serial in by_tid.get(&(*index, tid)).into_iter().flatten() {
                let thread = image.settle_thread(*serial, &track);
                let begun = thread.filter(|begun| *begun != 0).map_or(opened, |begun| opened.max(time_at(begun)));
                owners.push(Owner { since: begun, image: *index, thread: *serial });
            }
        }
        owners.sort_by_key(|owner| owner.since);
        for (since, until) in &track.losses {
            if let Some(owner) = owner_at(&owners, *since) {
                self.all[owner.image].settle_loss(owner.thread, owner.since, *since, *until);
            }
        }
        if owners.is_empty() && (track.is_used || track.name.is_some() || track.is_incomplete()) {
            let first = images[0];
            let thread = self.all[first].add_thread(track, tid);
            owners.push(Owner { since: i64::MIN, image: first, thread });
        }
        self.owners.push(owners);
    }

    /// The thread that an event is of.
    pub fn owner(&self, event: &StoredEvent) -> Option<Owner> {
        owner_at(self.owners.get(event.thread as usize)?, event.start)
    }

    /// Takes a call that the process had open when it died or its recording was closed. False if this is none: such a
    /// call lasts as long as anything is known of the process.
    pub fn take_frame(&mut self, owner: Owner, frame: OpenFrame, event: &StoredEvent) -> bool {
        let image = &mut self.all[owner.image];
        let times = image.account.as_ref().and_then(|account| account.times);
        let lasts = times.is_some_and(|times| times.last.saturating_add(1) == event.end);
        // A report shows calls that were open at a close as begins, and others with their duration.
        let is_left = Marks::from_bits(event.marks).is_timed() == (image.state == State::Sealed);
        let members = self.members.saturating_add(event.length as usize);
        let is_frame = lasts && is_left && self.frames < FRAMES_MAX && members <= ARGUMENTS_MAX;
        if is_frame {
            image.frames.push(frame);
            (self.frames, self.members) = (self.frames + 1, members);
        }
        is_frame
    }

    /// Takes the arguments of a call that was taken.
    pub fn take_arguments(&mut self, owner: Owner, frame: OpenFrame, json: Vec<u8>) {
        self.all[owner.image].arguments.insert(frame, StackedArguments::Json(json));
    }

    /// Gives the processes. The open calls of each thread are outermost first.
    pub fn finish(mut self) -> Vec<Image> {
        self.all.iter_mut().for_each(|image| image.frames.sort_by_key(|frame| (frame.thread, frame.start)));
        self.all
    }
}

/// The thread that a track is of at a time.
fn owner_at(owners: &[Owner], time: i64) -> Option<Owner> {
    let later = owners.partition_point(|owner| owner.since <= time);
    owners.get(later.saturating_sub(1)).copied()
}

/// The time of a document at these ticks.
fn time_at(of: u64) -> i64 {
    (of as i64).saturating_sub(BIAS)
}

impl Image {
    /// A process that a report describes.
    fn reported(account: Account) -> Image {
        let ticks_at = |time: Option<i64>| time.map_or(0, ticks);
        let threads = account.threads.iter().enumerate().map(|(index, thread)| Thread {
            serial: index as u32 + 1,
            tid: thread.tid.into(),
            name: Some(thread.name.clone()),
            overwritten: thread.overwritten,
            overwritten_until: 0,
            lost: thread.lost,
            begun: ticks_at(thread.begun),
            ended: ticks_at(thread.ended),
        });
        Image {
            pid: account.pid,
            name: Some(account.name.clone()),
            threads: threads.collect(),
            state: account.known_state(),
            account: Some(Arc::new(account)),
            ..Image::default()
        }
    }

    /// When the recording began. Processes of which nothing is known come before all others.
    fn opened(&self) -> i64 {
        self.account.as_ref().and_then(|account| account.times).map_or(i64::MIN, |times| times.opened)
    }

    /// Removes a name that only stands for a missing one in a report.
    fn settle_name(&mut self, given: Option<&str>) {
        let stand_in = format!("pid {}", self.pid);
        self.name = self.name.take().filter(|name| given.is_some() || *name != stand_in);
    }

    /// Does the same for a thread, and returns the ticks when it began.
    fn settle_thread(&mut self, serial: u32, track: &Track) -> Option<u64> {
        let thread = self.threads.get_mut(serial as usize - 1)?;
        let stand_in = format!("Thread-{}", thread.tid);
        thread.name = thread.name.take().filter(|name| track.name.is_some() || *name != stand_in);
        Some(thread.begun)
    }

    /// Takes the time in which all events that ended were overwritten. If a report is only of some time, that begins
    /// later than the thread.
    fn settle_loss(&mut self, serial: u32, begun: i64, since: i64, until: i64) {
        let Some(thread) = self.threads.get_mut(serial as usize - 1) else { return };
        thread.overwritten_until = thread.overwritten_until.max(ticks(until));
        if since > begun {
            thread.begun = ticks(since);
        }
    }

    /// Takes the times in which events were overwritten from what the report says of its threads.
    fn settle_reported_losses(&mut self) {
        let Some(account) = self.account.clone() else { return };
        for (index, thread) in account.threads.iter().enumerate() {
            if let Some((since, until)) = thread.overwritten_time {
                let begun = thread.begun.map_or(self.opened(), |begun| begun.max(self.opened()));
                self.settle_loss(index as u32 + 1, begun, since, until);
            }
        }
    }

    /// Adds the thread of a track, and returns its serial.
    fn add_thread(&mut self, track: Track, tid: u32) -> u32 {
        let serial = self.threads.len() as u32 + 1;
        let name = track.name.or_else(|| track.tid.name());
        let Track { overwritten, overwritten_until, lost, begun, .. } = track;
        let (tid, ended) = (tid.into(), 0);
        self.threads.push(Thread { serial, tid, name, overwritten, overwritten_until, lost, begun, ended });
        serial
    }
}
