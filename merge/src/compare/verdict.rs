//! What rules say of a comparison.
//!
//! Numbers may be smaller than what happened: calls were overwritten or lost, or a function was called too often to
//! record all its calls. A rule is broken only if it is broken whatever is missing. Where what is missing decides, or
//! where a time may contain that of calls that are not recorded, there is no verdict, and that is said.

use super::comparison::{Comparison, Row};
use super::rank_test::SIGNIFICANT;
use super::rule::{Direction, Rule};
use crate::text::display::grouped;

/// What a rule says.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Rows that break it.
    pub broken: Vec<&'a Row>,
    /// Why some rows, or all, have no verdict.
    pub undecided: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Kept,
    Broken,
    Undecided,
}

impl Verdict<'_> {
    /// The verdict in a word.
    pub fn word(&self) -> &'static str {
        match (self.broken.is_empty(), self.undecided.is_empty()) {
            (false, _) => "broken",
            (true, false) => "undecided",
            (true, true) => "kept",
        }
    }
}

/// What each rule says of a comparison.
pub fn verdicts<'a>(comparison: &'a Comparison, rules: &'a [Rule]) -> Vec<Verdict<'a>> {
    rules.iter().map(|rule| verdict(comparison, rule)).collect()
}

fn verdict<'a>(comparison: &'a Comparison, rule: &'a Rule) -> Verdict<'a> {
    let mut verdict = Verdict { rule, broken: Vec::new(), undecided: Vec::new() };
    let program = Some(&comparison.program).filter(|row| rule.applies(row, true));
    let functions = comparison.rows.iter().filter(|row| rule.applies(row, false));
    let rows: Vec<&Row> = program.into_iter().chain(functions).collect();
    if rows.is_empty() {
        verdict.undecided.push("no function matches".to_owned());
        return verdict;
    }
    if rule.metric.is_time() && !comparison.has_enough_runs() {
        verdict.undecided.push(comparison.too_few_runs());
        return verdict;
    }
    let mut undecided = Vec::new();
    for row in rows {
        match finding(rule, row) {
            Finding::Broken => verdict.broken.push(row),
            Finding::Undecided => undecided.push(row),
            Finding::Kept => {}
        }
    }
    if !undecided.is_empty() {
        verdict.undecided.push(format!("not certain for {}, as calls may be missing", named(&undecided)));
    }
    if verdict.broken.is_empty() {
        // A rule that is kept since nothing was looked at says nothing.
        verdict.undecided.extend(comparison.sides_without_calls());
    }
    verdict
}

/// `the program and 2 functions`.
pub fn named(rows: &[&Row]) -> String {
    let functions = rows.iter().filter(|row| !row.is_program()).count() as u64;
    let functions = (functions > 0).then(|| match functions {
        1 => "1 function".to_owned(),
        many => format!("{} functions", grouped(many)),
    });
    let program = rows.iter().any(|row| row.is_program()).then(|| "the program".to_owned());
    program.into_iter().chain(functions).collect::<Vec<_>>().join(" and ")
}

fn finding(rule: &Rule, row: &Row) -> Finding {
    let change = row.change(rule.metric);
    let is_exceeded = rule.is_exceeded(&change);
    let unsure = row.samples.map(|samples| samples.is_unsure(rule.metric));
    if rule.metric.is_time() {
        let Some(p) = change.p else { return Finding::Undecided };
        return match (unsure.base || unsure.head, is_exceeded && p < SIGNIFICANT) {
            (true, _) => Finding::Undecided,
            (false, true) => Finding::Broken,
            (false, false) => Finding::Kept,
        };
    }
    // With more calls on this side than are known, the change would be even larger; on the other one, smaller.
    let (larger, smaller) = match rule.direction {
        Direction::Up => (unsure.head, unsure.base),
        Direction::Down => (unsure.base, unsure.head),
    };
    match (is_exceeded, larger, smaller) {
        (true, _, false) => Finding::Broken,
        (false, false, _) => Finding::Kept,
        _ => Finding::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Both;
    use viztracer_format::names::Function;

    fn of(rule: &str, (base, base_is_least): (u64, bool), (head, head_is_least): (u64, bool)) -> Finding {
        let mut row = Row::sample(&Function { name: "f", file: "/x/a.py", line: 7, is_c: false });
        let Both { base: of_base, head: of_head } = &mut row.samples;
        (of_base.calls, of_base.is_least) = (vec![base], base_is_least);
        (of_head.calls, of_head.is_least) = (vec![head], head_is_least);
        finding(&rule.parse().unwrap(), &row)
    }

    #[test]
    fn what_is_missing_must_not_decide() {
        const UP: &str = "calls>+5%";
        assert_eq!(of(UP, (100, false), (106, false)), Finding::Broken);
        assert_eq!(of(UP, (100, false), (106, true)), Finding::Broken);
        assert_eq!(of(UP, (100, true), (106, false)), Finding::Undecided);
        assert_eq!(of(UP, (100, true), (106, true)), Finding::Undecided);
        assert_eq!(of(UP, (100, false), (100, false)), Finding::Kept);
        assert_eq!(of(UP, (100, true), (100, false)), Finding::Kept);
        assert_eq!(of(UP, (100, false), (100, true)), Finding::Undecided);
        const DOWN: &str = "calls<-5%";
        assert_eq!(of(DOWN, (100, true), (90, false)), Finding::Broken);
        assert_eq!(of(DOWN, (100, false), (90, true)), Finding::Undecided);
        assert_eq!(of(DOWN, (100, true), (100, false)), Finding::Undecided);
        assert_eq!(of(DOWN, (100, false), (100, true)), Finding::Kept);
    }
}
