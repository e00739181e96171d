//! What a page says of the two sides that it compares.

use crate::report::functions::InternedFunctions;
use crate::text::display::grouped;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The sides of a report that compares runs.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// By file, what its process is called: `base`, or `head 2` if the side has several runs.
    pub labels: Vec<String>,
    /// By file, whether it is one of the head.
    pub is_head: Vec<bool>,
    /// How many runs the base and the head have.
    pub runs: [usize; 2],
    /// The modules of source files. Functions of one name in one module match.
    pub modules: HashMap<String, String>,
}

impl Sides {
    /// The title of a page.
    pub fn title(&self) -> String {
        let runs = |count| format!("{} run{}", grouped(count as u64), if count == 1 { "" } else { "s" });
        let [base, head] = self.runs;
        format!("Comparison: base ({}), head ({})", runs(base), runs(head))
    }

    /// What the header of a page says of them.
    pub fn header(&self, interned: &InternedFunctions) -> Value {
        let mut first: HashMap<(&str, &str), usize> = HashMap::new();
        let same = interned.iter().enumerate().map(|(index, function)| {
            let module = self.modules.get(&*function.file).map_or(&*function.file, String::as_str);
            *first.entry((module, &*function.name)).or_insert(index)
        });
        json!({ "runs": self.runs, "isHead": self.is_head, "same": same.collect::<Vec<_>>() })
    }
}
