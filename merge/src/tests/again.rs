//! Through JSON and back: what a report tells as an input is what the ring files told that it was made of.

use super::page::{header, page};
use super::{Case, small};
use crate::inspect::info;
use crate::plan::ending::Ending;
use crate::sample::{Ring, call, record};
use crate::trace::Trace;
use crate::{Request, State};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use viztracer_format::clock::Anchor;
use viztracer_format::header::Forgotten;
use viztracer_format::names::{Tag, name_entry};
use viztracer_format::record::{INHERITED, Kind, Record};
use viztracer_format::stack::{FRAME, task_frame};

/// What a thread does next, and how long that takes.
#[derive(Clone, Debug)]
enum Deed {
    Begins(u32),
    Ends(Kind),
    Tells(Kind, bool),
    /// The innermost calls from here on are of a task.
    Enters(u32),
}

/// A process in the making.
#[derive(Clone, Debug)]
struct Life {
    threads: Vec<Vec<(Deed, u64)>>,
    /// Older events of each thread that were overwritten, and those that found no room.
    losses: (u64, u64),
    sealed: bool,
    /// Whether its first thread came out of a fork.
    is_forked: bool,
    /// Whether the records of open calls were written, as `stop` and `start` do.
    closes: bool,
    failure: bool,
    /// What the header says of the end.
    ending: u64,
    /// How long after its last record the process gave a sign of life.
    sign: u64,
    /// How often the hook was gone; threads, events and tasks of which nothing is left.
    gaps: u64,
    forgotten: [u64; 3],
    /// Whether the program switched between stacks.
    switched: bool,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (1..5_u32).prop_map(Deed::Begins),
        5 => prop::sample::select(vec![Kind::Return, Kind::Return, Kind::Yield, Kind::Raise, Kind::Abandoned])
            .prop_map(Deed::Ends),
        1 => (prop::sample::select(vec![Kind::Instant, Kind::Counter]), any::<bool>())
            .prop_map(|(kind, payload)| Deed::Tells(kind, payload)),
        1 => (1..4_u32).prop_map(Deed::Enters),
    ]
}

prop_compose! {
    fn life()(
        threads in prop::collection::vec(prop::collection::vec((deed(), 1..1000_u64), 0..60), 1..4),
        losses in prop_oneof![2 => Just((0, 0)), 1 => (0..2000_u64, 0..3_u64)],
        sealed in any::<bool>(), is_forked in any::<bool>(), closes in any::<bool>(), failure in any::<bool>(),
        ending in prop::sample::select(vec![0, 1, 2, 3, 4 | 9 << 8, 4 | 11 << 8, 4 | 15 << 8, 4 | 40 << 8]),
        sign in prop_oneof![Just(0), 1..5000_u64], gaps in 0..3_u64, forgotten in prop::array::uniform3(0..3_u64),
        switched in any::<bool>(),
    ) -> Life {
        Life { threads, losses, sealed, is_forked, closes, failure, ending, sign, gaps, forgotten, switched }
    }
}

/// An open call: its function, its start, the task that it is of.
type Open = (u32, u64, u32);

impl Life {
    /// The ring file of the process, which begins at `opened`, and the moment when it ends.
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
        (1..3).for_each(|task| ring.names.extend(name_entry(Tag::TaskName, task, &format!("Task-{task}"), 4096)));
        let payload = ring.payload(b"{\"k\":1.5}");
        let mut end = opened;
        for (place, deeds) in self.threads.iter().enumerate() {
            end = end.max(self.thread(place, deeds, payload, &mut ring));
        }
        (ring, end)
    }

    fn thread(&self, place: usize, deeds: &[(Deed, u64)], payload: u64, ring: &mut Ring) -> u64 {
        let serial = place as u32 + 1;
        let opened = ring.identity.opened.ticks;
        let mut now = opened + 10;
        let (overwritten, lost) = self.losses;
        let mut records = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        if self.is_forked && place == 0 {
            open.push((1, opened - 500, 0));
        }
        let (mut task, mut told_task, mut events) = (0, 0, 0);
        for (deed, time) in deeds {
            now += time;
            let event = match deed {
                Deed::Begins(function) => {
                    open.push((*function, now, task));
                    continue;
                }
                Deed::Enters(other) => {
                    task = if open.iter().any(|(.., of)| *of != 0) { task } else { *other };
                    continue;
                }
                Deed::Ends(kind) => {
                    // What the parent began goes on.
                    let Some((function, start, of)) = open.pop_if(|(_, start, _)| *start >= opened) else { continue };
                    task = open.last().map_or(0, |(.., task)| *task);
                    (record(*kind, function, start, now - start), of, None)
                }
                Deed::Tells(kind, has_payload) => {
                    let bytes = has_payload.then(|| Record::payload(payload, 0, 9));
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
        ring.thread(serial, u64::from(ring.identity.pid) + place as u64, &format!("Thread \"{place}\""), total, lost);
        let begun = ring.names.len() - entry_length(&format!("Thread \"{place}\""));
        ring.names[begun + 24..begun + 32].copy_from_slice(&(opened + 5).to_le_bytes());
        if place == 2 && open.is_empty() {
            ring.names[begun + 32..begun + 40].copy_from_slice(&(now + 1).to_le_bytes());
        }
        // Counts of others than events are of their own kinds here: a sealed segment tells them in its header.
        if !records.is_empty() {
            let is_plain = records.iter().all(|r| Kind::from_byte(r.kind_byte()) != Some(Kind::Task));
            ring.calls(serial, overwritten, &records, is_plain);
        }
        self.frames(serial, &open, opened, ring);
        now
    }

    fn frames(&self, serial: u32, open: &[Open], opened: u64, ring: &mut Ring) {
        let mut frames = Vec::new();
        let mut told = 0;
        for (function, start, task) in open {
            if *task != told {
                told = *task;
                frames.push(task_frame(told));
            }
            let flag = if *start < opened { INHERITED } else { 0 };
            frames.push(Record::new(FRAME | flag, *start, 7, *function));
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
        let mut bytes = ring.bytes(self.sealed);
        let mut put = |offset: usize, value: u64| {
            bytes[STATUS_OFFSET + offset..][..8].copy_from_slice(&value.to_le_bytes());
        };
        if self.sealed {
            let at = std::mem::offset_of!(Status, closed);
            for (place, word) in [closed.ticks, closed.monotonic, closed.realtime].into_iter().enumerate() {
                put(at + 8 * place, word);
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

/// Bytes of a THREAD entry and of the name behind it.
fn entry_length(name: &str) -> usize {
    56 + name_entry(Tag::ThreadName, 1, name, 4096).len()
}

/// The files of a family: the first process is the parent of the others.
fn family(lives: &[Life]) -> Case {
    let mut case = Case::new();
    for (place, life) in lives.iter().enumerate() {
        let pid = 1000 + 10 * place as u32;
        let parent = if place == 0 { 1 } else { 1000 };
        let (ring, end) = life.ring(pid, parent, 5_000_000 + 700 * place as u64);
        case.add(&format!("{pid}.bin"), life.bytes(ring, end));
    }
    case
}

/// A report of this one, which is then the only input of another case.
fn through(case: &Case, name: &str) -> Case {
    let mut next = Case::new();
    let (_, bytes) = case.merge(name, 2);
    next.add(name, bytes);
    next
}

fn request(case: &Case) -> Request {
    Request::new(case.inputs.clone(), "none.json".into())
}

/// The last words, without where they come from.
fn words(case: &Case) -> String {
    let request = request(case);
    let mut words = Vec::new();
    Trace::read(&request, &()).unwrap().last_words(&(), &mut words).unwrap();
    let words = String::from_utf8(words).unwrap();
    words.lines().filter(|line| !line.starts_with("  file:")).map(|line| format!("{line}\n")).collect()
}

/// What `--info` tells, without what is of the file and not of the process.
fn told(case: &Case) -> Value {
    let request = request(case);
    let mut told: Value =
        serde_json::from_str(&info::document(Trace::read(&request, &()).unwrap().plans(), &[])).unwrap();
    for file in told["files"].as_array_mut().unwrap() {
        ["file", "size"].iter().for_each(|key| drop(file.as_object_mut().unwrap().remove(*key)));
    }
    told
}

/// Events in an order that does not depend on how they were read.
fn sorted(report: &Value) -> Vec<String> {
    let mut events: Vec<String> = report["traceEvents"].as_array().unwrap().iter().map(canonical).collect();
    events.sort_unstable();
    events
}

/// The text of an object by the order of its keys.
fn canonical(value: &Value) -> String {
    let sorted: std::collections::BTreeMap<_, _> = value.as_object().unwrap().iter().collect();
    json!(sorted).to_string()
}

fn lines(case: &Case, output: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        String::from_utf8(case.merge(output, 2).1).unwrap().lines().map(str::to_owned).collect();
    // Equal times are in the order of appearance.
    lines.sort_unstable();
    lines
}

/// What a page tells of its processes.
fn processes(case: &Case) -> Value {
    header(&page(case))["processes"].clone()
}

/// All that is told of these files is told of the report of them, and of the report of that.
fn check(case: &Case) {
    let (summary, report) = case.json();
    for name in ["once.json", "once.json.gz"] {
        let once = through(case, name);
        let (again, report_again) = once.json();
        assert_eq!(sorted(&report_again), sorted(&report));
        assert_eq!(report_again["viztracer_metadata"], report["viztracer_metadata"]);
        let losses = |summary: &crate::Summary| crate::report::loss::lines(summary).join("\n");
        let without_name =
            |text: String| text.lines().filter_map(|l| Some(l.split_once(": ")?.1.to_owned())).collect::<Vec<_>>();
        assert_eq!(without_name(losses(&again)), without_name(losses(&summary)));
        assert_eq!(words(&once), words(case));
        assert_eq!(again.last_words, summary.last_words);
        assert_eq!(told(&once), told(case));
        for output in ["out.csv", "out.folded"] {
            assert_eq!(lines(&once, output), lines(case, output), "{output}");
        }
        assert_eq!(processes(&once), processes(case));
        let twice = through(&once, "twice.json");
        // From here on not a byte changes.
        assert!(twice.merge("thrice.json", 2).1 == std::fs::read(&twice.inputs[0]).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changes(lives in prop::collection::vec(life(), 1..4)) {
        check(&family(&lives));
    }
}

/// A process that dies two seconds after it began its last call.
fn hung() -> Ring {
    let mut ring = small(1);
    ring.calls(1, 0, &[call(2, 5_000_050, 10)], false);
    ring.stack(1, &[(1, 5_000_010), (1, 5_000_200)]);
    ring.calls(2, 0, &[call(2, 2_005_000_000, 10)], false);
    ring.thread(2, 12, "other", 0, 0);
    ring
}

#[test]
fn a_crash_is_told_by_the_report_of_it() {
    let case = Case::of(hung(), false);
    let once = through(&case, "once.json");
    assert_eq!(once.json().0.files[0].state, State::Crashed);
    let words = words(&once);
    for line in ["MainProcess (pid 1) ended without a word", "2.000 s", "last call that ended"] {
        assert!(words.contains(line), "{words}");
    }
    check(&case);
}

#[test]
fn a_process_that_became_another_program_stays_two() {
    let mut case = Case::new();
    for (place, opened) in [5_000_000, 6_000_000].into_iter().enumerate() {
        let mut ring = Ring::new(1, opened);
        (ring.identity.boot_id, ring.identity.process_start) = ([7; 16], 77);
        ring.thread(1, 1, "MainThread", 0, 0);
        ring.function(1, &format!("f{place}"), "/x.py", 1);
        ring.calls(1, 0, &[call(1, opened + 10, 5), call(1, opened + 30, 5)], true);
        if place == 0 {
            ring.stack(1, &[(1, opened + 40)]);
        }
        case.add(&format!("{place}.bin"), ring.bytes(place == 1));
    }
    let states = |case: &Case| case.json().0.files.iter().map(|file| (file.pid, file.state)).collect::<Vec<_>>();
    assert_eq!(states(&case), [(1, State::Crashed), (1, State::Sealed)]);
    check(&case);
}

#[test]
fn threads_that_had_one_id_after_the_other_stay_apart() {
    let mut ring = small(1);
    ring.names.clear();
    for (serial, begun) in [(1, 5_000_000_u64), (2, 5_000_100)] {
        let at = ring.names.len();
        ring.thread(serial, 11, &format!("thread {serial}"), 0, 0);
        ring.names[at + 24..at + 32].copy_from_slice(&begun.to_le_bytes());
        ring.calls(serial, 0, &[call(1, begun + 10, 5)], true);
    }
    ring.function(1, "f", "/x.py", 1);
    let mut case = Case::new();
    ring.identity.boot_id = [7; 16];
    case.add("a.bin", ring.bytes(true));
    // Both bear the name of the later one where only the track has a name.
    let once = through(&case, "once.json");
    let events = |case: &Case| {
        let (summary, _) = case.json();
        summary.files[0].threads.iter().map(|thread| (thread.name.clone(), thread.events)).collect::<Vec<_>>()
    };
    assert_eq!(events(&once), [("thread 1".to_owned(), 1), ("thread 2".to_owned(), 1)]);
    assert_eq!(lines(&once, "out.folded"), lines(&case, "out.folded"));
    check(&case);
}

/// What nobody knows here, a later version may.
#[test]
fn what_is_not_known_is_passed_on() {
    let mut case = Case::new();
    let event = r#"{"ph":"X","pid":1,"tid":2,"ts":1,"dur":1,"name":"f","cat":"FEE"}"#;
    let processes = r#"[{"pid":1,"name":"p","state":"put to sleep","ending":"dozed off","signal":15,
        "opened_ns":0,"last_ns":5000,"later":{"a":[1]},
        "threads":[{"tid":2,"name":"t","events":1,"overwritten":0,"lost":0,"unfinished":0,"mood":"good"}]}]"#;
    case.add("a.json", format!(r#"{{"traceEvents":[{event}],"viztracer_metadata":{{"processes":{processes}}}}}"#));
    let (summary, report) = case.json();
    let process = &report["viztracer_metadata"]["processes"][0];
    let words = ["state", "ending", "signal"].map(|word| process[word].clone());
    assert_eq!(words, [json!("put to sleep"), json!("dozed off"), json!(15)]);
    assert_eq!((&process["later"], &process["threads"][0]["mood"]), (&json!({"a": [1]}), &"good".into()));
    assert_eq!((summary.files[0].state, summary.files[0].ending), (State::Unknown, Ending::Untold));
    let file = &told(&case)["files"][0];
    assert_eq!((file["state"].as_str(), file["ending"].as_str()), (Some("put to sleep"), Some("dozed off")));
    assert!(summary.to_string().contains("  dozed off  "), "{summary}");
    let once = through(&case, "once.json");
    assert!(once.merge("twice.json", 1).1 == std::fs::read(&once.inputs[0]).unwrap());
}

/// A report that says nothing of an end does not say that it was in order.
#[test]
fn never_seen_is_not_in_order() {
    let mut case = Case::new();
    case.add("a.json", r#"[{"ph":"X","pid":1,"tid":2,"ts":1,"dur":1,"name":"f"}]"#);
    let (summary, report) = case.json();
    assert_eq!(summary.files[0].state, State::Unknown);
    assert_eq!(report["viztracer_metadata"]["processes"][0]["state"], "unknown");
    assert_eq!(words(&case), "The end of 1 process is not known: its report does not show it.\n");
    assert!(crate::report::loss::lines(&summary).is_empty());
    let once = through(&case, "once.json");
    assert!(once.merge("twice.json", 1).1 == std::fs::read(&once.inputs[0]).unwrap());
}

/// A living process is one that lived when the report was made, whatever became of it.
#[test]
fn a_report_of_a_living_process_is_of_then() {
    let case = Case::of(hung(), false);
    let file = std::fs::File::open(&case.inputs[0]).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let once = through(&case, "once.json");
    let words = words(&once);
    assert!(words.starts_with("MainProcess (pid 1) was still running when the report was made\n"), "{words}");
    assert!(words.contains("2.000 s"), "{words}");
    assert_eq!(once.json().0.files[0].state, State::Living);
    assert!(Path::new(&once.inputs[0]).exists());
}
