//! Random calls on several threads, with a ring that wraps around: file and report agree with an oracle that keeps
//! the whole list.

mod oracle;

use oracle::{Life, Names, check_file, check_report, meaning};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, Options, Recorder, ThreadRecorder};
use viztracer_tests::contents::{Contents, copy_of_the_dead};
use viztracer_tests::options;
use viztracer_tests::report::Report;

/// What a thread does next.
#[derive(Clone, Debug)]
enum Op {
    Enter(usize),
    Leave(Kind),
    /// The call this many levels further out ends.
    LeaveOuter(usize, Kind),
    /// A call ends that is not recorded, and whose begin was not reported.
    LeaveExcluded,
    /// A call ends that began before tracing.
    LeaveStranger,
    /// Calls one after the other.
    Burst(usize, usize),
    /// Calls go down this far, then up and down around this depth.
    Dive(usize, Vec<usize>),
    /// This many calls end.
    Rise(usize),
    Rename(usize),
    /// The thread ends, and another one replaces it.
    Replace,
}

/// How the recording ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The open calls are recorded, and the file is closed.
    CloseFrames,
    /// The file is closed.
    Close,
    /// The file is merged while it is written.
    Living,
    /// The process dies.
    Dead,
}

#[derive(Clone, Debug)]
struct Case {
    entries: u64,
    max_depth: usize,
    names: Vec<Names>,
    threads: usize,
    ops: Vec<(usize, Op)>,
    end: End,
}

const EXCLUDED: u64 = 1 << 39;
const STRANGER: u64 = EXCLUDED + 1;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![4 => Just(Kind::Return), 1 => Just(Kind::Yield), 1 => Just(Kind::Raise)]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0usize..8).prop_map(Op::Enter),
        6 => kind().prop_map(Op::Leave),
        2 => (1usize..6, kind()).prop_map(|(levels, kind)| Op::LeaveOuter(levels, kind)),
        1 => Just(Op::LeaveExcluded),
        1 => Just(Op::LeaveStranger),
        6 => (0usize..8, 1usize..700).prop_map(|(function, calls)| Op::Burst(function, calls)),
        2 => (200usize..520, prop::collection::vec(1usize..12, 0..8)).prop_map(|(d, s)| Op::Dive(d, s)),
        2 => (1usize..500).prop_map(Op::Rise),
        1 => (0usize..8).prop_map(Op::Rename),
        1 => Just(Op::Replace),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let nasty = ["", "\"", "\\", "é🙂", "a\nb", "<lambda>", "\u{0}\u{1f}\u{7f}", "Class.method.<locals>.f"];
    let random = prop::collection::vec(any::<char>(), 0..12);
    prop_oneof![prop::sample::select(nasty.to_vec()).prop_map(str::to_owned), random.prop_map(String::from_iter),]
}

fn case() -> impl Strategy<Value = Case> {
    let names = (text(), text(), any::<bool>());
    let names = names.prop_map(|(name, file, is_c)| Names { name, file: format!("/{file}"), is_c });
    let end = [End::CloseFrames, End::Close, End::Living, End::Dead];
    (
        prop_oneof![1u64..10, 200u64..300, 1u64..5000, Just(1_000_000)],
        prop::sample::select(vec![1, 3, 243, 244, 245, 488, 489, 1000]),
        prop::collection::vec(names, 8),
        1usize..5,
        prop::collection::vec((0usize..4, op()), 0..60),
        prop::sample::select(end.to_vec()),
    )
        .prop_map(|(entries, max_depth, names, threads, ops, end)| Case {
            entries,
            max_depth,
            names,
            threads,
            ops: ops.into_iter().map(|(thread, op)| (thread % threads, op)).collect(),
            end,
        })
}

/// A recorder, and the calls that were passed to it.
struct Driver<'a> {
    recorder: &'a Recorder,
    case: &'a Case,
    /// Counts the ends of calls.
    order: &'a AtomicU64,
    own: *mut ThreadRecorder,
    life: Life,
    ids: Vec<u32>,
    lives: Vec<Life>,
}

impl<'a> Driver<'a> {
    fn new(recorder: &'a Recorder, case: &'a Case, order: &'a AtomicU64) -> Driver<'a> {
        let own = recorder.attach().as_ptr();
        let (ids, lives) = (Vec::new(), Vec::new());
        let mut driver = Driver { recorder, case, order, own, life: Life::default(), ids, lives };
        driver.begin();
        driver
    }

    fn begin(&mut self) {
        let serial = self.own().serial();
        self.life = Life::new(serial, self.case.max_depth);
        self.ids.clear();
        for (index, names) in self.case.names.iter().enumerate() {
            let meaning = meaning(names, index, serial);
            self.ids.push(self.recorder.function(&meaning.borrow()));
            self.life.functions.push(meaning);
        }
    }

    fn own(&mut self) -> &mut ThreadRecorder {
        // SAFETY: attached and not retired; this thread, or its replacement, is the only user.
        unsafe { &mut *self.own }
    }

    fn tag(function: usize) -> u64 {
        function as u64 + 1
    }

    fn now(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    fn enter(&mut self, function: usize) {
        let id = self.ids[function];
        self.own().enter(id, Self::tag(function));
        self.life.enter(function);
    }

    /// Ends a call as a hook does.
    fn leave_tag(&mut self, tag: u64, kind: Kind) {
        if self.own().leave(tag, kind) == Left::Unmatched {
            self.own().unwind_to(tag, kind);
        }
    }

    fn leave(&mut self, levels: usize, kind: Kind) {
        let Some(function) = self.life.function_at(levels) else { return };
        self.leave_tag(Self::tag(function), kind);
        let now = self.now();
        self.life.leave(function, kind, now);
    }

    fn run(&mut self, op: &Op) {
        match op {
            Op::Enter(function) => self.enter(*function),
            Op::Leave(kind) => self.leave(0, *kind),
            Op::LeaveOuter(levels, kind) => self.leave(*levels, *kind),
            Op::LeaveExcluded => {
                assert_eq!(self.own().leave(EXCLUDED, Kind::Return), Left::Unmatched);
            }
            Op::LeaveStranger => {
                self.leave_tag(STRANGER, Kind::Return);
                self.life.unmatched += u64::from(self.life.function_at(0).is_some());
            }
            Op::Burst(function, calls) => {
                for call in 0..*calls {
                    self.enter((function + call) % 8);
                    self.leave(0, Kind::Return);
                }
            }
            Op::Dive(depth, swings) => {
                (0..*depth).for_each(|level| self.enter(level % 8));
                for (turn, swing) in swings.iter().enumerate() {
                    (0..*swing).for_each(|_| self.leave(0, Kind::Return));
                    (0..swing + turn % 2).for_each(|level| self.enter(level % 8));
                }
            }
            Op::Rise(calls) => (0..*calls).for_each(|_| self.leave(0, Kind::Return)),
            Op::Rename(name) => {
                let name = &self.case.names[*name].name;
                self.recorder.name_thread(self.life.serial, name);
                self.life.name = Some(name.clone());
            }
            Op::Replace => {
                self.recorder.retire(self.life.serial);
                let now = self.now();
                self.life.retire(now);
                self.own = self.recorder.attach().as_ptr();
                let life = std::mem::take(&mut self.life);
                self.lives.push(life);
                self.begin();
            }
        }
    }

    fn end(mut self) -> Vec<Life> {
        if self.case.end == End::CloseFrames {
            self.own().close_frames(Kind::Open);
            let now = self.now();
            self.life.close_frames(now);
        }
        self.lives.push(self.life);
        self.lives
    }
}

/// All threads take turns on this one, in the order of the operations.
fn interleaved(recorder: &Recorder, case: &Case) -> Vec<Life> {
    let order = AtomicU64::new(0);
    let mut drivers: Vec<_> = (0..case.threads).map(|_| Driver::new(recorder, case, &order)).collect();
    for (thread, op) in &case.ops {
        drivers[*thread].run(op);
    }
    drivers.into_iter().flat_map(Driver::end).collect()
}

/// Every thread of the test is a real one.
fn parallel(recorder: &Recorder, case: &Case) -> Vec<Life> {
    let order = AtomicU64::new(0);
    let run = |thread: usize| {
        let mut driver = Driver::new(recorder, case, &order);
        case.ops.iter().filter(|(of, _)| *of == thread).for_each(|(_, op)| driver.run(op));
        driver.end()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..case.threads).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn check(case: &Case, run: impl Fn(&Recorder, &Case) -> Vec<Life>, in_order: bool) {
    let directory = TempDir::new().unwrap();
    let options = Options { max_depth: case.max_depth, ..options(directory.path(), case.entries) };
    let recorder = Recorder::create(options).unwrap();
    let mut path = recorder.path().to_owned();
    let lives = run(&recorder, case);
    recorder.name_process(&case.names[0].name);
    let recorder = match case.end {
        End::Close | End::CloseFrames => {
            recorder.close();
            None
        }
        End::Living => Some(recorder),
        End::Dead => {
            let copy = directory.path().join("dead.bin");
            copy_of_the_dead(&path, &copy);
            path = copy;
            None
        }
    };
    let contents = Contents::read(&path);
    assert_eq!(contents.process.as_ref(), Some(&case.names[0].name));
    check_file(&contents, &lives, in_order);
    let report = Report::of(&[path], directory.path());
    check_report(&report, &contents, &lives);
    let state = ["sealed", "sealed", "living", "crashed"][case.end as usize];
    assert_eq!(report.summary.files[0].state.word(), state);
    drop(recorder);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn threads_that_take_turns(case in case()) {
        check(&case, interleaved, true);
    }

    #[test]
    fn threads_at_the_same_time(case in case()) {
        check(&case, parallel, false);
    }
}

/// A ring of the usual kind: larger segments than the smallest, gone round once.
#[test]
fn large_segments_go_round_as_well() {
    let names = |name: &str| Names { name: name.to_owned(), file: "/x.py".to_owned(), is_c: false };
    let case = Case {
        entries: 300_000,
        max_depth: 1000,
        names: ["a", "b", "c", "d", "e", "f", "g", "h"].map(names).to_vec(),
        threads: 2,
        ops: (0..50).map(|turn| (turn % 2, Op::Burst(turn, 7000))).collect(),
        end: End::Close,
    };
    check(&case, interleaved, true);
}
