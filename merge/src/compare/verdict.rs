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
        verdict.undecided.push(too_few_runs(comparison));
        return verdict;
    }
    let mut undecided = 0_u64;
    for row in rows {
        match finding(rule, row) {
            Finding::Broken => verdict.broken.push(row),
            Finding::Undecided => undecided += 1,
            Finding::Kept => {}
        }
    }
    if undecided > 0 {
        let functions = if undecided == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(undecided)) };
        verdict.undecided.push(format!("not all calls are recorded, which may decide about {functions}"));
    }
    verdict
}

/// Why times of so many runs have no verdict.
pub fn too_few_runs(comparison: &Comparison) -> String {
    match (comparison.runs.base.len(), comparison.runs.head.len()) {
        (1, 1) => {
            "times of one run on each side have no verdict: compare several runs, at least 4 on each side".to_owned()
        }
        (base, head) => format!(
            "times of {base} and {head} runs have no verdict: chance makes any difference in 1 of 20 cases or more. \
             Compare at least 4 runs on each side"
        ),
    }
}

fn finding(rule: &Rule, row: &Row) -> Finding {
    let change = row.change(rule.metric);
    let is_exceeded = rule.is_exceeded(&change);
    let unsure = row.samples.map(|samples| samples.is_unsure(rule.metric));
    if rule.metric.is_time() {
        let is_significant = change.p.is_some_and(|p| p < SIGNIFICANT);
        return match (unsure.base || unsure.head, is_exceeded && is_significant) {
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
