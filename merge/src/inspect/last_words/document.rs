//! Last words as a JSON document for programs. merge/README.md says what its keys mean; they never change.

use super::Others;
use super::functions::NamedFunction;
use super::words::{EndedCall, LastWords, OpenCall, ThreadWords};
use crate::plan::file::FilePlan;
use crate::text::display::how;
use crate::text::{json, when};
use serde_json::{Value, json};

/// Makes the document of these processes.
pub fn document(processes: &[(&FilePlan, LastWords)], others: Others) -> String {
    let members = json!({
        "processes": processes.iter().map(|(plan, words)| process(plan, words)).collect::<Vec<_>>(),
        "ended_in_order": others.ended,
        "end_unknown": others.unknown,
    });
    json::document("last-words/1", members)
}

fn process(plan: &FilePlan, words: &LastWords) -> Value {
    let recorded = (words.last_record != 0).then_some(words.last_record);
    json!({
        "file": plan.path.to_string_lossy(),
        "pid": plan.recording.pid,
        "process": plan.process_name(),
        "command": plan.recording.arguments,
        "state": plan.state_word(),
        "ending": plan.ending_word(),
        "last_record_ns": recorded,
        "last_record": recorded.map(when::utc),
        "waited_after_ns": plan.waited_after,
        "threads": words.threads.iter().map(|each| thread(each, words)).collect::<Vec<_>>(),
        "ended_threads": words.ended,
        "damaged": words.problems.count,
    })
}

fn thread(thread: &ThreadWords, words: &LastWords) -> Value {
    json!({
        "tid": thread.tid,
        "name": thread.name,
        "open": thread.open.iter().map(|call| open_call(call, words)).collect::<Vec<_>>(),
        "ended": thread.calls.iter().map(|call| ended_call(call, words)).collect::<Vec<_>>(),
    })
}

fn open_call(call: &OpenCall, words: &LastWords) -> Value {
    let mut value = json::function(words.functions.get(call.function).map(NamedFunction::function));
    value["duration_ns"] = call.duration.into();
    value["inherited"] = call.inherited.into();
    value
}

fn ended_call(call: &EndedCall, words: &LastWords) -> Value {
    let mut value = json::function(words.functions.get(call.function).map(NamedFunction::function));
    value["duration_ns"] = call.duration.into();
    value["before_end_ns"] = call.before.into();
    value["how"] = how(call.kind).into();
    value
}
