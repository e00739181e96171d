//! Threads and tasks that come and go: what is in the file has its name, what is gone is counted, and the room that names
//! take does not grow with the number of those that were there.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use viztracer_format::header::Forgotten;
use viztracer_format::record::Kind;
use viztracer_recorder::{Recorder, ThreadRecorder};
use viztracer_tests::contents::{Contents, NamedFunction, copy_of_the_dead};
use viztracer_tests::options;
use viztracer_tests::report::Report;

/// Records that fit a segment of the smallest size.
const RECORDS: usize = 248;

/// What happens next.
#[derive(Clone, Debug)]
enum Op {
    /// A thread begins.
    Begin,
    /// One of the living threads calls something, this often.
    Calls(usize, usize),
    /// One of the living threads gets another name.
    Rename(usize),
    /// One of the living threads ends.
    End(usize),
    /// So many threads begin, call something this often, and end, one after the other.
    Generations(usize, usize),
    /// One of the living threads runs the steps of a new task: so many, and ends it.
    Task(usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let thread = 0usize..8;
    prop_oneof![
        2 => Just(Op::Begin),
        4 => (thread.clone(), 1usize..400).prop_map(|(thread, calls)| Op::Calls(thread, calls)),
        1 => thread.clone().prop_map(Op::Rename),
        2 => thread.clone().prop_map(Op::End),
        3 => (1usize..80, 0usize..12).prop_map(|(threads, calls)| Op::Generations(threads, calls)),
        3 => (thread, 0usize..4).prop_map(|(thread, steps)| Op::Task(thread, steps)),
    ]
}

/// What is known of a thread.
#[derive(Clone, Debug, Default)]
struct Life {
    name: String,
    calls: u64,
    is_over: bool,
}

/// A recording, and beside it the list of what happened.
struct Both<'a> {
    recorder: &'a Recorder,
    function: u32,
    living: Vec<*mut ThreadRecorder>,
    lives: BTreeMap<u32, Life>,
    tasks: u64,
}

impl Both<'_> {
    fn begin(&mut self) -> *mut ThreadRecorder {
        let thread = self.recorder.attach().as_ptr();
        // SAFETY: attached just now, and this is the only user.
        let serial = unsafe { &*thread }.serial();
        let name = format!("thread {serial}");
        self.recorder.name_thread(serial, &name);
        assert!(self.lives.insert(serial, Life { name, ..Life::default() }).is_none());
        thread
    }

    fn call(&mut self, thread: *mut ThreadRecorder, calls: usize) {
        // SAFETY: a living thread of the recorder, of which this is the only user.
        let thread = unsafe { &mut *thread };
        for _ in 0..calls {
            thread.enter(self.function, 1);
            thread.leave(1, Kind::Return);
        }
        self.lives.get_mut(&thread.serial()).unwrap().calls += calls as u64;
    }

    fn end(&mut self, thread: *mut ThreadRecorder) {
        // SAFETY: as above; it is not used after this.
        let serial = unsafe { &*thread }.serial();
        self.recorder.retire(serial);
        self.lives.get_mut(&serial).unwrap().is_over = true;
    }

    fn task(&mut self, thread: *mut ThreadRecorder, steps: usize) {
        self.tasks += 1;
        let serial = self.recorder.task("a task that will get another name");
        self.recorder.name_task(serial, &format!("task {serial}"));
        for _ in 0..steps {
            // SAFETY: as above.
            let own = unsafe { &mut *thread };
            own.resume_task(serial);
            self.call(thread, 2);
            own.suspend_task();
        }
        // SAFETY: as above.
        self.recorder.end_task(serial, unsafe { &mut *thread });
    }

    fn run(&mut self, op: &Op) {
        let living = |index: usize| self.living.get(index % self.living.len().max(1)).copied();
        match *op {
            Op::Begin => {
                let thread = self.begin();
                self.living.push(thread);
            }
            Op::Calls(index, calls) => {
                living(index).into_iter().for_each(|thread| self.call(thread, calls));
            }
            Op::Rename(index) => {
                // SAFETY: as above.
                if let Some(serial) = living(index).map(|thread| unsafe { &*thread }.serial()) {
                    let life = self.lives.get_mut(&serial).unwrap();
                    life.name += "'";
                    self.recorder.name_thread(serial, &life.name);
                }
            }
            Op::End(index) => {
                if !self.living.is_empty() {
                    let thread = self.living.swap_remove(index % self.living.len());
                    self.end(thread);
                }
            }
            Op::Generations(threads, calls) => {
                for _ in 0..threads {
                    let thread = self.begin();
                    self.call(thread, calls);
                    self.end(thread);
                }
            }
            Op::Task(index, steps) => living(index).into_iter().for_each(|thread| self.task(thread, steps)),
        }
    }
}

/// What is in a file is what is known of its threads, by serial, of whom so many live, and of so many tasks.
fn check(contents: &Contents, lives: &BTreeMap<u32, Life>, living: usize, tasks: u64) {
    let mut forgotten = Forgotten::default();
    for (serial, life) in lives {
        let Some(thread) = contents.threads.get(serial) else {
            assert!(life.is_over, "thread {serial} lives and is not in the file");
            forgotten.threads += u64::from(life.calls > 0);
            forgotten.events += life.calls;
            continue;
        };
        assert_eq!(thread.name.as_ref(), Some(&life.name), "{} events are there", thread.events.len());
        assert_eq!((thread.total, thread.ended, thread.lost), (life.calls, life.is_over, 0));
    }
    assert!(contents.threads.keys().all(|serial| lives.contains_key(serial)));
    let of_tasks = contents.threads.values().flat_map(|thread| &thread.events).filter(|event| event.task != 0);
    for event in of_tasks {
        assert_eq!(contents.tasks.get(&event.task), Some(&format!("task {}", event.task)));
    }
    let found = contents.header.forgotten;
    assert_eq!((found.threads, found.events), (forgotten.threads, forgotten.events));
    assert_eq!(found.tasks + contents.tasks.len() as u64, tasks);
    // A label stays for a thread that lives, has events in the file, or ended in a segment that still is there.
    let most = living + contents.kept() as usize + 2 * RECORDS;
    assert!(contents.threads.len() <= most, "{} labels", contents.threads.len());
}

fn record(entries: u64, run: impl FnOnce(&mut Both<'_>)) -> Contents {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), entries)).unwrap();
    let function = recorder.function(&NamedFunction { name: "f".into(), ..NamedFunction::default() }.borrow());
    let mut both = Both { recorder: &recorder, function, living: Vec::new(), lives: BTreeMap::new(), tasks: 0 };
    run(&mut both);
    let Both { living, lives, tasks, .. } = both;
    // What a process leaves that dies here, and what one leaves that closes the file.
    let dead = directory.path().join("dead.bin");
    copy_of_the_dead(recorder.path(), &dead);
    check(&Contents::read(&dead), &lives, living.len(), tasks);
    let path = recorder.path().to_owned();
    recorder.close();
    let contents = Contents::read(&path);
    check(&contents, &lives, living.len(), tasks);
    let report = Report::of(&[path], directory.path());
    let kept = contents.kept().min(entries);
    let recorded: u64 = contents.threads.values().map(|thread| thread.total).sum();
    assert_eq!(report.summary.overwritten(), recorded + contents.header.forgotten.events - kept);
    contents
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_in_the_file_has_its_name(entries in 1u64..3000, ops in prop::collection::vec(op(), 1..120)) {
        record(entries, |both| ops.iter().for_each(|op| both.run(op)));
    }
}

/// The file of a server that starts a thread for each request is as long after a hundred thousand as after ten thousand.
#[test]
fn the_file_does_not_grow_with_threads_that_are_gone() {
    let segments = |threads: usize| {
        let contents = record(1000, |both| both.run(&Op::Generations(threads, 10)));
        assert!(contents.header.forgotten.threads >= threads as u64 - 200);
        contents.segments
    };
    let few = segments(10_000);
    assert_eq!(segments(100_000), few);
    assert!(few < 30, "{few} segments");
}

/// The same for tasks of a thread that lives on.
#[test]
fn the_file_does_not_grow_with_tasks_that_are_gone() {
    let segments = |tasks: usize| {
        let contents = record(1000, |both| {
            both.run(&Op::Begin);
            (0..tasks).for_each(|_| both.run(&Op::Task(0, 3)));
        });
        assert!(contents.header.forgotten.tasks >= tasks as u64 - 400);
        contents.segments
    };
    assert_eq!(segments(50_000), segments(5000));
}

/// A merge of a file whose writer lives: threads are forgotten between its first look and its last, and still every
/// event that it shows is of a thread with a name.
#[test]
fn names_of_threads_that_are_forgotten_while_the_file_is_read() {
    let directory = TempDir::new().unwrap();
    let recorder = Recorder::create(options(directory.path(), 60_000)).unwrap();
    let function = recorder.function(&NamedFunction { name: "f".into(), ..NamedFunction::default() }.borrow());
    let (full, is_over) = (Barrier::new(2), AtomicBool::new(false));
    let path = recorder.path().to_owned();
    std::thread::scope(|scope| {
        let (recorder, full, is_over) = (&recorder, &full, &is_over);
        scope.spawn(move || {
            let mut both = Both { recorder, function, living: Vec::new(), lives: BTreeMap::new(), tasks: 0 };
            both.run(&Op::Generations(8000, 10));
            full.wait();
            while !is_over.load(Ordering::Relaxed) {
                both.run(&Op::Generations(4, 10));
                std::thread::sleep(Duration::from_micros(50)); // a round takes longer than a look at the file
            }
        });
        full.wait();
        let _end = End(is_over); // also if something here is not as it should be
        let mut forgotten = 0;
        for _ in 0..2 {
            let report = Report::of(std::slice::from_ref(&path), directory.path());
            let file = &report.summary.files[0];
            assert_eq!(file.state.word(), "living");
            for thread in file.threads.iter().filter(|thread| thread.events > 0) {
                assert!(thread.name.starts_with("thread "), "{thread:?}");
            }
            assert!(file.forgotten_threads > forgotten, "the ring stands still");
            forgotten = file.forgotten_threads;
        }
    });
}

/// Tells the other thread that it is over.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
