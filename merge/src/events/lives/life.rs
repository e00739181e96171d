//! The life of a task or a coroutine.

/// A task from the first time that it runs to its end, or a coroutine from its first piece to its last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The number of the coroutine in its task, from 1 on; 0: this is the life of the task itself.
    pub id: u32,
    /// The number of the coroutine that awaits it; 0 if none of its task does.
    pub awaited_by: u32,
    /// The index of its thread in the plan.
    pub thread: usize,
    /// The serial of the task.
    pub task: u32,
    /// The function of the coroutine; `None`: this is the life of the task itself.
    pub function: Option<u32>,
    /// How many coroutines of the task were around it when it first ran.
    pub depth: u32,
    /// When it first ran, in nanoseconds of the report.
    pub begin: u64,
    /// When it ended, or was last known to be there.
    pub end: u64,
    /// Nanoseconds in its pieces. It awaits the rest of the time.
    pub running: u64,
    /// How many times it went on after it was suspended.
    pub resumes: u64,
    /// Whether its first piece is recorded. If not, it has begun earlier, or may have.
    pub is_begin_known: bool,
    /// How it ended.
    pub how: LifeEnd,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeEnd {
    /// It returned.
    Returned,
    /// An exception ended it.
    Raised,
    /// It was there when the recording ended.
    Unfinished,
    /// Nobody knows: its task went on without it, or the records do not tell the end from an await.
    Unknown,
}

impl Life {
    /// Nanoseconds from its begin to its end.
    pub fn latency(&self) -> u64 {
        self.end.saturating_sub(self.begin)
    }

    /// The number in the file of a coroutine of the task.
    pub fn number(&self, id: u32) -> u64 {
        u64::from(self.task) << 32 | u64::from(id)
    }

    /// Nanoseconds in which it did not run.
    pub fn awaiting(&self) -> u64 {
        self.latency().saturating_sub(self.running)
    }

    /// Whether its whole time is known.
    pub fn is_whole(&self) -> bool {
        self.is_begin_known && matches!(self.how, LifeEnd::Returned | LifeEnd::Raised)
    }
}

impl LifeEnd {
    /// The end in a word.
    pub fn word(self) -> &'static str {
        match self {
            LifeEnd::Returned => "returned",
            LifeEnd::Raised => "raised",
            LifeEnd::Unfinished => "unfinished",
            LifeEnd::Unknown => "unknown",
        }
    }
}
