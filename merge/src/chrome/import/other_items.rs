//! What a document holds besides its events.

use super::{Reading, shown};
use crate::chrome::string::string;
use crate::error::Problem;
use crate::plan::account::{self, Account};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::io;

/// Bytes of the members of a document besides events, source files and what it says of processes.
const MEMBERS_MAX: usize = 16 << 20;

impl Reading<'_> {
    /// Takes a source file.
    pub fn source(&mut self, path: &[u8], source: &[u8]) -> io::Result<()> {
        let is_source = serde_json::from_slice::<(String, u64)>(source).is_ok();
        if let Some(path) = string(path).filter(|_| is_source) {
            let region = self.store.append(source)?;
            self.import.imported.sources.insert(path, region);
        }
        Ok(())
    }

    /// Takes another member of the document.
    pub fn member(&mut self, key: &[u8], value: &[u8]) {
        if key == br#""viztracer_metadata""# && self.metadata(value).is_some() {
            return;
        }
        self.kept += value.len();
        if self.kept > MEMBERS_MAX {
            return self.import.problems.add(Problem::new(format!("left out, too long: {}", shown(key))));
        }
        let (Some(key), Ok(value)) = (string(key), serde_json::from_slice(value)) else {
            return self.import.problems.add(Problem::new(format!("no JSON: {}", shown(value))));
        };
        match (&*key, value) {
            // The report makes this member anew, of all functions.
            ("functions", _) => {}
            (_, value) => drop(self.import.imported.members.insert(key, value)),
        }
    }

    /// Takes the document's metadata, if it is an object. Its processes and threads may be many, so they are read one
    /// by one.
    fn metadata(&mut self, value: &[u8]) -> Option<()> {
        let mut members: HashMap<String, &RawValue> = serde_json::from_slice(value).ok()?;
        self.accounts = members.remove("processes").map(Account::all).unwrap_or_default();
        let threads = self.accounts.iter().flat_map(|account| &account.threads);
        let times: Vec<(i64, i64)> = threads.filter_map(|thread| thread.overwritten_time).collect();
        times.into_iter().for_each(|(since, until)| self.extend_times(since, until));
        self.import.imported.metadata = account::in_order(members);
        Some(())
    }
}
