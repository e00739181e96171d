//! Processes of all kinds, made at random.

use super::super::Case;
use crate::sample::{Ring, record};
use proptest::prelude::*;
use viztracer_format::arguments::{encode, not_stored};
use viztracer_format::clock::Anchor;
use viztracer_format::header::{Forgotten, Rests};
use viztracer_format::names::{Tag, name_entry};
use viztracer_format::record::{INHERITED, Kind, Record};
use viztracer_format::stack::{FRAME, task_frame};

/// What a thread does next.
#[derive(Clone, Debug)]
enum Action {
    Begins(u32),
    Ends(Kind),
    Records(Kind, bool),
    /// The innermost calls from here on are of a task.
    Enters(u32),
}

/// A process and how it ends.
#[derive(Clone, Debug)]
pub struct History {
    threads: Vec<Vec<(Action, u64)>>,
    /// For each thread, how many older events were overwritten, and how many were lost.
    losses: (u64, u64),
    sealed: bool,
    /// Whether its first thread came out of a fork.
    is_forked: bool,
    /// Whether the records of open calls were written, as `stop` and `start` do.
    closes: bool,
    failure: bool,
    /// What the header says of the end.
    ending: u64,
    /// How many ticks after its last record the process gave a sign of life.
    sign: u64,
    /// How often the hook was gone, and how many threads, events and tasks were forgotten.
    gaps: u64,
    forgotten: [u64; 3],
    /// Whether the program switched between stacks.
    switched: bool,
    /// Functions of which not all calls are recorded, whether only their C calls, and how many ticks after the opening.
    elided: Vec<(u32, bool, u64)>,
    /// How often calls rested, for how many ticks, and whether they still did in the end.
    rests: (u64, u64, bool),
    /// Estimates: function, bursts, calls, error, and how many ticks after the opening they end; 0: they go on.
    estimates: Vec<(u32, u64, u64, u64)>,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1..5_u32).prop_map(Action::Begins),
        5 => prop::sample::select(vec![Kind::Return, Kind::Return, Kind::Yield, Kind::Raise, Kind::Abandoned])
            .prop_map(Action::Ends),
        1 => (prop::sample::select(vec![Kind::Instant, Kind::Counter]), any::<bool>())
            .prop_map(|(kind, payload)| Action::Records(kind, payload)),
        1 => (1..4_u32).prop_map(Action::Enters),
    ]
}

prop_compose! {
    pub fn history()(
        threads in prop::collection::vec(prop::collection::vec((action(), 1..1000_u64), 0..60), 1..4),
        losses in prop_oneof![2 => Just((0, 0)), 1 => (0..2000_u64, 0..3_u64)],
        sealed in any::<bool>(), is_forked in any::<bool>(), closes in any::<bool>(), failure in any::<bool>(),
        ending in prop::sample::select(vec![0, 1, 2, 3, 4 | 9 << 8, 4 | 11 << 8, 4 | 15 << 8, 4 | 40 << 8]),
        sign in prop_oneof![Just(0), 1..5000_u64], gaps in 0..3_u64, forgotten in prop::array::uniform3(0..3_u64),
        switched in any::<bool>(),
        elided in prop::collection::vec((1..9_u32, any::<bool>(), 0..9000_u64), 0..4),
        rests in (0..4_u64, 0..9000_u64, any::<bool>()),
        estimates in prop::collection::vec((1..9_u32, 4..9_u64, any::<u64>(), any::<u64>()), 0..4),
    ) -> History {
        History {
            threads, losses, sealed, is_forked, closes, failure, ending, sign, gaps, forgotten, switched, elided, rests,
            estimates,
        }
    }
}

/// An open call: its function, its start, the task that it is of.
type Open = (u32, u64, u32);

impl History {
    /// The ring file of the process, which begins at `opened`, and the time when it ends.
    fn ring(&self, pid: u32, parent: u32, opened: u64) -> (Ring, u64) {
        let mut ring = Ring::new(pid, opened);
        ring.identity.parent_pid = parent;
        (ring.identity.boot_id, ring.identity.session_id) = ([7; 16], [9; 16]);
        (ring.identity.python_version, ring.identity.entries) = (0x030c_01f0, 1_000_000);
        ring.identity.process_start = u64::from(pid);
        ring.names.extend(name_entry(Tag::ProcessName, 0, &format!("worker \"{pid}\""), 4096));
        for id in 1..4 {
            ring.function(id, &format!("f{id}"), "/x/ev.py", 7 + id);
        }
        ring.function(4, "builtins.len", "", 0);
        ring.function(5, "a \"mark\"", "", 0);
        self.elided.iter().for_each(|(id, only_c_calls, after)| ring.elided(*id, *only_c_calls, opened + after));
        for (id, bursts, calls, error) in &self.estimates {
            ring.estimate(*id, *bursts, *calls, *error);
        }
        (1..3).for_each(|task| ring.names.extend(name_entry(Tag::TaskName, task, &format!("Task-{task}"), 4096)));
        let mut end = opened;
        for (index, actions) in self.threads.iter().enumerate() {
            end = end.max(self.thread(index, actions, &mut ring));
        }
        (ring, end)
    }

    fn thread(&self, index: usize, actions: &[(Action, u64)], ring: &mut Ring) -> u64 {
        let serial = index as u32 + 1;
        let opened = ring.identity.opened.ticks;
        let mut now = opened + 10;
        let (overwritten, lost) = self.losses;
        let mut records = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        if self.is_forked && index == 0 {
            open.push((1, opened - 500, 0));
        }
        let (mut task, mut told_task, mut events) = (0, 0, 0);
        for (deed, time) in actions {
            now += time;
            let event = match deed {
                Action::Begins(function) => {
                    open.push((*function, now, task));
                    continue;
                }
                Action::Enters(other) => {
                    task = if open.iter().any(|(.., of)| *of != 0) { task } else { *other };
                    continue;
                }
                Action::Ends(kind) => {
                    // What the parent began goes on.
                    let Some((function, start, of)) = open.pop_if(|(_, start, _)| *start >= opened) else { continue };
                    task = open.last().map_or(0, |(.., task)| *task);
                    (record(*kind, function, start, now - start), of, None)
                }
                Action::Records(kind, has_payload) => {
                    let bytes = has_payload.then(|| Record::payload(ring.payload(b"{\"k\":1.5}"), 0, 9));
                    (record(*kind, 5, now, 0), task, bytes)
                }
            };
            let (event, of, bytes) = event;
            if of != told_task {
                told_task = of;
                records.push(Record::task(of));
            }
            records.push(event);
            records.extend(bytes);
            events += 1;
        }
        if self.closes && self.sealed {
            for (function, start, of) in open.drain(..).rev().filter(|(_, start, _)| *start >= opened) {
                if of != told_task {
                    told_task = of;
                    records.push(Record::task(of));
                }
                records.push(record(Kind::Open, function, start, now - start));
                events += 1;
            }
        }
        let total = if overwritten + events > 0 { overwritten + events } else { 0 };
        ring.thread(serial, u64::from(ring.identity.pid) + index as u64, &format!("Thread \"{index}\""), total, lost);
        let begun = ring.names.len() - entry_length(&format!("Thread \"{index}\""));
        ring.names[begun + 24..begun + 32].copy_from_slice(&(opened + 5).to_le_bytes());
        if index == 2 && open.is_empty() {
            ring.names[begun + 32..begun + 40].copy_from_slice(&(now + 1).to_le_bytes());
        }
        // Counts of others than events are of their own kinds here: the header of a sealed segment has them.
        if !records.is_empty() {
            let is_plain = records.iter().all(|r| Kind::from_byte(r.kind_byte()) != Some(Kind::Task));
            ring.calls(serial, overwritten, &records, is_plain);
        }
        self.frames(serial, &open, opened, ring);
        now
    }

    fn frames(&self, serial: u32, open: &[Open], opened: u64, ring: &mut Ring) {
        let mut frames = Vec::new();
        let mut current = 0;
        for (function, start, task) in open {
            if *task != current {
                current = *task;
                frames.push(task_frame(current));
            }
            let flag = if *start < opened { INHERITED } else { 0 };
            frames.push(Record::new(FRAME | flag, *start, 7, *function));
            match start % 4 {
                0 => frames.extend(encode(0, b"{\"func_args\":{\"k\":\"[1.5]\"}")),
                1 => frames.push(not_stored()),
                _ => {}
            }
        }
        if !frames.is_empty() {
            ring.frames(serial, &frames);
        }
    }

    fn bytes(&self, mut ring: Ring, end: u64) -> Vec<u8> {
        use viztracer_format::header::{STATUS_OFFSET, Status};
        let closed = Anchor { ticks: end, monotonic: end, realtime: end + 1_000_000_003 };
        let [threads, events, tasks] = self.forgotten;
        ring.forgotten = Forgotten { threads, events, tasks };
        ring.switched = self.switched;
        let (count, ticks, rests_on) = self.rests;
        ring.rests = Rests { count, ticks, since: if rests_on { end - 1 } else { 0 } };
        let mut bytes = ring.bytes(self.sealed);
        let mut put = |offset: usize, value: u64| {
            bytes[STATUS_OFFSET + offset..][..8].copy_from_slice(&value.to_le_bytes());
        };
        if self.sealed {
            let at = std::mem::offset_of!(Status, closed);
            for (index, word) in [closed.ticks, closed.monotonic, closed.realtime].into_iter().enumerate() {
                put(at + 8 * index, word);
            }
        }
        put(std::mem::offset_of!(Status, unmatched), self.losses.0 % 3);
        put(std::mem::offset_of!(Status, failure), if self.failure { 28 } else { 0 });
        put(std::mem::offset_of!(Status, ending), self.ending);
        put(std::mem::offset_of!(Status, last_sign), if self.sign > 0 { end + self.sign } else { 0 });
        put(std::mem::offset_of!(Status, gaps), self.gaps);
        bytes
    }
}

/// Bytes of a THREAD entry and of the name after it.
fn entry_length(name: &str) -> usize {
    56 + name_entry(Tag::ThreadName, 1, name, 4096).len()
}

/// The files of a family: the first process is the parent of the others.
pub fn family(histories: &[History]) -> Case {
    let mut case = Case::new();
    for (index, history) in histories.iter().enumerate() {
        let pid = 1000 + 10 * index as u32;
        let parent = if index == 0 { 1 } else { 1000 };
        let (ring, end) = history.ring(pid, parent, 5_000_000 + 700 * index as u64);
        case.add(&format!("{pid}.bin"), history.bytes(ring, end));
    }
    case
}
