//! Events that a program logs by methods of its tracer. Each is recorded on the calling thread, at once.
//!
//! An event with a name that is interned, and with arguments that are an object, is an INSTANT or a COUNTER record;
//! any other is an OTHER record, whose payload is the event as the Chrome trace format has it.

use super::json::{Json, text};
use super::{names, pair, scale, shown};
use crate::function::Code;
use crate::recording;
use crate::thread::current;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use viztracer_format::clock::Anchor;
use viztracer_format::record::{FUNCTION_UNKNOWN, Kind};
use viztracer_recorder::{Earlier, LoggedEvent, ThreadRecorder};

/// The begin of an instant in the Chrome trace format, up to its name.
const INSTANT_NAME: &str = r#"{"ph":"i","cat":"INSTANT","name":"#;

/// Returns how many bytes a payload of the calling thread may have; `None` if the thread does not log now. May run
/// Python.
fn payload_max(python: Python<'_>) -> Option<usize> {
    current::ensure_own_file(python);
    if recording::current() == 0 || shown::is_showing() {
        return None;
    }
    current::is_recording(python); // the thread gets its recorder
    // SAFETY: reads a number.
    unsafe { current::with_existing(python, |recorder| recorder.payload_max()) }
}

/// Records an event that happens now. What is logged is no call, so it is recorded while the thread is paused, too.
fn log(python: Python<'_>, kind: Kind, function: u32, json: &Json) {
    let log = |recorder: &mut ThreadRecorder| {
        let start = recorder.ticks();
        recorder.log(LoggedEvent { kind, function, start, duration: 0 }, json.as_bytes());
    };
    // SAFETY: `log` runs no Python.
    unsafe { current::with_existing(python, log) };
}

/// Logs an instant with this scope: `g`, `p` or `t`.
pub fn instant(name: &Bound<'_, PyString>, args: Option<&Bound<'_, PyAny>>, scope: &str) {
    let python = name.py();
    let Some(max) = payload_max(python) else { return };
    let name = text(name);
    let args = args.filter(|args| !args.is_none());
    if scope == "t" && args.is_none_or(|args| args.is_instance_of::<PyDict>()) {
        let mut json = Json::new(max);
        if let Some(args) = args {
            json.put_value(args);
        }
        // The id is valid for this recording only, so it is taken last.
        if let Some(id) = names::id(&name) {
            return log(python, Kind::Instant, id, &json);
        }
    }
    log_instant(python, &name, args, scope, max);
}

/// Logs an instant of the process that shows a value, with its text as a part of the name. Runs Python.
pub fn assignment(name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) {
    let python = name.py();
    let Some(max) = payload_max(python) else { return };
    let mut json = Json::new(max);
    json.put(INSTANT_NAME);
    json.put_string_by(|shown| {
        shown.push_str(&text(name));
        shown.push_str(" = ");
        shown::append_text_of(value, None, shown);
        true
    });
    // Asked anew: the value's `repr` may have done anything.
    if payload_max(python).is_some() {
        end_instant(&mut json, None, "p");
        log(python, Kind::Other, FUNCTION_UNKNOWN, &json);
    }
}

fn log_instant(python: Python<'_>, name: &str, args: Option<&Bound<'_, PyAny>>, scope: &str, max: usize) {
    log(python, Kind::Other, FUNCTION_UNKNOWN, &instant_json(name, args, scope, max));
}

/// The text of an instant.
fn instant_json(name: &str, args: Option<&Bound<'_, PyAny>>, scope: &str, max: usize) -> Json {
    let mut json = Json::new(max);
    json.put(INSTANT_NAME);
    json.put_string(name);
    end_instant(&mut json, args, scope);
    json
}

/// Completes the text of an instant that ends with its name.
fn end_instant(json: &mut Json, args: Option<&Bound<'_, PyAny>>, scope: &str) {
    json.put(",\"s\":\"");
    json.put(scope);
    json.put("\",\"args\":");
    match args {
        Some(args) => json.put_value(args),
        None => json.put("null"),
    }
    json.put("}");
}

/// Logs an instant of the process now. Does nothing while nothing is recorded. May run Python.
pub fn instant_now(python: Python<'_>, name: &str) {
    if let Some(max) = payload_max(python) {
        log_instant(python, name, None, "p", max);
    }
}

/// Logs an instant of the process at a time of the monotonic clock, in ns. Does nothing while nothing is recorded. May
/// run Python.
pub fn instant_at(python: Python<'_>, name: &str, time: u64, imported: Anchor) {
    let Some(max) = payload_max(python) else { return };
    let json = instant_json(name, None, "p", max);
    let start = scale::from_now(imported).ticks(time as f64 / 1000.0);
    let log = |recorder: &mut ThreadRecorder| {
        let event = LoggedEvent { kind: Kind::Other, function: FUNCTION_UNKNOWN, start, duration: 0 };
        recorder.log(event, json.as_bytes());
    };
    // SAFETY: `log` runs no Python.
    unsafe { current::with_existing(python, log) };
}

/// Logs the values of a counter.
pub fn counter(name: &Bound<'_, PyString>, args: &Bound<'_, PyAny>) {
    let python = name.py();
    let Some(max) = payload_max(python) else { return };
    let name = text(name);
    log_counter(python, &name, max, args.is_instance_of::<PyDict>(), |json| json.put_value(args));
}

/// Logs a counter with one value, which is a number.
pub fn number(name: &Bound<'_, PyString>, key: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) {
    let python = name.py();
    let Some(max) = payload_max(python) else { return };
    let name = text(name);
    let put_args = |json: &mut Json| {
        json.put("{");
        json.put_string(&text(key));
        json.put(":");
        json.put_value(value);
        json.put("}");
    };
    log_counter(python, &name, max, true, put_args);
}

fn log_counter(python: Python<'_>, name: &str, max: usize, is_object: bool, put_args: impl Fn(&mut Json)) {
    let mut json = Json::new(max);
    if is_object {
        put_args(&mut json);
        // The id is valid for this recording only, so it is taken last.
        if let Some(id) = names::id(name) {
            return log(python, Kind::Counter, id, &json);
        }
        json = Json::new(max);
    }
    json.put(r#"{"ph":"C","name":"#);
    json.put_string(name);
    json.put(",\"args\":");
    put_args(&mut json);
    json.put("}");
    log(python, Kind::Other, FUNCTION_UNKNOWN, &json);
}

/// Logs that an object is created (`N`), deleted (`D`) or has these members (`O`).
pub fn object(
    phase: &Bound<'_, PyAny>,
    id: &Bound<'_, PyAny>,
    name: &Bound<'_, PyAny>,
    args: Option<&Bound<'_, PyAny>>,
) {
    let python = name.py();
    let Some(max) = payload_max(python) else { return };
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
    log(python, Kind::Other, FUNCTION_UNKNOWN, &json);
}

/// Logs an event of the Chrome trace format, as one of the calling thread. Without `ts` it happens now.
pub fn raw(event: &Bound<'_, PyDict>, imported: Anchor) {
    let python = event.py();
    let Some(max) = payload_max(python) else { return };
    let members = members(event);
    let member = |key: &str| members.iter().find(|(name, _)| *text(name) == *key).map(|(_, value)| value.clone());
    let number = |key: &str| member(key).and_then(|value| value.extract::<f64>().ok());
    let string = |key: &str| member(key).and_then(|value| value.cast_into::<PyString>().ok());
    let is_span = string("ph").is_some_and(|phase| phase == "X");
    // A number may be an object of the program's, so that this runs Python.
    let time = number("ts");
    let duration = number("dur").filter(|_| is_span).unwrap_or(0.0);
    let mut json = Json::new(max);
    // The short members come first, so that no long one cuts them off.
    json.put("{\"ph\":");
    json.put_value(&member("ph").unwrap_or_else(|| python.None().into_bound(python)));
    let is_short = |value: &Bound<'_, PyAny>| !value.is_instance_of::<PyDict>();
    for wants_short in [true, false] {
        for (key, value) in &members {
            let key = text(key);
            if matches!(&*key, "ph" | "pid" | "tid" | "ts") || is_short(value) != wants_short {
                continue;
            }
            json.put(",");
            json.put_string(&key);
            json.put(":");
            json.put_value(value);
        }
    }
    json.put("}");
    // The id is valid for this recording only, so it is taken last.
    let function = string("name").filter(|_| is_span).and_then(|name| names::id(&text(&name)));
    match time {
        Some(time) => log_span(python, function, time, duration, &json, imported),
        None => log(python, Kind::Other, function.unwrap_or(FUNCTION_UNKNOWN), &json),
    }
}

/// Logs a block of code that began at a time of the monotonic clock, in microseconds, and ends now. May run Python.
pub fn block(python: Python<'_>, name: &str, start: f64, imported: Anchor) {
    let duration = scale::now(imported) - start;
    let Some(max) = payload_max(python) else { return };
    let mut json = Json::new(max);
    json.put("{\"ph\":\"X\",\"name\":");
    json.put_string(name);
    json.put(",\"dur\":");
    json.put_float(duration);
    json.put(",\"cat\":\"FEE\"}");
    // The id is valid for this recording only, so it is taken last.
    log_span(python, names::id(name), start, duration, &json, imported);
}

/// Records an event that began at a time of the monotonic clock and took a time, both in microseconds.
fn log_span(python: Python<'_>, function: Option<u32>, start: f64, duration: f64, json: &Json, imported: Anchor) {
    let scale = scale::scale(imported);
    let (function, end) = (function.unwrap_or(FUNCTION_UNKNOWN), scale.ticks(start + duration));
    let start = scale.ticks(start);
    let duration = end.saturating_sub(start).min((1 << 56) - 1);
    let log = |recorder: &mut ThreadRecorder| {
        recorder.log(LoggedEvent { kind: Kind::Other, function, start, duration }, json.as_bytes());
    };
    // SAFETY: `log` runs no Python.
    unsafe { current::with_existing(python, log) };
}

/// Returns the members of a dictionary whose keys are strings. Other threads may change the dictionary afterwards.
fn members<'py>(dictionary: &Bound<'py, PyDict>) -> Vec<(Bound<'py, PyString>, Bound<'py, PyAny>)> {
    let mut members = Vec::with_capacity(dictionary.len());
    let mut position = 0;
    while let Some((key, value)) = pair::next(dictionary, &mut position) {
        if let Ok(key) = key.cast_into::<PyString>() {
            members.push((key, value));
        }
    }
    members
}

/// Attaches a member of `args` to the innermost open call of the calling thread.
pub fn attach(key: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) {
    let python = key.py();
    if Code::is_running_elided(python) {
        return; // the innermost open call is another one
    }
    let Some(max) = payload_max(python) else { return };
    let (mut name, mut json) = (Json::new(max), Json::new(max));
    name.put_string(&text(key));
    json.put_value(value);
    attach_json(python, &name, &json, Earlier::Replaced);
}

/// Attaches the text of an assignment to the innermost open call of the calling thread, in a list. Runs Python.
pub fn assignment_in_call(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, line: &Bound<'_, PyAny>) {
    let python = name.py();
    if payload_max(python).is_none() || Code::is_running_elided(python) {
        return;
    }
    let str = python.get_type::<PyString>();
    let [line, name, value] = [line, name, value].map(|value| shown::text_of(value, Some(&str)));
    // Asked anew: the value's `str` may have done anything.
    let Some(max) = payload_max(python) else { return };
    let (mut key, mut json) = (Json::new(max), Json::new(max));
    key.put(r#""exec_steps""#);
    json.put_string(&["(", &line, ") ", &name, " = ", &value].concat());
    attach_json(python, &key, &json, Earlier::Extended);
}

fn attach_json(python: Python<'_>, key: &Json, value: &Json, earlier: Earlier) {
    let attach = |recorder: &mut ThreadRecorder| recorder.attach(key.as_bytes(), value.as_bytes(), earlier);
    // SAFETY: `attach` runs no Python.
    unsafe { current::with_existing(python, attach) };
}

/// Returns what is attached to the innermost open call of the calling thread, as JSON.
pub fn attached(python: Python<'_>) -> Option<Vec<u8>> {
    payload_max(python)?;
    // SAFETY: `attached` runs no Python.
    unsafe { current::with_existing(python, ThreadRecorder::attached) }.flatten()
}
