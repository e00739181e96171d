//! What `/proc/PID/stat` says of a process (proc_pid_stat(5)), as far as a ring file needs it: the header names its
//! process by pid and start time.

/// The state and the start of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// The state, field 3: a letter such as `R`.
    pub state: char,
    /// When it started, in clock ticks since boot: field 22, and [`Identity::process_start`].
    ///
    /// [`Identity::process_start`]: crate::header::Identity::process_start
    pub start: u64,
}

impl ProcessStat {
    /// Parses the text of `/proc/PID/stat`; `None` if a field is missing. The command's name, field 2, may hold spaces
    /// and parentheses, so the fields are counted from the last `)` on.
    pub fn parse(text: &str) -> Option<ProcessStat> {
        let (_, after_name) = text.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let start = fields.nth(18)?.parse().ok()?;
        Some(ProcessStat { state, start })
    }

    /// Whether the process has ended, though its parent may not have waited for it yet.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 2";
        assert_eq!(ProcessStat::parse(text), Some(ProcessStat { state: 'S', start: 98765 }));
        assert!(!ProcessStat::parse(text).unwrap().has_ended());
        assert!(ProcessStat::parse(&text.replace(" S ", " Z ")).unwrap().has_ended());
        assert_eq!(["", "7 (a) S", "7 (a"].map(ProcessStat::parse), [None; 3]);
    }
}
