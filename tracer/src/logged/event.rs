//! Events that a program logs by methods of its tracer. Each is recorded on the calling thread, at once.
//!
//! An event with a name that is interned, and with arguments that are an object, is an INSTANT or a COUNTER record;
//! any other is an OTHER record, whose payload is the event as the Chrome trace format has it.

use super::json::Json;
use super::{names, scale, shown};
use crate::recording;
use crate::thread::current;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use viztracer_format::clock::Anchor;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
use viztracer_recorder::{Earlier, LoggedEvent, ThreadRecorder};

/// Whether the calling thread logs now, and how long its payloads may be. May run Python.
fn payload_max() -> Option<usize> {
    current::settle();
    if recording::current() == 0 || shown::is_showing() {
        return None;
    }
    current::is_recording(); // the thread gets its recorder
    with_recorder(|recorder| recorder.payload_max())
}

/// Runs this with the calling thread's recorder, if it has one; also while the thread is paused, since what is logged
/// is no call. `work` must not run Python.
fn with_recorder<T>(work: impl FnOnce(&mut ThreadRecorder) -> T) -> Option<T> {
    let mut recorder = current::existing(recording::current())?;
    // SAFETY: the calling thread's own recorder in the recording that goes on. The GIL is held, this thread is in no
    // hook's use of the recorder, and `work` neither runs Python nor gives the GIL up.
    Some(work(unsafe { recorder.as_mut() }))
}

/// Records an event that happens now.
fn log(kind: Kind, function: u32, json: &[u8]) {
    with_recorder(|recorder| {
        let start = recorder.ticks();
        recorder.log(LoggedEvent { kind, function, start, duration: 0 }, json);
    });
}

/// Logs an instant with this scope: `g`, `p` or `t`.
pub fn instant(name: &Bound<'_, PyString>, args: Option<&Bound<'_, PyAny>>, scope: &str) {
    let Some(max) = payload_max() else { return };
    let name = super::json::text(name);
    let args = args.filter(|args| !args.is_none());
    let mut json = Json::new(max);
    if scope == "t"
        && args.is_none_or(|args| args.is_instance_of::<PyDict>())
        && let Some(id) = names::id(&name)
    {
        if let Some(args) = args {
            json.put_value(args);
        }
        return log(Kind::Instant, id, json.as_bytes());
    }
    json.put(r#"{"ph":"i","cat":"INSTANT","name":"#);
    json.put_string(&name);
    json.put(",\"s\":\"");
    json.put(scope);
    json.put("\",\"args\":");
    match args {
        Some(args) => json.put_value(args),
        None => json.put("null"),
    }
    json.put("}");
    log(Kind::Other, FUNCTION_UNKNOWN, json.as_bytes());
}

/// Logs the values of a counter.
pub fn counter(name: &Bound<'_, PyString>, args: &Bound<'_, PyAny>) {
    let Some(max) = payload_max() else { return };
    let name = super::json::text(name);
    let mut json = Json::new(max);
    if args.is_instance_of::<PyDict>()
        && let Some(id) = names::id(&name)
    {
        json.put_value(args);
        return log(Kind::Counter, id, json.as_bytes());
    }
    json.put(r#"{"ph":"C","name":"#);
    json.put_string(&name);
    json.put(",\"args\":");
    json.put_value(args);
    json.put("}");
    log(Kind::Other, FUNCTION_UNKNOWN, json.as_bytes());
}

/// Logs that an object is created (`N`), deleted (`D`) or has these members (`O`).
pub fn object(
    phase: &Bound<'_, PyAny>,
    id: &Bound<'_, PyAny>,
    name: &Bound<'_, PyAny>,
    args: Option<&Bound<'_, PyAny>>,
) {
    let Some(max) = payload_max() else { return };
    let mut json = Json::new(max);
    for (key, value) in [("{\"ph\":", phase), (",\"id\":", id), (",\"name\":", name)] {
        json.put(key);
        json.put_value(value);
    }
    if let Some(args) = args.filter(|args| !args.is_none()) {
        json.put(",\"args\":");
        json.put_value(args);
    }
    json.put("}");
    log(Kind::Other, FUNCTION_UNKNOWN, json.as_bytes());
}

/// Logs an event of the Chrome trace format. Process and thread are the calling ones; without `ts` it happens now.
pub fn raw(event: &Bound<'_, PyDict>, imported: Anchor) {
    let Some(max) = payload_max() else { return };
    let member = |key: &str| event.get_item(key).ok().flatten();
    let number = |key: &str| member(key).and_then(|value| value.extract::<f64>().ok());
    let string = |key: &str| member(key).and_then(|value| value.cast_into::<PyString>().ok());
    let is_span = string("ph").is_some_and(|phase| phase == "X");
    let mut json = Json::new(max);
    // The short members come first, so that no long one cuts them.
    json.put("{\"ph\":");
    json.put_value(&member("ph").unwrap_or_else(|| event.py().None().into_bound(event.py())));
    let is_short = |value: &Bound<'_, PyAny>| !value.is_instance_of::<PyDict>();
    for wants_short in [true, false] {
        for (key, value) in event.iter() {
            let Ok(key) = key.cast::<PyString>() else { continue };
            let key = super::json::text(key);
            if matches!(&*key, "ph" | "pid" | "tid" | "ts") || is_short(&value) != wants_short {
                continue;
            }
            json.put(",");
            json.put_string(&key);
            json.put(":");
            json.put_value(&value);
        }
    }
    json.put("}");
    let function = string("name").filter(|_| is_span).and_then(|name| names::id(&super::json::text(&name)));
    let scale = scale::scale(imported);
    let time = number("ts");
    let duration = number("dur").filter(|_| is_span).unwrap_or(0.0);
    with_recorder(|recorder| {
        let start = time.map_or_else(|| recorder.ticks(), |time| scale.ticks(time));
        let end = time.map_or(start, |time| scale.ticks(time + duration));
        let duration = end.saturating_sub(start).min((1 << 56) - 1);
        let function = function.unwrap_or(FUNCTION_UNKNOWN);
        recorder.log(LoggedEvent { kind: Kind::Other, function, start, duration }, json.as_bytes());
    });
}

/// Attaches a member of `args` to the innermost open call of the calling thread.
pub fn attach(key: &Bound<'_, PyString>, value: &Bound<'_, PyAny>, earlier: Earlier) {
    let Some(max) = payload_max() else { return };
    let (mut name, mut json) = (Json::new(max), Json::new(max));
    name.put_string(&super::json::text(key));
    json.put_value(value);
    with_recorder(|recorder| recorder.attach(name.as_bytes(), json.as_bytes(), earlier));
}

/// What is attached to the innermost open call of the calling thread, as JSON.
pub fn attached() -> Option<Vec<u8>> {
    payload_max()?;
    with_recorder(ThreadRecorder::attached).flatten()
}
