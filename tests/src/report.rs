//! A merged report, read back from its JSON.

use serde_json::Value;
use std::path::{Path, PathBuf};
use viztracer_merge::{Request, Summary, merge};

/// The summary and the report of a merge.
#[derive(Debug)]
pub struct Report {
    /// The summary.
    pub summary: Summary,
    /// The whole JSON.
    pub json: Value,
    /// The events in it, without the names of processes and threads.
    pub events: Vec<Shown>,
}

/// One event of a report. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The thread's id.
    pub tid: u64,
    /// The name.
    pub name: String,
    /// When it began.
    pub start: u64,
    /// Its duration; 0 if the report has none.
    pub duration: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How an event of a report ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By `return` or `yield`.
    Returned,
    /// By an exception.
    Raised,
    /// Nobody saw it.
    Abandoned,
    /// It was still open when tracing stopped, or when the process died.
    Unfinished,
    /// It was no call.
    Moment,
}

impl Report {
    /// Merges these inputs into `report.json` in this directory.
    pub fn of(inputs: &[PathBuf], directory: &Path) -> Report {
        let output = directory.join("report.json");
        let request = Request { threads: Some(2), ..Request::new(inputs.to_vec(), output.clone()) };
        let summary = merge(&request, &()).expect("the files merge");
        let text = std::fs::read(output).expect("the report can be read");
        let json: Value = serde_json::from_slice(&text).expect("the report is JSON");
        let events = json["traceEvents"].as_array().expect("a list of events");
        let is_event = |event: &&Value| event["ph"] != "M";
        let events = events.iter().filter(is_event).map(Shown::of).collect();
        Report { summary, json, events }
    }
}

impl Shown {
    fn of(event: &Value) -> Shown {
        let nanoseconds = |field: &str| {
            let microseconds = event[field].as_f64().unwrap_or_default();
            (microseconds * 1000.0).round() as u64
        };
        let has = |argument: &str| event["args"][argument] == Value::Bool(true);
        let ending = match event["ph"].as_str().unwrap_or_default() {
            "X" if has("raised") => Ending::Raised,
            "X" if has("abandoned") => Ending::Abandoned,
            "X" if has("unfinished") => Ending::Unfinished,
            "X" => Ending::Returned,
            "B" => Ending::Unfinished,
            _ => Ending::Moment,
        };
        Shown {
            tid: event["tid"].as_u64().expect("a thread's id"),
            name: event["name"].as_str().expect("a name").to_owned(),
            start: nanoseconds("ts"),
            duration: nanoseconds("dur"),
            ending,
        }
    }
}
