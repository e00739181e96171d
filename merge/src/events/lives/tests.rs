//! Pieces as a recording has them, and the lives that they come to.

use super::{Life, LifeEnd, Linker, Single, StepRecorder, TaskBegins};
use crate::events::timeline::{Call, NO_FRAME, StackEvent};
use std::collections::{HashMap, HashSet};
use viztracer_format::record::Kind;
use viztracer_format::record::Kind::{Open, Raise, Return, Yield};

/// Plays stack events of one thread, and links what they tell.
#[derive(Default)]
struct Play {
    recorder: StepRecorder,
    linker: Linker,
    open: Vec<Call>,
    now: u64,
    lives: Vec<Life>,
    singles: Vec<Single>,
    /// Whether each stack event is a part of its own.
    splits: bool,
}

/// A function in small letters, and the calls inside of it.
struct Node(u32, Kind, Vec<Node>);

fn node(function: u32, kind: Kind, inside: impl Into<Vec<Node>>) -> Node {
    Node(function, kind, inside.into())
}

/// A chain of calls, each inside of the one before, that end in the same way.
fn chain(functions: &[u32], kind: Kind) -> Node {
    let (first, rest) = functions.split_first().unwrap();
    node(*first, kind, if rest.is_empty() { vec![] } else { vec![chain(rest, kind)] })
}

impl Play {
    /// The outermost call of a slice of this task, ten ns per begin and end.
    fn slice(&mut self, task: u32, node: &Node) -> &mut Play {
        let Node(function, kind, inside) = node;
        self.now += 10;
        let depth = self.open.iter().filter(|call| call.task == task).count() as u32;
        let call = Call {
            thread: 0,
            task,
            function: *function,
            kind: *kind,
            is_unfinished: false,
            start: self.now,
            end: u64::MAX,
            depth,
            is_clipped: false,
            is_inherited: false,
            frame: NO_FRAME,
        };
        self.open.push(call);
        self.recorder.take(&StackEvent::Begin(&call), &self.open);
        self.split();
        for inside in inside {
            self.slice(task, inside);
        }
        self.open.pop();
        self.now += 10;
        self.recorder.take(&StackEvent::End(&Call { end: self.now, ..call }, None), &self.open);
        self.split();
        self
    }

    fn split(&mut self) {
        if self.splits {
            self.part();
        }
    }

    /// The task awaits.
    fn wait(&mut self) -> &mut Play {
        self.now += 1000;
        self
    }

    /// A part ends here.
    fn part(&mut self) -> &mut Play {
        let (lives, singles) = self.linker.follow(std::mem::take(&mut self.recorder).finish());
        self.lives.extend(lives);
        self.singles.extend(singles);
        self
    }

    /// All lives of coroutines: function, resumes, whether the begin is known, how it ended.
    fn coroutines(&mut self) -> Vec<(u32, u64, bool, LifeEnd)> {
        self.all()
            .into_iter()
            .filter_map(|life| Some((life.function?, life.resumes, life.is_begin_known, life.how)))
            .collect()
    }

    fn all(&mut self) -> Vec<Life> {
        self.part();
        let mut lives = std::mem::take(&mut self.lives);
        lives.extend(std::mem::take(&mut self.linker).finish(true));
        lives
    }
}

use LifeEnd::{Raised, Returned, Unfinished, Unknown};

#[test]
fn a_task_enters_its_coroutines_again_in_the_same_order() {
    let mut play = Play::default();
    play.slice(1, &chain(&[1, 2, 3], Yield)).wait();
    play.slice(1, &node(1, Yield, [node(2, Yield, [node(3, Return, []), node(4, Yield, [])])])).wait();
    let last = node(1, Return, [node(2, Return, [node(4, Return, [])]), node(5, Return, [])]);
    let lives = play.slice(1, &last).all();
    let found = |function| lives.iter().find(|life| life.function == function).unwrap();
    let (task, one, two, three, four) = (found(None), found(Some(1)), found(Some(2)), found(Some(3)), found(Some(4)));
    assert_eq!((three.resumes, two.resumes, one.resumes, four.resumes, task.resumes), (1, 2, 2, 1, 2));
    assert_eq!([one.awaited_by, two.awaited_by, three.awaited_by, four.awaited_by], [0, one.id, two.id, two.id]);
    assert_eq!([one, two, three, four].map(|life| life.depth), [0, 1, 2, 2]);
    assert!(lives.iter().all(|life| life.how == Returned && life.is_whole()));
    assert_eq!((task.begin, task.end, task.running), (one.begin, one.end, one.running));
    assert_eq!(one.awaiting(), 2 * 1000 + 2 * 10);
    assert_eq!(play.singles, [Single { function: 5, duration: 10, kind: Return }]);
}

#[test]
fn lives_go_on_over_parts() {
    let mut whole = Play::default();
    let mut parts = Play { splits: true, ..Play::default() };
    let slices = [
        node(1, Yield, [node(7, Return, [node(8, Return, [])]), chain(&[2, 2, 3], Yield)]),
        node(
            1,
            Yield,
            [node(2, Yield, [node(2, Yield, [node(3, Return, []), node(7, Yield, []), node(4, Yield, [])])])],
        ),
        node(4, Raise, [node(9, Return, [])]),
        node(2, Yield, [node(9, Return, []), node(4, Yield, [])]),
        chain(&[1, 2, 2, 4], Yield),
        node(1, Raise, [node(2, Return, [node(2, Return, [node(4, Return, [])]), node(9, Return, [])])]),
    ];
    for slice in &slices {
        whole.slice(1, slice).wait();
        parts.slice(1, slice).wait();
    }
    let of = |play: &mut Play| (play.all(), play.singles.iter().map(|single| single.function).collect::<HashSet<_>>());
    let (whole, parts) = (of(&mut whole), of(&mut parts));
    assert_eq!(whole, parts);
    assert_eq!(whole.0.len(), 7, "{whole:?}");
}

#[test]
fn an_exception_enters_the_innermost_coroutine_first() {
    let mut play = Play::default();
    play.slice(1, &chain(&[1, 2, 3], Yield)).wait();
    play.slice(1, &node(3, Raise, [])).slice(1, &node(2, Yield, [node(4, Yield, [])])).wait();
    play.slice(1, &chain(&[1, 2, 4], Return));
    assert_eq!(
        play.coroutines(),
        [(3, 1, true, Raised), (4, 1, true, Returned), (2, 2, true, Returned), (1, 1, true, Returned)]
    );
}

#[test]
fn recursion_is_told_from_an_exception_by_the_next_step() {
    let mut play = Play::default();
    play.slice(1, &chain(&[1, 1, 1], Yield)).wait().slice(1, &chain(&[1, 1, 1], Yield)).wait();
    play.slice(1, &node(1, Raise, [])).slice(1, &node(1, Raise, [node(5, Return, [])])).slice(1, &node(1, Return, []));
    let lives = play.all();
    let ends: Vec<_> =
        lives.iter().filter(|life| life.function.is_some()).map(|life| (life.depth, life.resumes, life.how)).collect();
    assert_eq!(ends, [(2, 2, Raised), (1, 2, Raised), (0, 2, Returned)]);
}

#[test]
fn generators_are_no_coroutines() {
    let mut play = Play::default();
    // 2 is a generator; 3 is an asynchronous one, which awaits before it hands out its first value.
    play.slice(1, &node(1, Yield, [node(2, Yield, []), node(7, Return, []), node(3, Yield, [])])).wait();
    play.slice(1, &node(1, Yield, [node(3, Yield, []), node(7, Return, []), node(3, Yield, [])])).wait();
    play.slice(1, &node(1, Return, [node(3, Return, []), node(2, Return, [])]));
    assert_eq!(play.coroutines(), [(1, 2, true, Returned)]);
}

#[test]
fn a_coroutine_that_a_task_goes_on_without_has_no_known_end() {
    let mut play = Play::default();
    play.slice(1, &chain(&[1, 2], Yield)).wait().slice(1, &node(1, Return, [node(9, Return, [])]));
    // Another task goes on with it: its first piece there may be a later one.
    play.slice(2, &chain(&[3, 2], Yield)).wait().slice(2, &chain(&[3, 2], Return));
    assert_eq!(
        play.coroutines(),
        [(1, 1, true, Returned), (2, 0, true, Unknown), (2, 1, false, Returned), (3, 1, true, Returned)]
    );
}

#[test]
fn what_waits_at_the_end_is_unfinished() {
    let mut play = Play::default();
    play.slice(1, &chain(&[1, 2], Yield)).wait().slice(0, &node(9, Return, []));
    let end = play.now;
    let lives = play.all();
    assert!(lives.iter().all(|life| (life.how, life.end) == (Unfinished, end)), "{lives:?}");
    let mut play = Play::default();
    play.slice(1, &chain(&[1, 2], Yield)).wait().slice(1, &chain(&[1, 2], Open));
    assert!(play.all().iter().all(|life| life.how == Unfinished));
}

#[test]
fn eager_tasks_begin_inside_of_others() {
    let mut play = Play { now: 40, ..Play::default() };
    // 1 creates task 2 inside of its slice, and awaits right after.
    let call = |task, function, depth, start| Call {
        task,
        function,
        kind: Yield,
        start,
        ..Call { depth, ..Call::overwritten(0, task, 0..0, 0) }
    };
    let (outer, inner) = (call(1, 1, 0, 10), call(2, 2, 0, 20));
    let step = |play: &mut Play, event: StackEvent<'_>, open: &[Call]| play.recorder.take(&event, open);
    step(&mut play, StackEvent::Begin(&outer), &[outer]);
    step(&mut play, StackEvent::Begin(&inner), &[outer, inner]);
    step(&mut play, StackEvent::End(&Call { end: 30, ..inner }, None), &[outer]);
    step(&mut play, StackEvent::End(&Call { end: 40, ..outer }, None), &[]);
    play.slice(2, &node(2, Return, [])).slice(1, &node(1, Return, []));
    assert_eq!(play.coroutines(), [(2, 1, true, Returned), (1, 1, true, Returned)]);
}

#[test]
fn a_begin_that_may_be_overwritten_is_unknown() {
    let begins = || TaskBegins(HashMap::from([(1, 5), (2, 500)]));
    let mut play = Play { linker: Linker::new(begins()), now: 600, ..Play::default() };
    play.recorder.complete_since(0, 100);
    // Task 1 was there before; the last pieces of its coroutines 1 and 2 are known. Task 2 is new.
    play.slice(1, &node(1, Yield, [node(2, Return, []), node(2, Yield, [])])).slice(2, &chain(&[3, 4], Yield)).wait();
    play.slice(1, &chain(&[1, 2], Return)).slice(2, &chain(&[3, 4], Return));
    let lives = play.all();
    let known: Vec<_> = lives.iter().map(|life| (life.function, life.is_begin_known)).collect();
    let coroutines = [(Some(2), true), (Some(1), false), (Some(4), true), (Some(3), true)];
    assert_eq!(known, [&coroutines[..], &[(None, false), (None, true), (Some(2), false)]].concat());
}

#[test]
fn recordings_that_do_not_tell_an_await_from_a_return_know_no_end_of_a_task() {
    let mut play = Play::default();
    play.slice(1, &node(1, Return, [])).wait().slice(1, &node(1, Return, []));
    play.part();
    let lives = std::mem::take(&mut play.linker).finish(false);
    assert_eq!(
        lives.iter().map(|life| (life.function, life.resumes, life.how)).collect::<Vec<_>>(),
        [(None, 1, Unknown)]
    );
}
