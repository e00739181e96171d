//! Whatever steps of tasks a thread goes through, however deep, however often the ring goes round: each call is under the
//! task that an oracle with the whole list says, and so is each call that is still open.

use proptest::prelude::*;
use viztracer_format::record::Kind;
use viztracer_format::stack::task_of;
use viztracer_recorder::{Left, Options, Recorder, ThreadRecorder};
use viztracer_tests::contents::{Contents, NamedFunction};
use viztracer_tests::options;

/// What the thread does next.
#[derive(Clone, Debug)]
enum Op {
    Enter(usize),
    /// A task's coroutine is entered.
    Step(u32, usize),
    /// The innermost call ends, this many times.
    Leave(usize),
    /// The call this many levels further out ends, and with it those inside.
    LeaveOuter(usize),
    /// Calls one after the other.
    Burst(usize, usize),
    /// Calls inside each other.
    Dive(usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0usize..4).prop_map(Op::Enter),
        4 => (1u32..6, 0usize..4).prop_map(|(task, function)| Op::Step(task, function)),
        5 => (1usize..4).prop_map(Op::Leave),
        1 => (1usize..8).prop_map(Op::LeaveOuter),
        3 => (0usize..4, 1usize..300).prop_map(|(function, calls)| Op::Burst(function, calls)),
        1 => (0usize..4, 1usize..520).prop_map(|(function, calls)| Op::Dive(function, calls)),
        1 => (1usize..520).prop_map(Op::Leave),
    ]
}

/// What stands on the stack.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    Call(usize),
    Step(u32),
}

/// The thread, and beside it the list of what it did.
struct Both<'a> {
    thread: &'a mut ThreadRecorder,
    stack: Vec<Open>,
    /// Task and function of each call, in the order of their ends.
    ended: Vec<(u32, usize)>,
}

impl Both<'_> {
    fn task(&self) -> u32 {
        let step = |open: &Open| if let Open::Step(task) = open { Some(*task) } else { None };
        self.stack.iter().rev().find_map(step).unwrap_or(0)
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Enter(function) => self.enter(function),
            Op::Step(task, function) => {
                if self.thread.task() != task {
                    self.thread.resume_task(task);
                    self.stack.push(Open::Step(task));
                }
                self.enter(function);
            }
            Op::Leave(calls) => (0..calls).for_each(|_| self.leave(0)),
            Op::LeaveOuter(levels) => self.leave(levels),
            Op::Burst(function, calls) => (0..calls).for_each(|_| {
                self.enter(function);
                self.leave(0);
            }),
            Op::Dive(function, calls) => (0..calls).for_each(|_| self.enter(function)),
        }
        assert_eq!(self.thread.task(), self.task());
    }

    fn enter(&mut self, function: usize) {
        self.stack.push(Open::Call(function));
        self.thread.enter(function as u32, self.tag(self.stack.len()));
    }

    /// Each open call has a tag of its own, so that it is clear which one ends.
    fn tag(&self, height: usize) -> u64 {
        height as u64
    }

    fn leave(&mut self, levels: usize) {
        let calls = self.stack.iter().enumerate().filter(|(_, open)| matches!(open, Open::Call(_)));
        let Some(height) = calls.map(|(index, _)| index + 1).rev().nth(levels) else { return };
        let tag = self.tag(height);
        if self.thread.leave(tag, Kind::Yield) == Left::Unmatched {
            self.thread.unwind_to(tag, Kind::Yield);
        }
        self.thread.suspend_task();
        while self.stack.len() >= height || matches!(self.stack.last(), Some(Open::Step(_))) {
            let task = self.task();
            if let Some(Open::Call(function)) = self.stack.pop() {
                self.ended.push((task, function));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn calls_are_under_their_tasks(entries in prop_oneof![Just(100_000u64), 1u64..2000], ops in prop::collection::vec(op(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(Options { max_depth: usize::MAX, ..options(directory.path(), entries) }).unwrap();
        let functions = ["a", "b", "c", "d"].map(|name| NamedFunction { name: name.into(), ..Default::default() });
        let ids = functions.map(|function| recorder.function(&function.borrow()) as usize);
        prop_assert_eq!(ids, [0, 1, 2, 3]);
        // SAFETY: attached just now, and this thread is its only user.
        let thread = unsafe { recorder.attach().as_mut() };
        let mut both = Both { thread, stack: Vec::new(), ended: Vec::new() };
        ops.iter().for_each(|op| both.run(op));

        let contents = Contents::read(recorder.path());
        let thread = contents.threads.values().next().unwrap();
        let told: Vec<_> = thread.events.iter().map(|event| (event.task, event.function as usize)).collect();
        prop_assert!(told.len() as u64 >= entries.min(both.ended.len() as u64));
        prop_assert_eq!(&told[..], &both.ended[both.ended.len() - told.len()..]);
        let open: Vec<_> = thread.frames.iter().map(|frame| match task_of(*frame) {
            Some(task) => Open::Step(task),
            None => Open::Call(frame.function() as usize),
        }).collect();
        prop_assert_eq!(open, both.stack);
        recorder.close();
    }
}
