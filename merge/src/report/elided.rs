//! Says which functions were called too often to record all their calls, so that numbers of them are "at least".

use crate::plan::elided::{ElidedFunction, ElidedSince};
use crate::plan::estimate::{About, Estimates};
use crate::text::display::{grouped, printable};
use std::collections::BTreeSet;

/// Functions that a line names.
const NAMED: usize = 2;
/// Functions that the note of a table names.
const NAMED_IN_NOTE: usize = 20;

/// Says of a process of which functions not all calls are recorded, and of which not all of their C functions.
pub fn words<T>(elided: &ElidedSince<T>, estimates: &Estimates) -> Vec<String> {
    let (whole, only_c) = names(elided.keys());
    let mut words = Vec::new();
    if !whole.is_empty() {
        let (were, their) = if whole.len() == 1 { ("function was", "its") } else { ("functions were", "their") };
        let (count, named) = (grouped(whole.len() as u64), listed(&whole, NAMED));
        words.push(format!(
            "{count} {were} called too often to record all {their} calls (--max_overhead): {named}; {their} time, and \
             that of C functions called there, counts for {their} callers"
        ));
    }
    let useful = estimates.iter().filter(|(_, about)| about.is_useful());
    let about = |(of, about): (&ElidedFunction, &About)| {
        format!("{} about {} ±{}%", printable(&of.name), about.rounded(), about.percent())
    };
    let abouts: Vec<String> = useful.map(about).collect();
    if !abouts.is_empty() {
        words.push(format!("calls that are not recorded, estimated: {}", listed(&abouts, NAMED)));
    }
    if !only_c.is_empty() {
        let (functions, them) = if only_c.len() == 1 { ("function", "it") } else { ("functions", "them") };
        let (count, named) = (grouped(only_c.len() as u64), listed(&only_c, NAMED));
        words.push(format!(
            "{count} {functions} may have called C functions that are not recorded (--max_overhead): {named}; their \
             time counts for {them}"
        ));
    }
    words
}

/// What a table says below its rows.
pub fn notes<'a>(elided: impl Iterator<Item = &'a ElidedFunction>) -> Vec<String> {
    let (whole, only_c) = names(elided);
    let mut notes = Vec::new();
    if !whole.is_empty() {
        let named = listed(&whole, NAMED_IN_NOTE);
        notes.push(format!(
            ">=: called too often to record all calls (--max_overhead): {named}. The time of calls that are not \
             recorded is self time of their callers, and what they called is shown as called by these."
        ));
    }
    let callers: Vec<String> = whole.into_iter().chain(only_c).collect();
    if !callers.is_empty() {
        let calls = if callers.len() == 1 { "calls" } else { "call" };
        let named = listed(&callers, NAMED_IN_NOTE);
        notes.push(format!(
            "C functions that {named} {calls} may not all be recorded; their time is self time of the recorded calls \
             around them."
        ));
    }
    notes
}

/// The names of functions of which not all calls are recorded, then of others of which not all C functions are.
fn names<'a>(elided: impl Iterator<Item = &'a ElidedFunction>) -> (Vec<String>, Vec<String>) {
    let (only_c, whole): (BTreeSet<_>, BTreeSet<_>) = elided.partition(|one| one.only_c_calls);
    let is_whole = |one: &ElidedFunction| whole.contains(&ElidedFunction { only_c_calls: false, ..one.clone() });
    let name = |one: &ElidedFunction| printable(&one.name);
    let only_c = only_c.iter().filter(|one| !is_whole(one)).map(|one| name(one)).collect();
    (whole.iter().map(|one| name(one)).collect(), only_c)
}

/// `fib, leaf and 1 other`.
fn listed(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        1 => format!("{shown} and 1 other"),
        others => format!("{shown} and {} others", grouped(others as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viztracer_format::names::Function;

    #[test]
    fn notes_of_tables() {
        let one = |(name, only_c): &(&str, bool)| {
            ElidedFunction::of(&Function { name, file: "a.py", line: 1, is_c: false }, *only_c)
        };
        let notes_of = |of: &[(&str, bool)]| {
            let elided: Vec<_> = of.iter().map(one).collect();
            notes(elided.iter())
        };
        assert!(notes_of(&[]).is_empty());
        let notes = notes_of(&[("f", false), ("g", true)]);
        assert!(notes[0].starts_with(">=: called too often to record all calls (--max_overhead): f. "));
        assert!(notes[1].starts_with("C functions that f, g call may not all be recorded"));
        assert!(notes_of(&[("g", true)])[0].starts_with("C functions that g calls may not all be recorded"));
        let many: Vec<String> = (10..40).map(|n| format!("f{n}")).collect();
        let many: Vec<(&str, bool)> = many.iter().map(|name| (&**name, false)).collect();
        assert!(notes_of(&many)[0].contains("f28, f29 and 10 others."));
    }
}
