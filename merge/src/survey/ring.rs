//! One ring file surveyed: its plan, from what is known without reading the events.
//!
//! Sealed segments are known by their headers. Only open ones, those that passed from thread to thread, and in a file
//! that was not closed the last one of each thread are read here.

use crate::error::{Problem, Problems};
use crate::input::ring::{Input, State, Unread};
use crate::plan::ending::Ending;
use crate::plan::file::{Calls, Counts, FilePlan, Source, Thread};
use crate::plan::frames::{self, OpenFrame};
use crate::plan::names::Names;
use crate::survey::cut::{self, Dropped};
use crate::survey::table::Table;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use viztracer_format::clock::Anchor;
use viztracer_format::reader::{Event, Segment};
use viztracer_format::record::stored_start;

impl FilePlan {
    /// Opens a ring file and plans it. A problem of a part is in the plan, one of the whole is the error.
    pub fn of(path: &Path) -> Result<FilePlan, Problem> {
        let mut input = Input::open(path)?;
        let mut state = input.state();
        if state == State::Crashed {
            // Its process may have closed it in order between our look at the header and that at the process.
            let again = Input::open(path)?;
            if again.header.sealed {
                (input, state) = (again, State::Sealed);
            }
        }
        let snapshot = match state {
            // Without room for a copy, the file itself is read, and what is overwritten meanwhile is counted.
            State::Living => input.snapshot().ok().map(Arc::new),
            _ => None,
        };
        let mut plan = FilePlan::unread(path, &input, state, snapshot.clone());
        let live = input;
        let input = snapshot.as_deref().unwrap_or(&live);
        plan.header = input.header.clone();
        let table = plan.tables(input);
        let mut tally = Tally { frames: plan.frames.iter().copied().collect(), ..Tally::default() };
        let mut counts = plan.count_events(input, &table, &mut tally);
        plan.frames.retain(|frame| !tally.ended.contains(frame));
        if state == State::Living {
            plan.drop_stale_frames(&live, &table, &counts);
        }
        if plan.events_too_many() > 0 {
            counts = plan.drop_unreadable(input, counts, &mut tally);
        }
        plan.settle_threads(input, &table, &counts, &tally);
        plan.ending = Ending::read(input, state, &plan.frames, &plan.names);
        plan.cut_to_newest(input, counts);
        Ok(plan)
    }

    fn unread(path: &Path, input: &Input, state: State, snapshot: Option<Arc<Input>>) -> FilePlan {
        FilePlan {
            place: input.place,
            length: input.length,
            sync_marker: Some(input.header.sync_marker as i64).filter(|marker| *marker != 0),
            source: Source::Ring { snapshot },
            is_dated: true,
            ..FilePlan::empty(path, input.header.clone(), state)
        }
    }

    /// Reads all segment headers, and the stacks between the first look and the last: a call that ends meanwhile is
    /// then both a frame and a record, which can be told, and never neither.
    fn tables(&mut self, input: &Input) -> Table {
        let mut table = Table::read(input, &mut self.problems);
        let problems = &mut self.problems;
        self.frames = frames::read(input, &table.stacks, table.opened, |p| problems.add(p));
        if self.state == State::Sealed {
            // What the parent had open when it forked did not run in a child that ends in order.
            self.frames.retain(|frame| !frame.inherited);
        }
        if self.state == State::Living {
            let open = table.calls.iter().filter(|segment| segment.seal.is_none());
            let unsettled = open.map(|segment| segment.generation).min().unwrap_or(u64::MAX).min(input.unsettled);
            self.problems = Problems::default();
            table = Table { unsettled, ..Table::read(input, &mut self.problems) };
        }
        let own = [self.header.identity.imported, self.header.identity.opened, self.header.closed];
        self.anchors = own.into_iter().chain(table.anchors.iter().copied()).collect();
        self.anchors.retain(|anchor| *anchor != Anchor::default());
        self.anchors.sort_unstable_by_key(|a| (a.ticks, a.monotonic));
        self.anchors.dedup();
        self.names = table.names();
        self.payloads = std::mem::take(&mut table.payloads);
        self.last_moment = self.anchors.last().map_or(0, |anchor| anchor.ticks);
        if self.state != State::Sealed {
            self.last_moment = self.last_moment.max(self.header.last_sign).max(table.opened);
        }
        table
    }

    /// Fills `calls` and gives the events by thread of each of them.
    fn count_events(&mut self, input: &Input, table: &Table, tally: &mut Tally) -> Vec<Counts> {
        let mut planned = Vec::with_capacity(table.calls.len());
        let mut buffer = Vec::new();
        // Backwards, so that the first event seen of a thread's last segment is its last one.
        for segment in table.calls.iter().rev() {
            let counts = match self.known_by_header(segment, table, tally) {
                Some(counts) => counts,
                None => {
                    let (generation, committed) = (segment.generation, segment.committed);
                    match input.read(input.index(segment), generation, committed, &mut buffer) {
                        Ok((segment, body)) => self.scan(&segment, body, tally),
                        Err(Unread::Damaged(problem)) => {
                            self.problems.add(problem);
                            tally.refuse(segment.generation, segment.thread, segment.sealed_events());
                            continue;
                        }
                        Err(Unread::Recycled) => continue,
                    }
                }
            };
            let events = counts.iter().map(|(_, events)| events).sum::<u64>();
            if events > 0 {
                let calls = Calls {
                    generation: segment.generation,
                    index: input.index(segment),
                    committed: segment.committed as u32,
                    thread: segment.thread,
                    events: events as u32,
                };
                planned.push((calls, counts));
            }
        }
        let (calls, counts) = planned.into_iter().rev().unzip();
        self.calls = calls;
        counts
    }

    /// Events that the file holds beyond the newest ones that were asked for.
    fn events_too_many(&self) -> u64 {
        let kept: u64 = self.calls.iter().map(|calls| u64::from(calls.events)).sum();
        match self.header.identity.entries {
            0 => 0,
            entries => kept.saturating_sub(entries),
        }
    }

    /// Reads every segment once and takes out those that cannot be read: what is damaged may not count as one of the
    /// newest events, of which the file holds some more than were asked for.
    fn drop_unreadable(&mut self, input: &Input, counts: Vec<Counts>, tally: &mut Tally) -> Vec<Counts> {
        let mut buffer = Vec::new();
        let mut readable = Vec::with_capacity(counts.len());
        for (calls, counts) in std::mem::take(&mut self.calls).into_iter().zip(counts) {
            let read = input.read(calls.index, calls.generation, calls.committed as usize, &mut buffer);
            if let Err(Unread::Damaged(problem)) = read {
                self.problems.add(problem);
                tally.refuse(calls.generation, calls.thread, Some(u64::from(calls.events)));
            } else {
                self.calls.push(calls);
                readable.push(counts);
            }
        }
        readable
    }

    fn known_by_header(&self, segment: &Segment, table: &Table, tally: &Tally) -> Option<Counts> {
        let events = segment.sealed_events().filter(|_| segment.handovers == 0)?;
        let last_of_its_thread = self.state != State::Sealed && !tally.seen.contains(&segment.thread);
        let may_end_frames = segment.generation >= table.unsettled;
        (!last_of_its_thread && !may_end_frames).then(|| vec![(segment.thread, events)])
    }

    /// Counts a segment's events, and takes from an unclosed file what only its last events tell.
    fn scan(&mut self, segment: &Segment, body: &[u8], tally: &mut Tally) -> Counts {
        let mut counts = Counts::new();
        let mut last: BTreeMap<u32, Event> = BTreeMap::new();
        let watched = self.state == State::Living && !self.frames.is_empty();
        let mut events = segment.events(body);
        for event in &mut events {
            match counts.last_mut() {
                Some((thread, count)) if *thread == event.thread => *count += 1,
                _ => counts.push((event.thread, 1)),
            }
            if watched && tally.frames.contains(&OpenFrame::of(&event)) {
                tally.ended.insert(OpenFrame::of(&event));
            }
            last.insert(event.thread, event);
        }
        if self.state != State::Sealed {
            for (thread, event) in last {
                if tally.seen.insert(thread) {
                    self.last_moment = self.last_moment.max(event.start.saturating_add(event.duration));
                    self.ended_at_last(&event, tally);
                }
            }
        }
        merged(counts)
    }

    /// A process killed between the record and the frame's removal leaves one call as both. The task of a frame may be
    /// unknown, and both starts are full ticks by moments of their own: of each the low bits stand in the file.
    fn ended_at_last(&self, event: &Event, tally: &mut Tally) {
        let is_same = |frame: &OpenFrame| {
            frame.function == event.function && stored_start(frame.start) == stored_start(event.start)
        };
        let innermost = self.frames.iter().rev().find(|frame| frame.thread == event.thread);
        if let Some(ended) = innermost.filter(|frame| event.kind.is_call() && is_same(frame)) {
            tally.ended.insert(*ended);
        }
    }

    /// Where a process overtook the reader, the record of a frame's end may be among what was missed. Of such threads
    /// only the frames that are open even now are believed.
    fn drop_stale_frames(&mut self, live: &Input, table: &Table, counts: &[Counts]) {
        let gaps = table.threads_with_gaps(&self.calls, counts);
        if self.frames.iter().any(|frame| gaps.contains(&frame.thread)) {
            let now = frames::read(live, &table.stacks, table.opened, drop);
            let now: HashSet<OpenFrame> = now.into_iter().collect();
            self.frames.retain(|frame| !gaps.contains(&frame.thread) || now.contains(frame));
        }
    }

    /// Threads with their totals. What a thread recorded and the file does not hold is overwritten, unless it stood in
    /// a segment that is damaged.
    fn settle_threads(&mut self, input: &Input, table: &Table, counts: &[Counts], tally: &Tally) {
        let problems = &mut self.problems;
        let names = Names::read(input, &self.names, |problem| problems.add(problem));
        self.process = names.process;
        self.children = names.children;
        let mut totals: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for segment in table.calls.iter().filter(|segment| !tally.refused.contains(&segment.generation)) {
            let (total, _) = totals.entry(segment.thread).or_default();
            *total = segment.first_event.max(*total);
        }
        let first_events = table.first_events();
        for (calls, counts) in self.calls.iter().zip(counts) {
            for (thread, events) in counts {
                // A thread that took over a segment had recorded nothing before.
                let own = *thread == calls.thread;
                let before = first_events.get(&calls.generation).filter(|_| own).unwrap_or(&0);
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
            if thread.begun <= thread.ended && self.clock_has_reached(thread.ended) {
                self.last_moment = self.last_moment.max(thread.ended);
            }
        }
        let ends = table.overwritten(&self.calls, self.state == State::Living);
        let last_moment = self.last_moment;
        let thread = |(serial, (total, kept)): (u32, (u64, u64))| {
            let known = names.threads.get(&serial).cloned();
            // Damage can take a thread's entry away; its number in the file then stands for its id.
            let tid = known.as_ref().and_then(|thread| thread.tid).unwrap_or(u64::from(serial));
            let known = known.unwrap_or_default();
            let damaged = tally.damaged.get(&serial).copied().unwrap_or(0);
            let overwritten = total.saturating_sub(kept).saturating_sub(damaged);
            let (lost, begun, ended) = (known.lost, known.begun, known.ended);
            let none_left = if ended == 0 { last_moment } else { ended };
            let overwritten_until = if overwritten == 0 { 0 } else { ends.until(serial, none_left) };
            Thread { serial, tid, name: known.name, overwritten, overwritten_until, lost, begun, ended }
        };
        self.threads = totals.into_iter().map(thread).collect();
    }

    /// Whether the process can have seen this moment: the file was closed later, or it does not say when.
    fn clock_has_reached(&self, ticks: u64) -> bool {
        self.state != State::Sealed || ticks <= self.header.closed.ticks
    }

    /// Leaves the newest events that were asked for; a file may hold some more.
    fn cut_to_newest(&mut self, input: &Input, counts: Vec<Counts>) {
        let too_many = self.events_too_many();
        if too_many == 0 {
            return;
        }
        let mut oldest = cut::oldest(input, &self.calls, &counts, too_many);
        for thread in &mut self.threads {
            let Some(dropped) = oldest.get(&thread.serial).filter(|dropped| dropped.events > 0) else { continue };
            thread.overwritten = thread.overwritten.saturating_add(dropped.events);
            thread.overwritten_until = thread.overwritten_until.max(dropped.until);
        }
        let calls = std::mem::take(&mut self.calls);
        for (calls, counts) in calls.into_iter().zip(counts) {
            let skip = take_from(&mut oldest, &counts);
            let skipped: u64 = skip.iter().map(|(_, events)| events).sum();
            if skipped > 0 && skipped < u64::from(calls.events) {
                self.skips.insert(self.calls.len() as u32, skip);
            }
            if skipped < u64::from(calls.events) {
                self.calls.push(Calls { events: calls.events - skipped as u32, ..calls });
            }
        }
    }
}

/// What reading segments backwards has told so far.
#[derive(Default)]
struct Tally {
    /// Threads whose last event was seen.
    seen: HashSet<u32>,
    /// The open frames.
    frames: HashSet<OpenFrame>,
    /// Those of them that turned out to have ended.
    ended: HashSet<OpenFrame>,
    /// Generations of segments that are damaged.
    refused: HashSet<u64>,
    /// By thread, the events that stood in them, as far as their headers tell.
    damaged: HashMap<u32, u64>,
}

impl Tally {
    fn refuse(&mut self, generation: u64, thread: u32, events: Option<u64>) {
        self.refused.insert(generation);
        *self.damaged.entry(thread).or_default() += events.unwrap_or(0);
    }
}

/// One entry per thread, in the order of serials.
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

/// Takes as many of `oldest` as a segment with these counts can bear.
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
