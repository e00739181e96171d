//! Names of logged events, interned like those of functions. A file keeps its names for good, so only so many are:
//! events with other names carry theirs in the payload.

use crate::recording;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use viztracer_format::names::Function;
use viztracer_format::record::FUNCTION_UNKNOWN;

/// The most names that are interned.
const NAMES_MAX: usize = 4096;
/// The longest name that is interned, in bytes.
const LENGTH_MAX: usize = 200;

/// The ids of names under the rules of this number, see [`recording::rules`].
struct Interned {
    rules: u64,
    ids: Option<HashMap<Box<str>, u32>>,
}

static INTERNED: Mutex<Interned> = Mutex::new(Interned { rules: 0, ids: None });

/// The id of a name; `None` if it gets none. The GIL is held, and nothing here gives it up.
pub fn id(name: &str) -> Option<u32> {
    let mut interned = INTERNED.lock().unwrap_or_else(PoisonError::into_inner);
    let rules = recording::rules();
    if interned.rules != rules {
        *interned = Interned { rules, ids: None };
    }
    let ids = interned.ids.get_or_insert_default();
    if let Some(id) = ids.get(name) {
        return Some(*id);
    }
    if name.len() > LENGTH_MAX || ids.len() >= NAMES_MAX {
        return None;
    }
    let id = recording::function(&Function { name, file: "", line: 0, is_c: false });
    (id != FUNCTION_UNKNOWN).then(|| {
        ids.insert(name.into(), id);
        id
    })
}
