//! The functions of a document, which it names at each of their calls.

use super::failure::{Failure, refused};
use crate::chrome::string::string;
use crate::plan::imported::{Imported, Name};
use std::collections::HashMap;

/// Bytes of the names of a document's calls.
const NAMES_MAX: usize = 32 << 20;
/// The category of calls in our reports and VizTracer's.
const CALL: &[u8] = b"\"FEE\"";

/// The functions that were named so far.
#[derive(Debug, Default)]
pub struct Functions {
    /// Ids, by the name as it is written.
    ids: HashMap<Box<[u8]>, u32>,
    /// Bytes of these names.
    bytes: usize,
}

impl Functions {
    /// The id of the function with this name, as it is written. A new one is noted in `imported`, with the category of
    /// its first event.
    pub fn id(&mut self, written: &[u8], category: Option<&[u8]>, imported: &mut Imported) -> Result<u32, Failure> {
        if let Some(id) = self.ids.get(written) {
            return Ok(*id);
        }
        let Some(name) = string(written) else { return Err(Failure::NotJson) };
        self.bytes += written.len() + category.map_or(0, <[u8]>::len);
        if self.bytes > NAMES_MAX {
            return refused("too many different names of calls");
        }
        let id = self.ids.len() as u32;
        self.ids.insert(written.into(), id);
        imported.functions.push(Name::of(&name));
        if category != Some(CALL) {
            imported.categories.insert(id, category.and_then(string).unwrap_or_default());
        }
        Ok(id)
    }
}
