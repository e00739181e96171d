//! The summary as a report's `viztracer_metadata`.

use super::{FileSummary, Summary, ThreadSummary};
use crate::align::barrier::PlacedHost;
use crate::align::{Method, Zero};
use crate::plan::ending::Ending;
use crate::text::display;
use serde_json::{Map, Value, json};

impl Summary {
    /// The report's `viztracer_metadata`, as text.
    pub(crate) fn metadata(&self) -> String {
        let mut metadata = Value::Object(self.members.clone());
        metadata["version"] = json!(env!("CARGO_PKG_VERSION"));
        metadata["overflow"] = json!(self.overwritten() > 0 || self.members.get("overflow") == Some(&json!(true)));
        if self.base_realtime != 0 {
            metadata["baseTimeNanoseconds"] = json!(self.base_realtime);
        }
        if let Some(boot_id) = self.zero.boot.id() {
            let Zero { monotonic_offset, monotonic, .. } = self.zero;
            metadata["clock"] =
                json!({ "boot_id": boot_id, "monotonic_offset": monotonic_offset, "monotonic": monotonic });
        }
        metadata["alignment"] = match self.method {
            Method::Monotonic => json!({ "method": "monotonic clock" }),
            Method::Start => json!({ "method": "start" }),
            Method::WallClock { uncertainty } => json!({ "method": "wall clock", "uncertainty_ns": uncertainty }),
            Method::Barrier { uncertainty } => json!({
                "method": "barrier",
                "uncertainty_ns": uncertainty,
                "hosts": self.hosts.iter().map(placed).collect::<Vec<_>>(),
            }),
        };
        if !self.warnings.is_empty() {
            metadata["warnings"] = json!(self.warnings);
        }
        let mut text = String::new();
        put_with_list(&metadata, "processes", self.files.iter(), FileSummary::put_metadata, &mut text);
        text
    }
}

/// A machine that a barrier has placed.
fn placed(host: &PlacedHost) -> Value {
    json!({
        "boot_id": host.boot.id(),
        "host": host.name,
        "file": display::path(&host.path),
        "files": host.files,
        "calls": host.calls,
        "uncertainty_ns": host.fit.uncertainty,
        "drift_ppm": host.fit.drift * 1e6,
        "drift_error_ppm": host.fit.drift_error * 1e6,
    })
}

/// Appends an object, with a list as its last member. The list never is a value: there may be very many threads.
fn put_with_list<T>(
    object: &Value,
    name: &str,
    items: impl Iterator<Item = T>,
    put: impl Fn(T, &mut String),
    text: &mut String,
) {
    *text += &object.to_string();
    text.truncate(text.len() - 1);
    *text += &format!(",\"{name}\":[");
    for (index, item) in items.enumerate() {
        *text += if index == 0 { "" } else { "," };
        put(item, text);
    }
    *text += "]}";
}

impl FileSummary {
    fn put_metadata(&self, text: &mut String) {
        let mut metadata = Map::new();
        metadata.insert("pid".into(), self.pid.into());
        metadata.insert("name".into(), json!(self.process));
        metadata.insert("state".into(), json!(self.state_word));
        if self.ending_word != Ending::Untold.word() {
            metadata.insert("ending".into(), json!(self.ending_word));
        }
        for (name, number) in [
            ("lost", self.lost),
            ("gaps", self.gaps),
            ("forgotten_threads", self.forgotten_threads),
            ("forgotten_events", self.forgotten_events),
            ("failure", self.failure),
            ("damaged", self.damaged()),
        ] {
            if number > 0 {
                metadata.insert(name.into(), number.into());
            }
        }
        self.account.put(&mut metadata);
        let threads = self.threads.iter().enumerate();
        let put = |(index, thread): (usize, &ThreadSummary), text: &mut String| {
            *text += &self.thread_metadata(index, thread).to_string();
        };
        put_with_list(&Value::Object(metadata), "threads", threads, put, text);
    }

    fn thread_metadata(&self, index: usize, thread: &ThreadSummary) -> Value {
        let account = self.account.threads.get(index).cloned().unwrap_or_default();
        let mut metadata = json!({
            "tid": thread.tid as u32,
            "name": thread.name,
            "events": thread.events,
            "overwritten": thread.overwritten,
            "lost": thread.lost,
            "unfinished": thread.unfinished,
        });
        if let Some(time) = &thread.overwritten_time {
            metadata["overwritten_since_ns"] = time.start.into();
            metadata["overwritten_until_ns"] = time.end.into();
        }
        for (name, number) in [("left_out", thread.left_out), ("too_deep", thread.too_deep)] {
            if number > 0 {
                metadata[name] = json!(number.saturating_add(account.earlier(name)));
            }
        }
        if let Value::Object(metadata) = &mut metadata {
            account.put(metadata);
        }
        metadata
    }
}
