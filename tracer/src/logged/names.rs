//! Names of logged events, interned like those of functions. A file keeps its names for good, so their number is
//! limited. An event with another name has it in its payload.

use crate::recording;
use crate::sync::{Mutex, lock};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use viztracer_format::names::Function;
use viztracer_format::record::FUNCTION_UNKNOWN;

/// The most names that are interned.
const NAMES_MAX: usize = 4096;
/// The longest name that is interned, in bytes.
const LENGTH_MAX: usize = 200;

/// The ids of names under the rules of this number, see [`recording::rules`].
struct Interned {
    rules: u64,
    ids: Option<HashMap<Box<str>, u32, FixedState>>,
}

static INTERNED: Mutex<Interned> = Mutex::new(Interned { rules: 0, ids: None });

/// Returns the id of a name; `None` if it gets none. Runs no Python and keeps the GIL.
pub fn id(name: &str) -> Option<u32> {
    let mut interned = lock(&INTERNED);
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
