//! The plan of a ring file, made without reading all events.
//!
//! The header of a sealed segment says how many events it has. Only these segments are read here: open ones, those that
//! passed from thread to thread, and in a file that was not closed the last one of each thread.

use crate::error::{Problem, Problems, sentence};
use crate::input::ring::{Input, State, Unread};
use crate::plan::bursts::Bursts;
use crate::plan::ending::Ending;
use crate::plan::file::{FilePlan, Source, Thread};
use crate::plan::frames::{self, OpenFrame};
use crate::plan::names::FileNames;
use crate::plan::recording::Recording;
use crate::survey::cut::{self, Dropped};
use crate::survey::shared_payloads;
use crate::survey::table::{CountedSegment, Counts, SegmentTable};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use viztracer_format::clock::Anchor;
use viztracer_format::reader::{Event, Segment};
use viztracer_format::record::stored_start;

impl FilePlan {
    /// Opens a ring file and plans the newest events that were asked for. Problems of parts are in the plan; a problem
    /// of the whole file is the error.
    pub fn of(path: &Path) -> Result<FilePlan, Problem> {
        FilePlan::read(path, false)
    }

    /// Does the same with all events that the file holds.
    pub fn of_all_events(path: &Path) -> Result<FilePlan, Problem> {
        FilePlan::read(path, true)
    }

    fn read(path: &Path, all_events: bool) -> Result<FilePlan, Problem> {
        let mut input = Input::open(path)?;
        let mut state = input.state();
        if state == State::Crashed {
            // The process may have closed the file in order after its header was read, and ended.
            let again = Input::open(path)?;
            if again.header.sealed {
                (input, state) = (again, State::Sealed);
            }
        }
        // If it cannot be copied, the file itself is read, and what is overwritten meanwhile is counted.
        let (snapshot, uncopied) = match (state == State::Living).then(|| input.snapshot()).transpose() {
            Ok(snapshot) => (snapshot.map(Arc::new), None),
            Err(error) => (None, Some(sentence(&error))),
        };
        let live = input;
        let input = snapshot.as_deref().unwrap_or(&live);
        let unread = FilePlan::unread(path, input, state, snapshot.clone());
        let mut plan = FilePlan { length: live.length, uncopied, ..unread };
        let table = plan.tables(input);
        let mut scanned = Scanned { frames: plan.frames.iter().copied().collect(), ..Scanned::default() };
        let mut counted = plan.count_events(input, &table, &mut scanned);
        plan.frames.retain(|frame| !scanned.ended.contains(frame));
        if state == State::Living {
            plan.drop_stale_frames(&live, input, &table, &counted);
        }
        let too_many = |plan: &FilePlan, counted: &[CountedSegment]| match all_events {
            true => 0,
            false => plan.events_too_many(counted),
        };
        if too_many(&plan, &counted) > 0 {
            plan.drop_unreadable(input, &mut counted, &mut scanned);
        }
        plan.settle_threads(input, &table, &counted, &scanned);
        let rests = input.header.rests;
        plan.bursts = Bursts::of(rests, input.header.identity.opened.ticks, plan.last_moment);
        plan.ending = Ending::read(input, state, &plan.frames, &plan.names);
        let too_many = too_many(&plan, &counted);
        plan.leave_out_oldest(input, counted, too_many);
        Ok(plan)
    }

    /// A plan of what the header says.
    fn unread(path: &Path, input: &Input, state: State, snapshot: Option<Arc<Input>>) -> FilePlan {
        let identity = &input.header.identity;
        let source = Source::Ring {
            snapshot,
            file_id: identity.file_id,
            process_start: identity.process_start,
            min_duration: identity.min_duration,
        };
        FilePlan {
            state,
            sync_marker: Some(input.header.sync_marker as i64).filter(|marker| *marker != 0),
            has_forgotten_children: input.header.forgotten_children > 0,
            is_dated: true,
            ..FilePlan::empty(path, input.inode, Recording::of(&input.header), source)
        }
    }

    /// Reads all segment headers and the stacks. In a living file the headers are read again after the stacks: a call
    /// that ends meanwhile is then both a frame and a record, of which one is kept, and never neither. As in a snapshot,
    /// which has been copied so, calls are left out whose segment was opened while the headers were read.
    fn tables(&mut self, input: &Input) -> SegmentTable {
        let mut table = SegmentTable::read(input, &mut self.problems);
        let problems = &mut self.problems;
        let open = frames::read(input, &table.stacks, table.opened, |p| problems.add(p));
        (self.frames, self.arguments) = (open.frames, open.arguments);
        if self.state == State::Sealed {
            // What the parent had open when it forked did not run in a child that ends in order.
            self.frames.retain(|frame| !frame.inherited);
        }
        if self.state == State::Living {
            let unsettled = table.unsealed().min(input.unsettled);
            let newest = SegmentTable::read(input, &mut Problems::default()).newest;
            self.problems = Problems::default();
            table = SegmentTable { unsettled, ..SegmentTable::read(input, &mut self.problems) };
            table.calls.retain(|segment| segment.generation <= newest);
        }
        let header = &input.header;
        let own = [header.identity.imported, header.identity.opened, header.closed];
        self.anchors = own.into_iter().chain(table.anchors.iter().copied()).collect();
        self.anchors.retain(|anchor| *anchor != Anchor::default());
        self.anchors.sort_unstable_by_key(|a| (a.ticks, a.monotonic));
        self.anchors.dedup();
        self.names = table.names();
        self.payloads = std::mem::take(&mut table.payloads);
        // If several segments claim a generation, the first one in the file is valid.
        self.payloads.sort_by_key(|(generation, _)| *generation);
        self.payloads.dedup_by_key(|(generation, _)| *generation);
        self.overdrawn = shared_payloads::find(input, &table.calls, &self.payloads);
        self.last_moment = self.anchors.last().map_or(0, |anchor| anchor.ticks);
        if self.state != State::Sealed {
            self.last_moment = self.last_moment.max(header.last_sign).max(table.opened);
        }
        table
    }

    /// Counts the events of each CALLS segment that can be read and has any, oldest first.
    fn count_events(&mut self, input: &Input, table: &SegmentTable, scanned: &mut Scanned) -> Vec<CountedSegment> {
        let mut counted = Vec::with_capacity(table.calls.len());
        let mut buffer = Vec::new();
        // Backwards, so that the first event seen of a thread's last segment is its last one.
        for segment in table.calls.iter().rev() {
            let part = input.committed(segment);
            let events = match self.known_by_header(segment, table, scanned) {
                Some(events) => events,
                None => match input.read(part, &mut buffer) {
                    Ok((segment, body)) => self.scan(&segment, body, scanned),
                    Err(Unread::Damaged(problem)) => {
                        self.problems.add(problem);
                        scanned.refuse(segment.generation, segment.thread, segment.sealed_events());
                        continue;
                    }
                    Err(Unread::Recycled) => continue,
                },
            };
            counted.push(CountedSegment { part, thread: segment.thread, events });
        }
        counted.retain(|segment| segment.total() > 0);
        counted.reverse();
        counted
    }

    /// How many events the file holds besides the newest ones that were asked for.
    fn events_too_many(&self, counted: &[CountedSegment]) -> u64 {
        let kept: u64 = counted.iter().map(CountedSegment::total).sum();
        match self.recording.entries {
            0 => 0,
            entries => kept.saturating_sub(entries),
        }
    }

    /// Reads every segment once and removes those that are damaged. Where events are left out as too many, a damaged
    /// one must not count as one of the newest.
    fn drop_unreadable(&mut self, input: &Input, counted: &mut Vec<CountedSegment>, scanned: &mut Scanned) {
        let mut buffer = Vec::new();
        counted.retain(|segment| match input.read(segment.part, &mut buffer) {
            Err(Unread::Damaged(problem)) => {
                self.problems.add(problem);
                scanned.refuse(segment.part.generation, segment.thread, Some(segment.total()));
                false
            }
            Err(Unread::Recycled) | Ok(_) => true,
        });
    }

    /// The numbers of a segment's events, if its header says all that is needed of it.
    fn known_by_header(&self, segment: &Segment, table: &SegmentTable, scanned: &Scanned) -> Option<Counts> {
        let events = segment.sealed_events().filter(|_| segment.handovers == 0)?;
        let last_of_its_thread = self.state != State::Sealed && !scanned.seen.contains(&segment.thread);
        let may_end_frames = segment.generation >= table.unsettled;
        (!last_of_its_thread && !may_end_frames).then(|| vec![(segment.thread, events)])
    }

    /// Counts a segment's events. In a file that was not closed, the last event of each thread shows when the file
    /// ends.
    fn scan(&mut self, segment: &Segment, body: &[u8], scanned: &mut Scanned) -> Counts {
        let mut counts = Counts::new();
        let mut last: BTreeMap<u32, Event> = BTreeMap::new();
        let watched = self.state == State::Living && !self.frames.is_empty();
        let mut events = segment.events(body);
        for event in &mut events {
            match counts.last_mut() {
                Some((thread, count)) if *thread == event.thread => *count += 1,
                _ => counts.push((event.thread, 1)),
            }
            if watched && scanned.frames.contains(&OpenFrame::of(&event)) {
                scanned.ended.insert(OpenFrame::of(&event));
            }
            last.insert(event.thread, event);
        }
        if self.state != State::Sealed {
            for (thread, event) in last {
                if scanned.seen.insert(thread) {
                    self.last_moment = self.last_moment.max(event.start.saturating_add(event.duration));
                    self.ended_at_last(&event, scanned);
                }
            }
        }
        merged(counts)
    }

    /// Notes the frame of a call whose record is the thread's last one: a process that is killed between writing the
    /// record and removing the frame leaves the call as both. Only the bits of the starts that are in the file are
    /// compared, and no tasks, as the task of a frame may be unknown. Frames are in the order of their threads.
    fn ended_at_last(&self, event: &Event, scanned: &mut Scanned) {
        let is_same = |frame: &OpenFrame| {
            frame.function == event.function && stored_start(frame.start) == stored_start(event.start)
        };
        let of_thread = self.frames.partition_point(|frame| frame.thread <= event.thread);
        let innermost = self.frames.get(..of_thread).and_then(<[_]>::last).filter(|frame| frame.thread == event.thread);
        if let Some(ended) = innermost.filter(|frame| event.kind.is_call() && is_same(frame)) {
            scanned.ended.insert(*ended);
        }
    }

    /// Removes frames that may have ended. Where a process overtook the reader, the record of a frame's end may be
    /// among what was missed. Of such threads only the frames that are open even now are kept.
    fn drop_stale_frames(&mut self, live: &Input, input: &Input, table: &SegmentTable, counted: &[CountedSegment]) {
        let mut gaps = table.threads_with_gaps(counted);
        if input.overtaken {
            let counted: HashSet<u32> = counted.iter().flat_map(CountedSegment::threads).collect();
            gaps.extend(self.frames.iter().map(|frame| frame.thread).filter(|thread| !counted.contains(thread)));
        }
        if self.frames.iter().any(|frame| gaps.contains(&frame.thread)) {
            let now = frames::read(live, &table.stacks, table.opened, drop);
            let now: HashSet<OpenFrame> = now.frames.into_iter().collect();
            self.frames.retain(|frame| !gaps.contains(&frame.thread) || now.contains(frame));
        }
    }

    /// Threads with their totals. What a thread recorded and the file does not hold is overwritten, unless it stood in
    /// a segment that is damaged.
    fn settle_threads(&mut self, input: &Input, table: &SegmentTable, counted: &[CountedSegment], scanned: &Scanned) {
        let problems = &mut self.problems;
        let names = FileNames::read(input, &self.names, |problem| problems.add(problem));
        self.elided = names.elided(input, &self.names);
        self.estimates = names.estimates(input, &self.names);
        self.process = names.process;
        self.has_tasks = names.has_tasks;
        self.children = names.children;
        let mut totals: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for segment in table.calls.iter().filter(|segment| !scanned.refused.contains(&segment.generation)) {
            let (total, _) = totals.entry(segment.thread).or_default();
            *total = segment.first_event.max(*total);
        }
        let first_events = table.first_events();
        for CountedSegment { part, thread: first, events } in counted {
            for (thread, events) in events {
                // A thread that took over a segment had recorded nothing before.
                let before = first_events.get(&part.generation).filter(|_| thread == first).unwrap_or(&0);
                let (total, kept) = totals.entry(*thread).or_default();
                *total = before.saturating_add(*events).max(*total);
                *kept += events;
            }
        }
        for frame in &self.frames {
            self.last_moment = self.last_moment.max(frame.start);
            totals.entry(frame.thread).or_default();
        }
        for (serial, thread) in &names.threads {
            let (total, _) = totals.entry(*serial).or_default();
            *total = Some(thread.events).filter(|events| *events <= table.events_max).unwrap_or(0).max(*total);
            if thread.begun <= thread.ended && self.may_have_reached(thread.ended, input) {
                self.last_moment = self.last_moment.max(thread.ended);
            }
        }
        let ends = table.overwritten(counted, self.state == State::Living);
        let last_moment = self.last_moment;
        let thread = |(serial, (total, kept)): (u32, (u64, u64))| {
            let known = names.threads.get(&serial).cloned();
            // Damage can take a thread's entry away; its number in the file then stands for its id.
            let tid = known.as_ref().and_then(|thread| thread.tid).unwrap_or(u64::from(serial));
            let known = known.unwrap_or_default();
            let damaged = scanned.damaged.get(&serial).copied().unwrap_or(0);
            let overwritten = total.saturating_sub(kept).saturating_sub(damaged);
            let (lost, begun, ended) = (known.lost, known.begun, known.ended);
            let none_left = if ended == 0 { last_moment } else { ended };
            let overwritten_until = if overwritten == 0 { 0 } else { ends.until(serial, none_left) };
            Thread { serial, tid, name: known.name, overwritten, overwritten_until, lost, begun, ended }
        };
        self.threads = totals.into_iter().map(thread).collect();
    }

    /// Whether the process can have recorded this time: the file was closed later, or it does not say when.
    fn may_have_reached(&self, ticks: u64, input: &Input) -> bool {
        self.state != State::Sealed || ticks <= input.header.closed.ticks
    }

    /// Plans the events without the oldest ones, of which the file holds too many.
    fn leave_out_oldest(&mut self, input: &Input, counted: Vec<CountedSegment>, too_many: u64) {
        let mut oldest = match too_many {
            0 => HashMap::new(),
            _ => cut::oldest(input, &counted, too_many),
        };
        for thread in &mut self.threads {
            let Some(dropped) = oldest.get(&thread.serial).filter(|dropped| dropped.events > 0) else { continue };
            thread.overwritten = thread.overwritten.saturating_add(dropped.events);
            thread.overwritten_until = thread.overwritten_until.max(dropped.until);
        }
        for segment in counted {
            let skip = take_from(&mut oldest, &segment.events);
            let total = segment.total();
            let skipped: u64 = skip.iter().map(|(_, events)| events).sum();
            if skipped == total {
                continue;
            }
            if skipped > 0 {
                self.skips.insert(self.calls.len() as u32, skip);
            }
            self.calls.push(segment.planned(total - skipped));
        }
    }
}

/// What is known from the segments that were read so far, backwards.
#[derive(Default)]
struct Scanned {
    /// Threads whose last event was seen.
    seen: HashSet<u32>,
    /// The open frames.
    frames: HashSet<OpenFrame>,
    /// Frames whose call has ended.
    ended: HashSet<OpenFrame>,
    /// Generations of segments that are damaged.
    refused: HashSet<u64>,
    /// By thread, how many events were in damaged segments, as far as their headers say.
    damaged: HashMap<u32, u64>,
}

impl Scanned {
    /// Notes a damaged segment.
    fn refuse(&mut self, generation: u64, thread: u32, events: Option<u64>) {
        self.refused.insert(generation);
        *self.damaged.entry(thread).or_default() += events.unwrap_or(0);
    }
}

/// Adds up the counts of each thread, in the order of serials.
fn merged(counts: Counts) -> Counts {
    if counts.len() < 2 {
        return counts;
    }
    let mut by_thread: BTreeMap<u32, u64> = BTreeMap::new();
    for (thread, events) in counts {
        *by_thread.entry(thread).or_default() += events;
    }
    by_thread.into_iter().collect()
}

/// Takes as many events out of `oldest` as a segment with these counts has.
fn take_from(oldest: &mut HashMap<u32, Dropped>, counts: &Counts) -> Counts {
    let mut taken = Counts::new();
    for (thread, events) in counts {
        if let Some(left) = oldest.get_mut(thread).filter(|left| left.events > 0) {
            let here = left.events.min(*events);
            left.events -= here;
            taken.push((*thread, here));
        }
    }
    taken
}
