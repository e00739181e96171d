//! Files that change while they are read: between the plan and the report, and in the middle of that.

use super::{Case, large, small};
use crate::report::write::Format;
use crate::sample::call;
use crate::trace::Trace;
use crate::{Request, Selection, Summary};
use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::thread;

/// The kinds of report that are read differently, and whether they are written while files are read.
const OUTPUTS: [(&str, bool); 3] = [("out.json", true), ("out.pftrace", true), ("out.folded", false)];

/// A long file that is changed, and a small one that is not.
fn case(sealed: bool) -> Case {
    let mut case = Case::new();
    case.add("changed.bin", large(1).bytes(sealed));
    let mut other = small(2);
    other.calls(1, 0, &[call(1, 5_000_000, 10)], true);
    case.add("other.bin", other.bytes(true));
    case
}

/// Merges into every kind of report, in one reading and in two, while the first file is changed.
fn merges(sealed: bool, living: bool, change: impl Fn(&Path) + Sync, check: impl Fn(&Summary, &str)) {
    let in_two = Selection { max_depth: Some(1), ..Selection::default() };
    for ((output, is_streamed), selection) in OUTPUTS.iter().zip([Selection::default(), in_two].iter().cycle()) {
        for in_the_middle in [false, true] {
            if in_the_middle && !is_streamed {
                continue;
            }
            let case = case(sealed);
            let changed = &case.inputs[0];
            let lock = File::open(changed).unwrap();
            if living {
                flock(&lock, FlockOperation::LockExclusive).unwrap();
            }
            let path = case.directory.path().join(output);
            let (threads, selection) = (Some(1), selection.clone());
            let request = Request { threads, selection, ..Request::new(case.inputs.clone(), path.clone()) };
            let trace = Trace::read(&request, &()).unwrap();
            let (summary, bytes) = match in_the_middle {
                false => {
                    change(changed);
                    let summary = trace.report(&(), &path, Format::of(&path, None).unwrap()).unwrap();
                    (summary, fs::read(&path).unwrap())
                }
                true => in_the_middle_of(&trace, &path, || change(changed)),
            };
            assert_eq!(summary.files[1].threads[0].events, 1, "{output}: the other file is whole");
            check(&summary, output);
            if *output == "out.json" {
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
            }
        }
    }
}

/// Writes the report into a pipe. Its only worker waits with the first part until it is read, before it reads the next.
fn in_the_middle_of(trace: &Trace<'_>, path: &Path, change: impl Fn() + Sync) -> (Summary, Vec<u8>) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    thread::scope(|scope| {
        let read = scope.spawn(|| {
            let mut pipe = File::open(path).unwrap();
            let mut bytes = vec![0];
            pipe.read_exact(&mut bytes).unwrap();
            change();
            pipe.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let summary = trace.report(&(), path, Format::of(path, None).unwrap()).unwrap();
        (summary, read.join().unwrap())
    })
}

const ALL: u64 = 120 * 248;

fn events(summary: &Summary) -> u64 {
    summary.files[0].threads.iter().map(|thread| thread.events + thread.left_out).sum()
}

fn all_are_there(summary: &Summary, output: &str) {
    assert_eq!((events(summary), summary.files[0].problems.count), (ALL, 0), "{output}");
}

fn append(path: &Path) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(&[0xa5; 100_000]).unwrap();
}

fn truncate(path: &Path) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(4096 * 20 + 1000).unwrap();
}

fn replace(path: &Path) {
    let mut ring = small(77);
    ring.calls(1, 0, &[call(1, 5_000_000, 10); 100], true);
    fs::write(path.with_extension("new"), ring.bytes(true)).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

#[test]
fn what_is_appended_is_not_asked_for() {
    merges(true, false, append, all_are_there);
    merges(false, true, append, all_are_there);
}

/// Of a process that lives a copy is read.
#[test]
fn a_living_file_may_become_anything() {
    merges(false, true, truncate, all_are_there);
    merges(false, true, replace, all_are_there);
    merges(false, true, |path| fs::remove_file(path).unwrap(), all_are_there);
}

#[test]
fn of_a_file_that_is_cut_the_rest_is_told_and_the_loss_is_named() {
    for sealed in [true, false] {
        merges(sealed, false, truncate, |summary, output| {
            // Twenty pages are left at least, and what was read before.
            assert!((18 * 248..ALL).contains(&events(summary)), "{output}: {} events", events(summary));
            let problems = &summary.files[0].problems;
            assert!(problems.count > 0 && problems.first[0].reason.starts_with("cut off: "), "{output}: {problems:?}");
        });
    }
}

/// If it is gone before it was opened for the report, it is missing there; once it is open, it is whole.
#[test]
fn a_file_that_goes_or_gives_its_name_to_another() {
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    for sealed in [true, false] {
        merges(sealed, false, remove, |summary, output| {
            gone_or_whole(summary, output, "No such file or directory");
        });
        merges(sealed, false, replace, |summary, output| {
            gone_or_whole(summary, output, "another file has taken its name meanwhile");
        });
    }
}

fn gone_or_whole(summary: &Summary, output: &str, reason: &str) {
    match summary.files[0].problems.first.first() {
        Some(problem) => assert_eq!((events(summary), &*problem.reason), (0, reason), "{output}"),
        None => assert_eq!(events(summary), ALL, "{output}"),
    }
}
