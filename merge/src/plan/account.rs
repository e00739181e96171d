//! What a report's metadata says of a process besides its events. It is written and read back, so that a report as an
//! input shows the same as the ring files would.
//!
//! merge/README.md lists the members. Those that are not known here, of a process or of a thread, are passed on.

use crate::input::ring::State;
use crate::plan::bursts::Bursts;
use crate::plan::elided::{ElidedFunction, ElidedSince, earliest};
use crate::plan::ending::Ending;
use crate::plan::estimate::{About, Estimates};
use crate::text::when;
use serde_json::value::RawValue;
use serde_json::{Map, Value, from_str, json};
use std::collections::HashMap;
use viztracer_format::header::Forgotten;
use viztracer_format::names::Function;

/// What is known of a process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The number of the process's tracks.
    pub pid: u32,
    pub name: String,
    /// How its recording ended, in a word.
    pub state: String,
    /// How the process ended, in a word.
    pub ending: String,
    /// The process's id, if its tracks have another number.
    pub process_id: Option<u32>,
    pub parent_id: u32,
    /// Whether another process of its run was there first.
    pub is_worker: bool,
    /// [`FilePlan::waited_after`].
    pub waited_after: Option<u64>,
    /// As in `PY_VERSION_HEX`.
    pub python: u32,
    pub session: [u8; 16],
    pub command: Vec<String>,
    /// The name of the machine.
    pub host: Option<String>,
    /// How many of the newest events were asked for.
    pub entries: u64,
    /// When it was recorded, if that is known.
    pub times: Option<RecordedTimes>,
    /// The time that was marked to align files by, in ns of the report.
    pub sync_marker: Option<i64>,
    pub lost: u64,
    pub unnamed: u64,
    pub unmatched: u64,
    pub gaps: u64,
    pub forgotten: Forgotten,
    pub switched: bool,
    /// Functions of which not all calls are recorded, and since when, in ns of the report.
    pub elided: ElidedSince<i64>,
    /// About how many of their calls are not recorded.
    pub estimates: Estimates,
    pub bursts: Bursts,
    pub failure: u64,
    pub damaged: u64,
    pub threads: Vec<ThreadAccount>,
    /// All other members.
    pub others: Map<String, Value>,
}

/// When a process was recorded: in ns of the report, and by the wall clock, 0 if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordedTimes {
    pub opened: i64,
    pub opened_at: u64,
    /// The last time that is known of the process.
    pub last: i64,
    pub last_at: u64,
    /// When the recording was closed in order, if it was.
    pub closed: Option<i64>,
}

/// What is known of a thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadAccount {
    pub tid: u32,
    pub name: String,
    pub overwritten: u64,
    /// Nanoseconds of the report when the overwritten events began and ended.
    pub overwritten_time: Option<(i64, i64)>,
    pub lost: u64,
    /// Nanoseconds of the report when its recording began.
    pub begun: Option<i64>,
    /// The same when it ended, if it did.
    pub ended: Option<i64>,
    /// All other members.
    pub others: Map<String, Value>,
}

impl Account {
    /// Adds the members that the summary does not write by itself.
    pub fn put(&self, metadata: &mut Map<String, Value>) {
        let mut put = |name: &str, value: Option<Value>| drop(value.map(|value| metadata.insert(name.into(), value)));
        let number = |number: u64| (number != 0).then(|| json!(number));
        put("process_id", self.process_id.map(Value::from));
        put("parent_id", number(self.parent_id.into()));
        put("worker", self.is_worker.then(|| true.into()));
        put("waited_after_ns", self.waited_after.map(Value::from));
        put("command", (!self.command.is_empty()).then(|| json!(self.command)));
        put("host", self.host.clone().map(Value::from));
        put("python", (self.python != 0).then(|| version(self.python).into()));
        let session: String = self.session.iter().map(|byte| format!("{byte:02x}")).collect();
        put("session", (self.session != [0; 16]).then(|| session.into()));
        put("entries", number(self.entries));
        if let Some(times) = &self.times {
            put("opened_ns", Some(times.opened.into()));
            put("opened_at", text_of(times.opened_at));
            put("last_ns", Some(times.last.into()));
            put("last_at", text_of(times.last_at));
            put("closed_ns", times.closed.map(Value::from));
        }
        put("sync_marker_ns", self.sync_marker.map(Value::from));
        put("unnamed", number(self.unnamed));
        put("unmatched", number(self.unmatched));
        put("forgotten_tasks", number(self.forgotten.tasks));
        put("switched", self.switched.then(|| true.into()));
        put("bursts", number(self.bursts.count));
        put("rested_ns", number(self.bursts.rested));
        put("elided", (!self.elided.is_empty()).then(|| elided_list(&self.elided, &self.estimates)));
        pass_on(&self.others, metadata);
    }

    /// Reads what a report says of its processes. What is not as it should be is left out.
    pub fn all(processes: &RawValue) -> Vec<Account> {
        let entries: Vec<&RawValue> = from_str(processes.get()).unwrap_or_default();
        entries.into_iter().filter_map(Account::read).collect()
    }

    fn read(entry: &RawValue) -> Option<Account> {
        let mut raw: HashMap<String, &RawValue> = from_str(entry.get()).ok()?;
        let threads = raw.remove("threads");
        // All but the threads, of which there may be many, as values at once.
        let mut members = ObjectMembers(in_order(raw));
        let pid = members.number("pid")?;
        let opened = members.signed("opened_ns");
        let times = RecordedTimes {
            opened: opened.unwrap_or_default(),
            opened_at: members.time("opened_at"),
            last: members.signed("last_ns").or(opened).unwrap_or_default(),
            last_at: members.time("last_at"),
            closed: members.signed("closed_ns"),
        };
        let (elided, estimates) = members.take("elided", read_elided).unwrap_or_default();
        Some(Account {
            pid,
            name: members.text("name"),
            state: members.text("state"),
            ending: members.text("ending"),
            process_id: members.number("process_id"),
            parent_id: members.number("parent_id").unwrap_or_default(),
            is_worker: members.take("worker", Value::as_bool).unwrap_or_default(),
            waited_after: members.take("waited_after_ns", Value::as_u64),
            python: hexadecimal(&members.text("python")),
            session: session(&members.text("session")).unwrap_or_default(),
            command: members.list("command"),
            host: members.take("host", |host| Some(host.as_str()?.to_owned())),
            entries: members.count("entries"),
            times: opened.map(|_| times),
            sync_marker: members.signed("sync_marker_ns"),
            lost: members.count("lost"),
            unnamed: members.count("unnamed"),
            unmatched: members.count("unmatched"),
            gaps: members.count("gaps"),
            forgotten: Forgotten {
                threads: members.count("forgotten_threads"),
                events: members.count("forgotten_events"),
                tasks: members.count("forgotten_tasks"),
            },
            switched: members.take("switched", Value::as_bool).unwrap_or_default(),
            bursts: Bursts { count: members.count("bursts"), rested: members.count("rested_ns") },
            elided,
            estimates,
            failure: members.count("failure"),
            damaged: members.count("damaged"),
            threads: threads.map(ThreadAccount::all).unwrap_or_default(),
            others: members.0,
        })
    }

    /// How the recording ended, as far as the word is known.
    pub fn known_state(&self) -> State {
        State::ALL.into_iter().find(|state| state.word() == self.state).unwrap_or(State::Unknown)
    }

    /// How the process ended, as far as the word is known. Without a word, the state of the recording shows it.
    pub fn known_ending(&self) -> Ending {
        match (self.known_state(), &*self.ending) {
            (State::Living, "") => Ending::Running,
            (State::Crashed, "") => Ending::Silent,
            (_, word) => Ending::of_word(word),
        }
    }
}

impl ThreadAccount {
    fn all(threads: &RawValue) -> Vec<ThreadAccount> {
        let entries: Vec<&RawValue> = from_str(threads.get()).unwrap_or_default();
        entries.into_iter().filter_map(|entry| ThreadAccount::read(from_str(entry.get()).ok()?)).collect()
    }

    fn read(members: Map<String, Value>) -> Option<ThreadAccount> {
        let mut members = ObjectMembers(members);
        let account = ThreadAccount {
            tid: members.number("tid")?,
            name: members.text("name"),
            overwritten: members.count("overwritten"),
            overwritten_time: members.signed("overwritten_since_ns").zip(members.signed("overwritten_until_ns")),
            lost: members.count("lost"),
            begun: members.signed("begun_ns"),
            ended: members.signed("ended_ns"),
            others: Map::new(),
        };
        // They are counted anew.
        ["events", "unfinished"].into_iter().for_each(|name| drop(members.0.shift_remove(name)));
        Some(ThreadAccount { others: members.0, ..account })
    }

    /// Adds the members that the summary does not write by itself.
    pub fn put(&self, metadata: &mut Map<String, Value>) {
        for (name, time) in [("begun_ns", self.begun), ("ended_ns", self.ended)] {
            if let Some(time) = time {
                metadata.insert(name.into(), time.into());
            }
        }
        pass_on(&self.others, metadata);
    }

    /// A count of an earlier merge, to which a later one adds.
    pub fn earlier(&self, name: &str) -> u64 {
        self.others.get(name).and_then(Value::as_u64).unwrap_or(0)
    }
}

/// Functions of which not all calls are recorded, as a list of objects. As of events, `ts` is in microseconds.
/// About how many calls these are is there if it is known.
pub fn elided_list(elided: &ElidedSince<i64>, estimates: &Estimates) -> Value {
    let one = |(elided, since): (&ElidedFunction, &i64)| {
        let ElidedFunction { name, file, line, only_c_calls, .. } = elided;
        let ts = *since as f64 / 1000.0;
        let mut value = json!({ "name": name, "file": file, "line": line, "ts": ts, "only_c_calls": only_c_calls });
        if let Some(About { calls, error }) = estimates.get(elided) {
            value["calls_about"] = json!(calls);
            value["calls_error"] = json!(error);
        }
        value
    };
    elided.iter().map(one).collect()
}

fn read_elided(list: &Value) -> Option<(ElidedSince<i64>, Estimates)> {
    let mut estimates = Estimates::new();
    let mut one = |value: &Value| {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let (name, file, line) = (text("name")?, text("file")?, value.get("line")?.as_u64()?.try_into().ok()?);
        let function = Function { name, file, line, is_c: file.is_empty() };
        let since = (value.get("ts")?.as_f64()? * 1000.0).round() as i64;
        let elided = ElidedFunction::of(&function, value.get("only_c_calls")?.as_bool()?);
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        if let (Some(calls), Some(error), false) = (number("calls_about"), number("calls_error"), elided.only_c_calls) {
            estimates.insert(elided.clone(), About { calls, error });
        }
        Some((elided, since))
    };
    let elided = earliest(list.as_array()?.iter().filter_map(&mut one));
    Some((elided, estimates))
}

/// Adds members that are not there yet.
fn pass_on(others: &Map<String, Value>, metadata: &mut Map<String, Value>) {
    for (name, value) in others {
        metadata.entry(name).or_insert_with(|| value.clone());
    }
}

/// The members of an object, in the order in which they were written.
pub fn in_order(members: HashMap<String, &RawValue>) -> Map<String, Value> {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_unstable_by_key(|(_, value)| value.get().as_ptr());
    members.into_iter().filter_map(|(name, value)| Some((name, from_str(value.get()).ok()?))).collect()
}

/// Members of an object that are taken one by one.
struct ObjectMembers(Map<String, Value>);

impl ObjectMembers {
    fn take<T>(&mut self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.0.shift_remove(name).as_ref().and_then(read)
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        self.take(name, |value| value.as_u64().and_then(|number| number.try_into().ok()))
    }

    fn count(&mut self, name: &str) -> u64 {
        self.take(name, Value::as_u64).unwrap_or_default()
    }

    fn signed(&mut self, name: &str) -> Option<i64> {
        self.take(name, Value::as_i64)
    }

    fn text(&mut self, name: &str) -> String {
        self.take(name, |value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn list(&mut self, name: &str) -> Vec<String> {
        let texts = |value: &Value| value.as_array()?.iter().map(|one| Some(one.as_str()?.to_owned())).collect();
        self.take(name, texts).unwrap_or_default()
    }

    fn time(&mut self, name: &str) -> u64 {
        when::parse_time(&self.text(name)).unwrap_or(0)
    }
}

/// A time of the wall clock in ns, as text: as a number it would be larger than JavaScript can hold.
fn text_of(realtime: u64) -> Option<Value> {
    (realtime != 0).then(|| when::rfc3339(realtime).into())
}

/// `0x030c01f0` as `3.12.1`.
pub fn version(hexadecimal: u32) -> String {
    format!("{}.{}.{}", hexadecimal >> 24, hexadecimal >> 16 & 0xff, hexadecimal >> 8 & 0xff)
}

fn hexadecimal(version: &str) -> u32 {
    let numbers: Vec<u8> = version.split('.').map_while(|number| number.parse::<u8>().ok()).collect();
    let [major, minor, micro] = numbers[..] else { return 0 };
    // Of which release it was, 0xf0 says that it was final.
    u32::from(major) << 24 | u32::from(minor) << 16 | u32::from(micro) << 8 | 0xf0
}

/// Out of 32 hexadecimal digits.
fn session(digits: &str) -> Option<[u8; 16]> {
    let byte = |index: usize| u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..16).map_while(byte).collect();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests;
