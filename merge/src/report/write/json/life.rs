//! The lives of tasks and coroutines as asynchronous events: the begin and the end of each have an id of their own.
//!
//! ```text
//! {"pid":1,"tid":16777217,"ts":2.5,"ph":"b","cat":"coroutine","id2":{"local":"0x7"},"scope":"viztracer_ring",
//!  "name":"handler (/x/a.py:7)","args":{...}}
//! {"pid":1,"tid":16777217,"ts":9.5,"ph":"e",...,"thread":1}
//! ```
//!
//! A merge of such a trace leaves them out, and finds the lives anew. It knows them by their scope. All that it takes from
//! them is that the begin of a task is known.

use super::super::text::Text;
use super::event::{FileText, put_microseconds};
use crate::chrome::import::LIVES;
use crate::events::lives::Life;
use serde_json::json;

impl FileText {
    /// Appends a life; that of a task has the name of the task.
    pub fn life(&self, life: &Life, task: Option<&str>, text: &mut Text) {
        let (prefix, thread) = self.task(life.task, life.thread);
        let category = if life.function.is_some() { "coroutine" } else { "task" };
        for (phase, time) in [("b", life.begin), ("e", life.end)] {
            text.put(prefix.as_bytes());
            put_microseconds(time, text);
            let id = format!(
                r#","ph":"{phase}","cat":"{category}","id2":{{"local":"{:#x}"}},"scope":{LIVES}"#,
                life.number(life.id)
            );
            text.put(id.as_bytes());
            match life.function {
                Some(function) => text.put(self.bare_name(function)),
                None => {
                    text.put(br#","name":"#);
                    text.put_string(task.unwrap_or_default());
                }
            }
            if phase == "b" {
                text.put(br#","args":"#);
                text.put(arguments(life).to_string().as_bytes());
            }
            text.put(thread.as_bytes());
        }
    }
}

/// What is shown of a life beside its time. Durations are in microseconds, like all times of the trace.
fn arguments(life: &Life) -> serde_json::Value {
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
    let mut arguments = json!({
        "running_us": microseconds(life.running),
        "awaiting_us": microseconds(life.awaiting()),
        "resumes": life.resumes,
        "end": life.how.word(),
    });
    if !life.is_begin_known {
        arguments["begin"] = "unknown".into();
    }
    if life.awaited_by != 0 {
        arguments["awaited_by"] = format!("{:#x}", life.number(life.awaited_by)).into();
    }
    arguments
}
