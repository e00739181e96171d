//! The rules of `--fail_on`, such as `calls>+5%` or `self>+20ms of func ^app\.`.

use super::comparison::{Change, Row};
use super::metric::Metric;
use crate::text::when;
use regex::Regex;
use std::str::FromStr;

/// What people are told of a text that is no rule.
const FORM: &str = "a rule is METRIC>+LIMIT or METRIC<-LIMIT, with calls, self or total, and a limit such as 5%, 100 \
                    (calls) or 20ms (times). It applies to each function and to the whole program, or to what stands \
                    behind: of func REGEX, of program";

/// A change that is not wanted.
#[derive(Clone, Debug)]
pub struct Rule {
    /// As it was given.
    pub text: String,
    /// What is looked at.
    pub metric: Metric,
    /// In which direction it must not change.
    pub direction: Direction,
    limit: Limit,
    scope: Scope,
}

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The head has more.
    Up,
    /// The head has less.
    Down,
}

/// By how much it may change.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Percent(f64),
    /// Calls, or nanoseconds.
    Absolute(u64),
}

/// What it applies to.
#[derive(Clone, Debug)]
enum Scope {
    Everything,
    Program,
    Functions(Regex),
}

impl Rule {
    /// Whether it applies to a row, which may be that of the whole program.
    pub fn applies(&self, row: &Row, is_program: bool) -> bool {
        match &self.scope {
            Scope::Everything => true,
            Scope::Program => is_program,
            Scope::Functions(regex) => !is_program && regex.is_match(&row.name()),
        }
    }

    /// Whether a change is larger than it may be. Any growth from nothing is more than any percentage.
    pub fn is_exceeded(&self, change: &Change) -> bool {
        let by = match self.direction {
            Direction::Up => change.head.above(change.base),
            Direction::Down => change.base.above(change.head),
        };
        match self.limit {
            Limit::Percent(percent) => by.number() > change.base.number() * percent / 100.0,
            Limit::Absolute(limit) => by > limit.into(),
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Rule, String> {
        let (change, scope) = text.split_once(" of ").unwrap_or((text, ""));
        let scope = match scope.trim_start().split_once(' ') {
            None if scope.is_empty() => Scope::Everything,
            None if scope.trim() == "program" => Scope::Program,
            // Such as an empty variable of a shell, which would match all functions.
            Some(("func", regex)) if regex.trim().is_empty() => return Err(FORM.to_owned()),
            Some(("func", regex)) => Scope::Functions(regex.trim().parse().map_err(|error| format!("{error}"))?),
            _ => return Err(FORM.to_owned()),
        };
        let (metric, direction, limit) = parts(change).ok_or(FORM)?;
        let limit = limit.trim();
        let limit = match (limit.strip_suffix('%'), metric.is_time()) {
            (Some(percent), _) => percent
                .trim()
                .parse()
                .ok()
                .filter(|percent: &f64| *percent >= 0.0 && percent.is_finite())
                .map(Limit::Percent),
            (None, false) => limit.parse().ok().map(Limit::Absolute),
            (None, true) => {
                let duration = when::parse_duration(limit)?;
                Some(Limit::Absolute(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
            }
        };
        Ok(Rule { text: text.to_owned(), metric, direction, limit: limit.ok_or(FORM)?, scope })
    }
}

/// The metric, the direction and the rest of `calls > +5%`.
fn parts(change: &str) -> Option<(Metric, Direction, &str)> {
    let at = change.find(['<', '>'])?;
    let (metric, rest) = change.split_at(at);
    let metric = Metric::ALL.into_iter().find(|known| known.name() == metric.trim())?;
    let signed = rest.get(1..)?.trim_start();
    match rest.starts_with('>') {
        true => Some((metric, Direction::Up, signed.strip_prefix('+')?)),
        false => Some((metric, Direction::Down, signed.strip_prefix('-')?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn exceeds(text: &str, base: u64, head: u64) -> bool {
        rule(text).is_exceeded(&Change { base: base.into(), head: head.into(), p: None })
    }

    #[test]
    fn a_limit_may_be_reached_and_not_exceeded() {
        assert!(!exceeds("calls>+5%", 100, 105) && exceeds("calls>+5%", 100, 106));
        assert!(!exceeds("calls>+5%", 100, 50) && !exceeds("calls>+0%", 7, 7) && exceeds("calls>+0%", 7, 8));
        assert!(!exceeds("calls > +10", 100, 110) && exceeds("calls > +10", 100, 111));
        assert!(!exceeds("calls<-5%", 100, 95) && exceeds("calls<-5%", 100, 94) && !exceeds("calls<-5%", 100, 200));
        assert!(!exceeds("self>+20ms", 0, 20_000_000) && exceeds("self>+20ms", 0, 20_000_001));
        assert!(exceeds("total>+1s 500ms", 1, 1_500_000_002));
        assert!(!exceeds("total>+0.5%", 1000, 1005) && exceeds("total>+0.5%", 1000, 1006));
        assert!(exceeds("calls>+1000%", 0, 1) && !exceeds("calls>+1000%", 0, 0) && !exceeds("calls<-1%", 0, 0));
        assert!(exceeds("calls>+1%", 1, u64::MAX) && !exceeds("calls>+1%", u64::MAX, u64::MAX));
    }

    #[test]
    fn what_a_rule_applies_to() {
        let applies = |text: &str, name: &str, is_program| {
            let function = viztracer_format::names::Function { name, file: "/x/a.py", line: 7, is_c: false };
            rule(text).applies(&Row::sample(&function), is_program)
        };
        assert!(applies("calls>+5%", "f", false) && applies("calls>+5%", "f", true));
        assert!(!applies("calls>+5% of program", "f", false) && applies("calls>+5% of program", "f", true));
        assert!(applies("calls>+5% of func ^f ", "f", false) && !applies("calls>+5% of func ^f", "f", true));
        assert!(applies("calls>+5% of func a\\.py:7\\)$", "g", false) && !applies("self>+5% of func ^f", "g", false));
        assert!(applies("calls>+5% of func one of two", "one of two", false));
    }

    #[test]
    fn texts_that_are_no_rules() {
        for text in [
            "",
            "calls",
            "calls>5%",
            "calls>-5%",
            "calls<+5%",
            "calls>=+5%",
            "calls>+",
            "calls>+x%",
            "calls>+-5%",
            "calls>+5ms",
            "calls>+NaN%",
            "calls>+inf%",
            "calls>+1e999%",
            "calls>+5.5",
            "self>+5",
            "self>+5parsecs",
            "self>+",
            "time>+5%",
            "calls>+5% of",
            "calls>+5% of f",
            "calls>+5% of func",
            "calls>+5% of func ",
            "calls>+5% of func   ",
            "calls>+5% of func (",
            "calls>+5% of program f",
        ] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }
}
