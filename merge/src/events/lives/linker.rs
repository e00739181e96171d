//! Links the pieces of coroutines, part after part. Its memory grows with the number of tasks, not with their pieces.

use super::life::{Life, LifeEnd};
use super::steps::{Piece, Single, Step, Steps};
use super::waiting::Waiting;
use std::collections::{HashMap, HashSet};
use viztracer_format::record::Kind;

/// When tasks were first seen, by serial, in nanoseconds of the report.
#[derive(Debug, Default)]
pub struct TaskBegins(pub HashMap<u32, u64>);

/// Links the pieces of the tasks of one file.
#[derive(Debug, Default)]
pub struct Linker {
    begins: TaskBegins,
    tasks: HashMap<u32, Task>,
    found: Found,
    /// When the last event ended.
    last: u64,
}

/// What was found in the tasks of the file.
#[derive(Debug, Default)]
struct Found {
    /// Lives that have ended.
    lives: Vec<Life>,
    /// Calls in one piece, of coroutines and other functions.
    singles: Vec<Single>,
    /// Calls in one piece that may be the last pieces of coroutines whose earlier ones are not recorded.
    doubtful: Vec<Life>,
    /// Functions that await.
    awaiting: HashSet<u32>,
    /// Functions that hand values to their callers, by thread: so the order in which threads come does not matter.
    generators: HashSet<(usize, u32)>,
    /// How many coroutines of each thread and function were left behind. They may go on elsewhere.
    left_behind: HashMap<(usize, u32), u64>,
}

/// A task.
#[derive(Debug)]
struct Task {
    life: Life,
    /// How many coroutines have a number.
    coroutines: u32,
    /// Whether the first slice goes on, and may not be the first one of the task.
    is_doubtful: bool,
    /// Open calls of the slice that may be pieces of coroutines, outermost first.
    open: Vec<OpenPiece>,
    waiting: Waiting,
    /// Calls that were just suspended, innermost first, with the time: all of the slice await, or these are generators.
    suspended: Vec<(OpenPiece, u64)>,
    /// Whether nothing but calls that begin has come since the slice began.
    is_leading: bool,
    /// Whether the slice goes on with the next outermost call, as an exception is on its way out.
    goes_on: bool,
}

#[derive(Debug)]
struct OpenPiece {
    piece: Piece,
    /// The coroutine that goes on with it.
    life: Option<Life>,
    /// Whether it may be a later piece of a coroutine, the earlier ones of which are not recorded.
    is_doubtful: bool,
}

impl Linker {
    /// For a file of whose tasks this is known.
    pub fn new(begins: TaskBegins) -> Linker {
        Linker { begins, ..Linker::default() }
    }

    /// Goes on with the next part. Returns the lives that have ended in it, and calls in one piece.
    pub fn follow(&mut self, mut steps: Steps) -> (Vec<Life>, Vec<Single>) {
        self.last = self.last.max(steps.last);
        self.found.singles = steps.take_singles();
        for step in &steps.steps {
            match step {
                Step::Begin(piece) => {
                    let task = self.tasks.entry(piece.task).or_insert_with(|| {
                        let since = steps.complete_since.get(&piece.thread).copied().unwrap_or(0);
                        let is_known = since == 0 || self.begins.0.get(&piece.task).is_some_and(|at| *at >= since);
                        Task::new(piece, is_known)
                    });
                    task.begin(piece, &mut self.found);
                }
                Step::End(piece, kind, end) => match self.tasks.get_mut(&piece.task) {
                    Some(task) => task.end(piece, *kind, *end, &mut self.found),
                    None => self.found.single(piece, *kind, *end),
                },
                Step::Other(task) => {
                    if let Some(task) = self.tasks.get_mut(task) {
                        task.other(&mut self.found);
                    }
                }
            }
        }
        (std::mem::take(&mut self.found.lives), std::mem::take(&mut self.found.singles))
    }

    /// Ends all lives after the last part. `tells_awaits`: whether the recording tells an await from a return.
    pub fn finish(self, tells_awaits: bool) -> Vec<Life> {
        let Linker { mut found, last, tasks, .. } = self;
        let mut tasks: Vec<Task> = tasks.into_values().collect();
        tasks.sort_unstable_by_key(|task| task.life.task);
        for mut task in tasks {
            let unfinished = |life: Life| Life { end: last, how: LifeEnd::Unfinished, ..life };
            let waiting: Vec<Life> = task.waiting.take().map(unfinished).collect();
            let life = match (waiting.is_empty(), tells_awaits) {
                (_, false) => Life { how: LifeEnd::Unknown, ..task.life },
                (true, true) => task.life,
                (false, true) => unfinished(task.life),
            };
            waiting.into_iter().for_each(|life| found.end(life));
            found.lives.push(life);
        }
        let doubtful = std::mem::take(&mut found.doubtful).into_iter();
        let awaiting = std::mem::take(&mut found.awaiting);
        doubtful.filter(|life| life.function.is_some_and(|of| awaiting.contains(&of))).for_each(|life| found.end(life));
        found.lives
    }
}

impl Task {
    fn new(first: &Piece, is_begin_known: bool) -> Task {
        Task {
            life: Life::of_task(first, is_begin_known),
            coroutines: 0,
            is_doubtful: !is_begin_known,
            open: Vec::new(),
            waiting: Waiting::default(),
            suspended: Vec::new(),
            is_leading: false,
            // The first slice is no resume.
            goes_on: true,
        }
    }

    fn begin(&mut self, piece: &Piece, found: &mut Found) {
        self.hand_values(found);
        let life = if self.open.is_empty() {
            self.is_leading = true;
            self.life.resumes += u64::from(!std::mem::take(&mut self.goes_on));
            self.enter_root(piece.function, found)
        } else {
            let is_inside = self.is_leading && self.open.last().is_some_and(|around| around.life.is_some());
            let life = if is_inside { self.waiting.enter_next(piece.function) } else { None };
            if life.is_none() {
                self.settle();
            }
            life
        };
        let is_doubtful = self.is_doubtful && self.is_leading && life.is_none();
        self.open.push(OpenPiece { piece: *piece, life, is_doubtful });
    }

    fn enter_root(&mut self, function: u32, found: &mut Found) -> Option<Life> {
        let life = self.waiting.enter_root(function);
        if life.is_none() {
            self.waiting.take().for_each(|life| found.lose(life));
        }
        life
    }

    fn end(&mut self, piece: &Piece, kind: Kind, end: u64, found: &mut Found) {
        self.settle();
        let is_last = |open: &mut OpenPiece| (open.piece.function, open.piece.start) == (piece.function, piece.start);
        let Some(open) = self.open.pop_if(is_last) else {
            // It began in a part that did not take it for a piece.
            self.other(found);
            return found.single(piece, kind, end);
        };
        if kind == Kind::Yield {
            self.suspended.push((open, end));
        } else {
            self.other(found);
            found.end_piece(open, kind, end, &mut self.coroutines);
        }
        if self.open.is_empty() {
            self.end_root(piece, kind, end, found);
        }
    }

    /// The outermost call of a slice has ended.
    fn end_root(&mut self, piece: &Piece, kind: Kind, end: u64, found: &mut Found) {
        self.is_doubtful = false;
        self.life.running = self.life.running.saturating_add(end.saturating_sub(piece.start));
        (self.life.end, self.life.how) = (end, how(kind));
        self.waiting.leave().for_each(|life| found.lose(life));
        for (open, end) in std::mem::take(&mut self.suspended).into_iter().rev() {
            let depth = self.waiting.len() as u32;
            let awaited_by = self.waiting.innermost().map_or(0, |life| life.id);
            found.awaiting.insert(open.piece.function);
            let life = open.life.clone().unwrap_or_else(|| {
                self.coroutines += 1;
                found.begin(&open, self.coroutines, awaited_by, depth)
            });
            self.waiting.suspend(life.after(&open.piece, end));
        }
        self.goes_on = kind != Kind::Yield && self.waiting.len() > 0;
        if kind != Kind::Yield && !self.goes_on {
            self.open = Vec::new(); // the task is over: it keeps no memory for calls
        }
    }

    fn other(&mut self, found: &mut Found) {
        self.settle();
        self.hand_values(found);
        self.is_leading = false;
    }

    /// What was suspended has handed a value to a caller that goes on.
    fn hand_values(&mut self, found: &mut Found) {
        let handed = self.suspended.drain(..).map(|(open, _)| (open.piece.thread, open.piece.function));
        found.generators.extend(handed);
    }

    fn settle(&mut self) {
        self.waiting.settle(self.open.first_mut().and_then(|root| root.life.as_mut()));
    }
}

impl Found {
    /// A coroutine whose first piece this is.
    fn begin(&mut self, open: &OpenPiece, id: u32, awaited_by: u32, depth: u32) -> Life {
        let Piece { thread, function, .. } = open.piece;
        let is_left_behind = match self.left_behind.get_mut(&(thread, function)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        };
        let is_begin_known = !open.is_doubtful && !is_left_behind;
        Life { id, awaited_by, function: Some(function), depth, ..Life::of_task(&open.piece, is_begin_known) }
    }

    /// A call has ended that may be the last piece of a coroutine.
    fn end_piece(&mut self, open: OpenPiece, kind: Kind, end: u64, coroutines: &mut u32) {
        match open.life {
            Some(life) => self.end(Life { how: how(kind), ..life.after(&open.piece, end) }),
            None if open.is_doubtful => {
                *coroutines += 1;
                let life = self.begin(&open, *coroutines, 0, open.piece.depth);
                self.doubtful.push(Life { how: how(kind), ..life.after(&open.piece, end) });
            }
            None => self.single(&open.piece, kind, end),
        }
    }

    fn single(&mut self, piece: &Piece, kind: Kind, end: u64) {
        if kind != Kind::Yield {
            let duration = end.saturating_sub(piece.start);
            self.singles.push(Single { function: piece.function, duration, kind });
        }
    }

    /// A task has gone on without a coroutine that it awaited.
    fn lose(&mut self, life: Life) {
        if let Some(function) = life.function {
            *self.left_behind.entry((life.thread, function)).or_default() += 1;
        }
        self.end(Life { how: LifeEnd::Unknown, ..life });
    }

    fn end(&mut self, life: Life) {
        if life.function.is_none_or(|function| !self.generators.contains(&(life.thread, function))) {
            self.lives.push(life);
        }
    }
}

impl Life {
    /// The life of a task that begins with this piece.
    fn of_task(first: &Piece, is_begin_known: bool) -> Life {
        let Piece { thread, task, start, .. } = *first;
        Life {
            id: 0,
            awaited_by: 0,
            thread,
            task,
            function: None,
            depth: 0,
            begin: start,
            end: start,
            running: 0,
            resumes: 0,
            is_begin_known,
            how: LifeEnd::Unknown,
        }
    }

    /// The life with one more piece, which ends at this time.
    fn after(self, piece: &Piece, end: u64) -> Life {
        let running = self.running.saturating_add(end.saturating_sub(piece.start));
        Life { running, end, ..self }
    }
}

/// How a life has ended whose last piece is of this kind.
fn how(kind: Kind) -> LifeEnd {
    match kind {
        Kind::Return => LifeEnd::Returned,
        Kind::Raise => LifeEnd::Raised,
        Kind::Open => LifeEnd::Unfinished,
        _ => LifeEnd::Unknown,
    }
}
