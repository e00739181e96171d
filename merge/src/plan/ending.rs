//! How a process ended, in the words that all reports use.

use crate::input::ring::{Input, State};
use crate::plan::frames::OpenFrame;
use crate::plan::names;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use viztracer_format::header::{ENDING_EXEC, ENDING_EXIT, ENDING_LEFT, ENDING_SIGNAL, Header};

/// How a process ended, as far as its file shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It has not.
    Running,
    /// Its recording was closed while it went on.
    Stopped,
    /// The interpreter ended in order.
    Exited,
    /// `os._exit`.
    Left,
    /// exec.
    Replaced,
    /// A signal, of this number.
    Signal(u8),
    /// With this exit status, as its parent has learned: the process itself has not said anything, as after `_exit` in
    /// C code.
    Status(u8),
    /// Nothing is known, as after SIGKILL when the parent is not traced.
    Silent,
    /// The input does not say it.
    Untold,
}

const RUNNING: &str = "running";
const STOPPED: &str = "stopped";
const EXITED: &str = "exited";
const LEFT: &str = "left by os._exit";
const REPLACED: &str = "became another program (exec)";
const SILENT: &str = "ended without a word";
const KILLED: &str = "killed by SIGKILL";
const UNTOLD: &str = "not told";
/// Why a process may end without a word.
const REASONS: &str = " (SIGKILL, or _exit or exec in C code)";

/// Linux's numbers (signal(7), x86 and ARM), from 1 on.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];
const SIGKILL: u8 = 9;
/// Signals of faults in the process itself.
const CRASHES: [&str; 7] = ["ILL", "TRAP", "ABRT", "BUS", "FPE", "SEGV", "SYS"];

/// C functions in which a process becomes another program.
const EXEC: [&str; 2] = ["posix.execv", "posix.execve"];
/// What a child has open from its parent until it becomes another program, if `subprocess` has forked it (the second
/// one where C functions are not recorded), or uvloop for `asyncio`, in C code that is not recorded.
const FORK_EXEC: [&str; 5] = [
    "_posixsubprocess.fork_exec",
    "Popen._execute_child",
    "_execute_child",
    "create_subprocess_exec",
    "create_subprocess_shell",
];

impl Ending {
    /// What the header of a ring file says. A process that has said how it ends may still run until its report is
    /// written.
    pub fn of(header: &Header, state: State) -> Ending {
        match (state, header.ending & 0xff) {
            (_, ENDING_EXIT) => Ending::Exited,
            (_, ENDING_LEFT) => Ending::Left,
            (_, ENDING_EXEC) => Ending::Replaced,
            (_, ENDING_SIGNAL) => Ending::Signal((header.ending >> 8) as u8),
            (State::Living, _) => Ending::Running,
            (State::Sealed, _) => Ending::Stopped,
            (State::Crashed, _) => Ending::Silent,
            (State::Unknown, _) => Ending::Untold,
        }
    }

    /// What the header says, or if it says nothing, what the open calls show.
    pub fn read(input: &Input, state: State, frames: &[OpenFrame], segments: &[u32]) -> Ending {
        match Ending::of(&input.header, state) {
            Ending::Silent if !frames.is_empty() => Ending::of_frames(input, frames, segments),
            ending => ending,
        }
    }

    fn of_frames(input: &Input, frames: &[OpenFrame], segments: &[u32]) -> Ending {
        let innermost: BTreeMap<u32, &OpenFrame> = frames.iter().map(|frame| (frame.thread, frame)).collect();
        let mut by_function: HashMap<u32, Ending> = HashMap::new();
        let is_inherited = |id| innermost.values().any(|frame| frame.function == id && frame.inherited);
        names::functions(input, segments, |id, function| {
            let ending = match function.name {
                "posix._exit" if function.is_c => Ending::Left,
                name if function.is_c && EXEC.contains(&name) => Ending::Replaced,
                name if FORK_EXEC.contains(&name) && is_inherited(id) => Ending::Replaced,
                _ => return,
            };
            by_function.insert(id, ending);
        });
        innermost.values().find_map(|frame| by_function.get(&frame.function).copied()).unwrap_or(Ending::Silent)
    }

    /// What a status of waitpid(2) means (the same on all platforms); `None` if it is no end, or no status.
    pub fn of_wait(status: u64) -> Option<Ending> {
        match (status & 0x7f, (status >> 8 & 0xff) as u8) {
            _ if status > 0xffff => None,
            (0, code) => Some(Ending::Status(code)),
            (0x7f, _) => None, // stopped, or continued
            (signal, _) => Some(Ending::Signal(signal as u8)),
        }
    }

    /// Whether the process has not said how it ends. Its parent may know more.
    pub fn is_unsaid(self) -> bool {
        matches!(self, Ending::Running | Ending::Silent)
    }

    /// Whether the process may have run on after the last event known of it, as it could not record its end.
    pub fn is_sudden(self) -> bool {
        matches!(self, Ending::Silent | Ending::Status(_) | Ending::Signal(SIGKILL))
    }

    /// In a table, and as data.
    pub fn word(self) -> Cow<'static, str> {
        match self {
            Ending::Running => RUNNING.into(),
            Ending::Stopped => STOPPED.into(),
            Ending::Exited => EXITED.into(),
            Ending::Left => LEFT.into(),
            Ending::Replaced => REPLACED.into(),
            Ending::Signal(SIGKILL) => KILLED.into(),
            Ending::Status(status) => format!("exited with status {status} without a word").into(),
            Ending::Signal(number) if self.is_crash() => format!("crashed by {}", signal(number)).into(),
            Ending::Signal(number) => format!("ended by {}", signal(number)).into(),
            Ending::Silent => SILENT.into(),
            Ending::Untold => UNTOLD.into(),
        }
    }

    /// In a sentence that says no more than this.
    pub fn words(self) -> String {
        match self {
            Ending::Silent => format!("{SILENT}{REASONS}"),
            Ending::Running => "is still running".to_owned(),
            _ => self.word().into_owned(),
        }
    }

    /// What [`Ending::word`] gives for it; [`Ending::Untold`] for other texts.
    pub fn of_word(word: &str) -> Ending {
        let known = [Ending::Running, Ending::Stopped, Ending::Exited, Ending::Left, Ending::Replaced, Ending::Silent];
        let numbered = (0..=u8::MAX).flat_map(|number| [Ending::Signal(number), Ending::Status(number)]);
        known.into_iter().chain(numbered).find(|ending| ending.word() == word).unwrap_or(Ending::Untold)
    }

    /// Whether something went wrong in the process.
    pub fn is_crash(self) -> bool {
        matches!(self, Ending::Signal(number) if name(number).is_some_and(|name| CRASHES.contains(&name)))
    }

    /// Whether this is taken for the end that a program gives to its workers, as pools do: by a signal such as SIGTERM.
    pub fn is_dismissal(self, is_worker: bool) -> bool {
        is_worker && matches!(self, Ending::Signal(_)) && !self.is_crash() && !self.is_sudden()
    }

    /// Whether the process did not end normally: it crashed or was killed, or nobody knows why it ended. Workers that
    /// their program dismisses end normally.
    pub fn is_abnormal(self, is_worker: bool) -> bool {
        match self {
            Ending::Silent => true,
            Ending::Signal(_) => !self.is_dismissal(is_worker),
            Ending::Status(status) => status != 0,
            Ending::Running | Ending::Stopped | Ending::Exited | Ending::Left | Ending::Replaced | Ending::Untold => {
                false
            }
        }
    }

    /// Whether the process has ended, and not by its own will.
    pub fn is_death(self) -> bool {
        matches!(self, Ending::Signal(_) | Ending::Silent)
    }
}

fn name(number: u8) -> Option<&'static str> {
    SIGNALS.get(usize::from(number).wrapping_sub(1)).copied()
}

fn signal(number: u8) -> String {
    name(number).map_or_else(|| format!("signal {number}"), |name| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::small;

    fn header(ending: u64) -> Header {
        let page = small(1).bytes(false);
        Header { ending, ..Header::parse(&page).unwrap() }
    }

    #[test]
    fn what_the_header_says() {
        let of = |ending, state| Ending::of(&header(ending), state);
        assert_eq!(of(0, State::Crashed).words(), "ended without a word (SIGKILL, or _exit or exec in C code)");
        assert_eq!(of(0, State::Sealed).word(), "stopped");
        assert_eq!(of(1, State::Sealed).word(), "exited");
        assert_eq!(of(2, State::Crashed).word(), "left by os._exit");
        assert_eq!(of(3, State::Crashed).word(), "became another program (exec)");
        assert_eq!(of(4 | 15 << 8, State::Crashed).word(), "ended by SIGTERM");
        assert_eq!(of(4 | 11 << 8, State::Crashed).word(), "crashed by SIGSEGV");
        assert_eq!(of(4 | 34 << 8, State::Crashed).word(), "ended by signal 34");
        assert_eq!(of(u64::MAX, State::Crashed), Ending::Silent);
        assert_eq!(of(4 | 15 << 8, State::Living).word(), "ended by SIGTERM");
        assert_eq!(of(0, State::Living), Ending::Running);
    }

    #[test]
    fn what_a_parent_has_learned() {
        let of = |status| Ending::of_wait(status).map(|ending| ending.word().into_owned());
        assert_eq!(of(0).as_deref(), Some("exited with status 0 without a word"));
        assert_eq!(of(3 << 8).as_deref(), Some("exited with status 3 without a word"));
        assert_eq!(of(9).as_deref(), Some("killed by SIGKILL"));
        assert_eq!(of(15).as_deref(), Some("ended by SIGTERM"));
        assert_eq!(of(11 | 0x80).as_deref(), Some("crashed by SIGSEGV"), "with a core");
        for no_end in [0x7f | 19 << 8, 0xffff, 0x1_0000, 9 << 32, u64::MAX] {
            assert_eq!(of(no_end), None, "{no_end:#x}");
        }
    }

    #[test]
    fn what_is_not_normal() {
        let is_abnormal = |ending: Ending| [false, true].map(|is_worker| ending.is_abnormal(is_worker));
        for ending in [Ending::Silent, Ending::Signal(9), Ending::Signal(11), Ending::Status(3)] {
            assert_eq!(is_abnormal(ending), [true, true], "{ending:?}");
        }
        assert_eq!(is_abnormal(Ending::Signal(15)), [true, false], "a pool ends its workers by SIGTERM");
        for ending in [Ending::Exited, Ending::Left, Ending::Running, Ending::Untold, Ending::Status(0)] {
            assert_eq!(is_abnormal(ending), [false, false], "{ending:?}");
        }
    }

    #[test]
    fn every_word_is_read_back() {
        for ending in
            [Ending::Running, Ending::Left, Ending::Silent, Ending::Signal(9), Ending::Signal(15), Ending::Signal(200)]
                .into_iter()
                .chain((0..=255).map(Ending::Status))
        {
            assert_eq!(Ending::of_word(&ending.word()), ending);
        }
        assert_eq!(Ending::of_word("sealed"), Ending::Untold);
    }
}
