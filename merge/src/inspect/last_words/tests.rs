//! Last words of small ring files, from bytes to text.

use super::*;
use crate::align::{Align, align};
use crate::sample::{Ring, call, record, small};
use crate::{Request, command, merge, trace::Trace};
use proptest::prelude::*;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use viztracer_format::header::STATUS_OFFSET;
use viztracer_format::record::{Kind, Record};

/// A directory with ring files in it.
struct Case {
    directory: TempDir,
}

impl Case {
    fn of(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Case {
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(directory.path().join(name), bytes).unwrap();
        }
        Case { directory }
    }

    fn request(&self) -> Request {
        Request::new(vec![self.directory.path().into()], self.directory.path().join("out.json"))
    }

    /// The text, but for what depends on the machine.
    fn text(&self) -> String {
        let mut bytes = Vec::new();
        let request = self.request();
        Trace::read(&request, &()).unwrap().last_words(&(), false, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|line| line.starts_with("  file:") || line.chars().count() <= 100), "{text}");
        let without = |line: &str| line.starts_with("  last record:") || line.starts_with("  file:");
        text.lines().filter(|line| !without(line)).map(|line| format!("{line}\n")).collect()
    }

    fn words(&self) -> LastWords {
        let plan = FilePlan::of(&self.directory.path().join("a.bin")).unwrap();
        let plans = [plan];
        LastWords::of(&plans[0], &align(&plans, Align::Clock, &[]).clocks[0])
    }

    fn command(&self, more: &[&str]) -> u8 {
        let words = ["viztracer-merge", "-q", "--last_words"].iter().chain(more).map(OsString::from);
        command(words.chain([self.directory.path().into()]), &|| false)
    }
}

#[test]
fn what_a_killed_process_was_doing() {
    let mut ring = small(11);
    ring.thread(2, 12, "worker", 0, 0);
    ring.function(3, "<module>", "/x/ev.py", 1);
    ring.stack(2, &[(1, 5_001_000)]);
    ring.stack(1, &[(3, 5_000_000), (1, 5_100_000), (2, 7_000_000)]);
    let calls =
        [record(Kind::Yield, 1, 5_200_000, 10), record(Kind::Raise, 1, 5_300_000, 700_000), call(2, 6_999_000, 950)];
    ring.calls(1, 0, &calls, false);
    let expected = "\
MainProcess (pid 11) ended without a word (SIGKILL, or _exit or exec in C code)
  command:     python x.py

  MainThread (tid 11)
    open calls, outermost first                                                         for at least
     0  <module> (/x/ev.py:1)                                                               2.000 ms
     1  f (/x/ev.py:7)                                                                      1.900 ms
     2  builtins.len                                                                         unknown
    last 3 calls that ended, newest last                               took    before end  how
    f (/x/ev.py:7)                                                    10 ns      1.799 ms  yielded
    f (/x/ev.py:7)                                               700.000 us      1.000 ms  raised
    builtins.len                                                     950 ns         50 ns  returned

  worker (tid 12)
    open calls, outermost first                                                         for at least
     0  f (/x/ev.py:7)                                                                      1.999 ms
    no call ended that is still recorded

";
    assert_eq!(Case::of([("a.bin", ring.bytes(false))]).text(), expected);
}

#[test]
fn who_ended_in_order_has_none() {
    let sealed = || small(11).bytes(true);
    let case = Case::of([("a.bin", sealed())]);
    assert_eq!(case.text(), "The process ended in order: it has no last words.\n");
    assert_eq!(case.command(&[]), 0);
    let case = Case::of([("a.bin", sealed()), ("b.bin", small(11).bytes(false)), ("c.bin", sealed())]);
    let text = case.text();
    assert!(text.starts_with("MainProcess (pid 11) ended without a word (SIGKILL"));
    assert!(text.ends_with(
        "    no call open\n    no call ended that is still recorded\n\n2 other processes ended in order.\n"
    ));
}

#[test]
fn only_selected_processes_have_words() {
    let case = Case::of([("a.bin", small(11).bytes(false)), ("b.bin", small(12).bytes(false))]);
    let text = |pids: &[u32]| {
        let (mut request, mut bytes) = (case.request(), Vec::new());
        request.selection.pids = pids.to_vec();
        Trace::read(&request, &()).unwrap().last_words(&(), false, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert!(text(&[11]).contains("(pid 11)") && !text(&[11]).contains("(pid 12)"));
    assert!(text(&[]).contains("(pid 11)") && text(&[]).contains("(pid 12)"));
    assert_eq!(text(&[13]), "");
}

#[test]
fn only_what_is_needed_is_read() {
    let mut ring = small(11);
    for segment in 0..50u64 {
        let calls = [call(1, 5_000_000 + segment * 100, 10); 9];
        ring.calls(1, segment * 9, &calls, true);
    }
    let mut bytes = ring.bytes(false);
    // Damage in all segments but the last three, which hold 27 calls.
    (0..47).for_each(|segment| bytes[4096 + segment * 4096 + 130] ^= 1);
    let words = Case::of([("a.bin", bytes.clone())]).words();
    assert_eq!((words.threads[0].calls.len(), words.problems.count), (20, 0));
    // In the segment before: the calls behind its begin still count.
    bytes[4096 + 48 * 4096 + 130] ^= 1;
    let case = Case::of([("a.bin", bytes)]);
    let words = case.words();
    assert_eq!((words.threads[0].calls.len(), words.problems.count), (18, 48));
    assert_eq!(case.command(&[]), 1);
}

#[test]
fn a_segment_that_changed_hands() {
    let mut ring = small(11);
    ring.thread(2, 12, "second", 0, 0);
    ring.calls(1, 0, &[call(1, 5_000_000, 1), Record::thread(2), call(2, 5_000_010, 1)], true);
    for segment in 0..3 {
        ring.calls(1, 1 + segment * 20, &[call(1, 5_000_100, 1); 20], true);
    }
    let words = Case::of([("a.bin", ring.bytes(false))]).words();
    let calls: Vec<_> = words.threads.iter().map(|t| (t.calls.len(), words.function(t.calls[0].function))).collect();
    assert_eq!(calls, [(20, "f (/x/ev.py:7)".to_owned()), (1, "builtins.len".to_owned())]);
}

#[test]
fn threads_that_had_ended_are_only_counted() {
    let mut ring = small(11);
    ring.thread(2, 12, "second", 0, 0);
    let entry = ring.names.len() - 56 - 32; // THREAD, then THREADNAME
    ring.names[entry + 32] = 9;
    ring.calls(2, 0, &[call(1, 5_000_000, 1)], true);
    let case = Case::of([("a.bin", ring.bytes(false))]);
    assert_eq!(case.words().ended, 1);
    assert!(case.text().ends_with("\n  1 other thread had ended before\n\n"));
}

#[test]
fn records_of_unknown_kind_are_passed_over() {
    let mut ring = small(11);
    let unknown = Record { word0: 0x2f, word1: 7 };
    ring.calls(1, 0, &[call(1, 5_000_000, 1), unknown, call(2, 5_000_010, 1)], false);
    let words = Case::of([("a.bin", ring.bytes(false))]).words();
    assert_eq!((words.threads[0].calls.len(), words.problems.count), (2, 0));
}

#[test]
fn deep_stacks_and_long_names() {
    let mut ring = small(11);
    let long = format!("begin{}end", "x".repeat(300));
    ring.function(3, &long, "/x/ev.py", 9);
    ring.stack(1, &(0..1000).map(|i| (1, 5_000_000 + i)).chain([(3, 5_002_000)]).collect::<Vec<_>>());
    let text = Case::of([("a.bin", ring.bytes(false))]).text();
    assert!(text.contains("\n    ... 941 more ...\n"));
    assert!(text.contains("\n      19  f ") && !text.contains("\n      20  f ") && text.contains("\n     961  f "));
    assert!(text.contains("\n    1000  beginx") && text.contains("end (/x/ev.py:9)"), "{text}");
}

#[test]
fn the_summary_names_the_innermost_calls() {
    let thread = |ring: &mut Ring, serial: u32, frames: &[(u32, u64)]| {
        ring.thread(serial, u64::from(serial) + 10, &format!("T{serial}"), 0, 0);
        ring.stack(serial, frames);
    };
    let mut killed = Ring::new(13, 5_000_000);
    killed.function(1, "f", "/x/ev.py", 7);
    for serial in 1..7 {
        thread(&mut killed, serial, &[(1, 5_000_000), (1, 5_000_001)]);
    }
    let case = Case::of([("a.bin", killed.bytes(false)), ("b.bin", small(11).bytes(true))]);
    let summary = merge(&case.request(), &()).unwrap();
    let expected = [
        "MainProcess (pid 13) ended without a word in f (ev.py:7) [T3]",
        "MainProcess (pid 13) ended without a word in f (ev.py:7) [T1]",
        "MainProcess (pid 13) ended without a word in f (ev.py:7) [T2]",
        "... and 3 more threads of MainProcess (pid 13)",
    ];
    assert_eq!(summary.last_words.lines, expected);
    let shown = summary.to_string();
    assert!(shown.contains(&format!("\n{}\n", expected.join("\n"))), "{shown}");
}

/// A process whose header says that it ended so, with these calls open in its one thread.
fn ended(ending: u64, parent_pid: u32, open: &[&str], inherited: bool) -> Vec<u8> {
    let mut ring = Ring::new(13, 5_000_000);
    (ring.identity.parent_pid, ring.identity.session_id) = (parent_pid, [7; 16]);
    for (id, name) in (1..).zip(open) {
        ring.function(id, name, if name.contains('.') { "" } else { "/x/ev.py" }, 7);
    }
    ring.thread(1, 13, "T", 0, 0);
    ring.stack(1, &(1..=open.len() as u32).map(|id| (id, 5_000_000 + u64::from(id))).collect::<Vec<_>>());
    let mut bytes = ring.bytes(false);
    bytes[STATUS_OFFSET + 72..][..8].copy_from_slice(&ending.to_le_bytes());
    bytes[STATUS_OFFSET + 80..][..8].copy_from_slice(&6_000_000u64.to_le_bytes());
    if inherited {
        (0..open.len()).for_each(|frame| bytes[4096 + 128 + 64 + 16 * frame] |= 0x40);
    }
    bytes
}

#[test]
fn one_vocabulary() {
    let case = |ending, open: &[&str], inherited| {
        let case = Case::of([("a.bin", ended(ending, 1, open, inherited))]);
        let summary = merge(&case.request(), &()).unwrap();
        (summary.files[0].ending.word().into_owned(), summary.last_words.lines, case.text())
    };
    let (word, lines, text) = case(4 | 11 << 8, &["f"], false);
    assert_eq!(
        (&*word, &*lines[0]),
        ("crashed by SIGSEGV", "MainProcess (pid 13) crashed by SIGSEGV in f (ev.py:7) [T]")
    );
    assert!(text.starts_with("MainProcess (pid 13) crashed by SIGSEGV\n"), "{text}");
    assert!(text.contains("was open for\n") && text.contains(" 999.999 us\n"), "until the last sign: {text}");
    let left = "left by os._exit";
    let exec = "became another program (exec)";
    for (ending, open, inherited, expected) in [
        (2, &["f"], false, left),
        (0, &["posix._exit"], false, left),
        (3, &["f"], false, exec),
        (0, &["posix.execve"], false, exec),
        (0, &["_posixsubprocess.fork_exec"], true, exec),
        (0, &["_execute_child"], true, exec),
        (0, &["create_subprocess_shell"], true, exec),
    ] {
        let (word, lines, text) = case(ending, open, inherited);
        assert_eq!((&*word, &lines[..]), (expected, &[][..]));
        assert!(text.starts_with(&format!("MainProcess (pid 13) {expected}\n")), "{text}");
    }
    assert_eq!(case(0, &["_execute_child"], false).0, "ended without a word");
}

/// A pool ends its workers by a signal: where each of them was is of no use.
#[test]
fn a_worker_that_its_program_ends_gets_no_line() {
    let first = |opened, session| {
        let mut ring = Ring::new(11, opened);
        ring.identity.session_id = [session; 16];
        ring.bytes(true)
    };
    let lines = |files: Vec<(&'static str, Vec<u8>)>| {
        let case = Case::of(files);
        merge(&case.request(), &()).unwrap().last_words.lines
    };
    let worker = |parent_pid| ended(4 | 15 << 8, parent_pid, &["f"], false);
    let shown = ["MainProcess (pid 13) ended by SIGTERM in f (ev.py:7) [T]"];
    assert_eq!(lines(vec![("a.bin", worker(1))]), shown);
    assert!(lines(vec![("a.bin", worker(11)), ("b.bin", first(4_000_000, 7))]).is_empty());
    assert!(
        lines(vec![("a.bin", worker(12)), ("b.bin", first(4_000_000, 7))]).is_empty(),
        "its parent is not recorded"
    );
    assert_eq!(lines(vec![("a.bin", worker(1)), ("b.bin", first(4_000_000, 8))]), shown, "of another run");
    assert_eq!(lines(vec![("a.bin", worker(1)), ("b.bin", first(6_000_000, 7))]), shown, "the first one itself");
}

/// As the tracer merges the files of a run that has a report for each process.
#[test]
fn a_worker_alone_gets_no_line_if_it_is_known_as_one() {
    let case = Case::of([("a.bin", ended(4 | 15 << 8, 11, &["f"], false))]);
    let request = Request { are_workers: true, ..case.request() };
    assert!(merge(&request, &()).unwrap().last_words.lines.is_empty());
    fs::remove_file(case.directory.path().join("a.bin")).unwrap();
    let again = Request::new(vec![request.output], case.directory.path().join("again.json"));
    let again = merge(&again, &()).unwrap();
    assert!(again.last_words.lines.is_empty(), "its report says it");
    assert!(crate::report::loss::lines(&again).is_empty());
}

#[test]
fn many_processes_are_summed_up() {
    let directory = tempfile::tempdir().unwrap();
    for pid in 0..13 {
        let mut ring = Ring::new(pid, 5_000_000);
        ring.stack(1, &[(1, 5_000_001)]);
        fs::write(directory.path().join(format!("{pid}.bin")), ring.bytes(false)).unwrap();
    }
    let summary = merge(&Request::new(vec![directory.path().into()], directory.path().join("out.json")), &()).unwrap();
    assert_eq!(summary.last_words.lines.len(), 11);
    assert_eq!(summary.last_words.lines[0], "MainProcess (pid 0) ended without a word in unknown function [Thread-1]");
    assert_eq!(summary.last_words.lines[10], "... and 3 more processes; --last_words shows all");
}

#[test]
fn one_more_is_one() {
    let directory = tempfile::tempdir().unwrap();
    for pid in 0..11 {
        let mut ring = Ring::new(pid, 5_000_000);
        (1..5).for_each(|serial| ring.stack(serial, &[(1, 5_000_001)]));
        fs::write(directory.path().join(format!("{pid}.bin")), ring.bytes(false)).unwrap();
    }
    let summary = merge(&Request::new(vec![directory.path().into()], directory.path().join("out.json")), &()).unwrap();
    assert_eq!(summary.last_words.lines[3], "... and 1 more thread of MainProcess (pid 0)");
    assert_eq!(summary.last_words.lines.last().unwrap(), "... and 1 more process; --last_words shows all");
}

#[test]
fn exit_status_and_report() {
    let case = Case::of([("a.bin", small(11).bytes(false))]);
    let output: PathBuf = case.directory.path().join("out.json");
    assert_eq!(case.command(&[]), 0);
    assert!(!output.exists());
    assert_eq!(case.command(&["-o", output.to_str().unwrap()]), 0);
    assert!(output.exists());
    assert_eq!(case.command(&["-o", "out.txt"]), 2);
    assert_eq!(case.command(&["/nowhere.bin"]), 1);
    for name in ["a.bin", "out.json"] {
        fs::remove_file(case.directory.path().join(name)).unwrap();
    }
    assert_eq!(case.command(&[]), 2);
}

#[test]
fn a_reader_who_goes_away_and_a_full_disk() {
    struct Fails(io::ErrorKind);
    use std::io::{self, Write};
    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let case = Case::of([("a.bin", small(11).bytes(false))]);
    let request = case.request();
    let trace = Trace::read(&request, &()).unwrap();
    assert!(trace.last_words(&(), false, &mut Fails(io::ErrorKind::BrokenPipe)).is_ok());
    assert!(trace.last_words(&(), false, &mut Fails(io::ErrorKind::StorageFull)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_last_calls_are_those_of_an_oracle(
        gaps in prop::collection::vec((0usize..4, 0u64..50, any::<bool>()), 1..400),
        entries in prop::sample::select(vec![0u64, 10, 100, 1000]),
        per_segment in 1usize..60,
        sealed in any::<bool>(),
    ) {
        let mut ring = small(11);
        ring.identity.entries = entries;
        let mut threads: [Vec<(u64, bool)>; 4] = Default::default();
        let mut now = 5_000_000;
        for (thread, gap, raised) in gaps {
            now += gap;
            threads[thread].push((now, raised));
        }
        // Half of the threads go on in a segment of the one before.
        let kind = |raised: bool| if raised { Kind::Raise } else { Kind::Return };
        let records = |calls: &[(u64, bool)]| -> Vec<Record> {
            calls.iter().map(|(end, raised)| record(kind(*raised), 1, end - 1, 1)).collect()
        };
        for pair in [0usize, 2] {
            let (first, second) = (&threads[pair], &threads[pair + 1]);
            let serial = pair as u32 + 1;
            ring.thread(serial, 100 + serial as u64, "", 0, 0);
            ring.thread(serial + 1, 101 + serial as u64, "", 0, 0);
            let (whole, rest) = first.split_at(first.len() - first.len() % per_segment);
            for (index, part) in whole.chunks(per_segment).enumerate() {
                ring.calls(serial, (index * per_segment) as u64, &records(part), sealed);
            }
            let (begin, after) = second.split_at(second.len().min(per_segment));
            let both = [&records(rest)[..], &[Record::thread(serial + 1)], &records(begin)].concat();
            ring.calls(serial, whole.len() as u64, &both, sealed);
            for (index, part) in after.chunks(per_segment).enumerate() {
                ring.calls(serial + 1, (begin.len() + index * per_segment) as u64, &records(part), sealed);
            }
        }
        let mut all: Vec<(u64, u32, bool)> = Vec::new();
        for (thread, calls) in threads.iter().enumerate() {
            all.extend(calls.iter().map(|(end, raised)| (*end, thread as u32 + 1, *raised)));
        }
        all.sort_by_key(|(end, serial, _)| (*end, *serial));
        let dropped = if entries == 0 { 0 } else { all.len().saturating_sub(entries as usize) };
        let words = Case::of([("a.bin", ring.bytes(false))]).words();
        let newest = all.iter().map(|(end, ..)| *end).max().unwrap_or(0);
        for serial in 1..5u32 {
            let of_thread: Vec<_> = all[dropped..].iter().filter(|(_, of, _)| *of == serial).collect();
            let expected: Vec<_> = of_thread[of_thread.len().saturating_sub(20)..]
                .iter()
                .map(|(end, _, raised)| (newest - end, *raised))
                .collect();
            let shown = words.threads.iter().find(|thread| thread.tid == 100 + u64::from(serial));
            let shown: Vec<_> = shown.map_or(vec![], |thread| {
                thread.calls.iter().map(|call| (call.before, call.kind == Kind::Raise)).collect()
            });
            prop_assert_eq!(shown, expected);
        }
    }

    #[test]
    fn damage_never_panics(
        length in 0usize..40_000,
        flips in prop::collection::vec((4096usize..40_000, 0u8..8), 0..12),
    ) {
        let mut ring = small(11);
        ring.calls(1, 0, &[call(1, 5_000_000, 10); 17], true);
        ring.calls(1, 17, &[&[Record::thread(2)], &[call(1, 5_000_100, 10); 3][..]].concat(), true);
        ring.calls(1, 17, &[call(2, 5_000_200, 10); 5], false);
        ring.stack(1, &[(1, 5_000_001), (2, 5_000_002)]);
        let mut bytes = ring.bytes(false);
        bytes.truncate(length.max(4096));
        for (at, bit) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        Case::of([("a.bin", bytes)]).text();
    }
}
