//! The golden files with any byte flipped and cut at any length, and files that are mostly holes, through whole merges:
//! every report is one of its kind and holds what the damage did not hit, in little memory.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use support::{Case, GOLDEN, OUTPUTS, PAGE, repair::repair};
use viztracer_merge::{Request, Selection, Summary, merge};

/// Files in a merge: opening them takes no longer than starting one.
const BATCH: usize = 256;
/// Far more than any of these merges needs, and far less than what damaged sizes could ask for.
const MEMORY_MAX: u64 = 300 << 20;

/// The bytes of a golden file that mean something, and some of the zeros behind them.
fn places(golden: &[u8]) -> impl Iterator<Item = usize> {
    let is_used = |at: &usize| golden[*at..golden.len().min(at + 8)].iter().any(|byte| *byte != 0);
    (0..golden.len()).filter(move |at| is_used(at) || at % 61 == 0)
}

/// By page, the events that are recorded there.
fn events(golden: &[u8]) -> Vec<u64> {
    let without = |page: usize| {
        let mut file = golden.to_vec();
        file[page * PAGE..][..PAGE].fill(0);
        merged(&Case::new([&file[..]], "bin"), OUTPUTS[0]).events()
    };
    let whole = merged(&Case::new([golden], "bin"), OUTPUTS[0]).events();
    // An event that shares its payload with another one is shown once the payload is gone.
    let mut events: Vec<u64> = (1..golden.len() / PAGE).map(|page| whole.saturating_sub(without(page))).collect();
    events.insert(0, 0);
    events
}

fn merged(case: &Case, output: &str) -> Summary {
    case.merge(output, Selection::default()).expect("some of the files can be read").0
}

/// Merges these files into every kind of report. `expected` is, by file, how many events there must be at least.
fn check(files: &[Vec<u8>], expected: &[Option<u64>]) {
    let case = Case::new(files.iter().map(Vec::as_slice), "bin");
    for output in OUTPUTS {
        let summary = merged(&case, output);
        assert_eq!(summary.files.len() + summary.bad.len(), files.len());
        for file in &summary.files {
            let number: usize = file.path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let found: u64 = file.threads.iter().map(|thread| thread.events).sum();
            let at_least = expected[number].unwrap_or(0);
            assert!(found >= at_least, "{output}: file {number}: {found} of {at_least} events");
        }
        let is_bad = |number: usize| summary.bad.iter().any(|bad| bad.path.ends_with(format!("{number}.bin")));
        for (number, expected) in expected.iter().enumerate() {
            assert!(expected.is_none() || !is_bad(number), "{output}: file {number} was not read");
        }
    }
    assert!(peak_memory() < MEMORY_MAX);
}

fn check_all(mut damaged: impl Iterator<Item = (Vec<u8>, Option<u64>)>) {
    loop {
        let (mut files, mut expected): (Vec<_>, Vec<_>) = damaged.by_ref().take(BATCH).unzip();
        if files.is_empty() {
            break;
        }
        // One that is whole, so that there is a report.
        files.push(GOLDEN[0].to_vec());
        expected.push(Some(1));
        check(&files, &expected);
    }
}

#[test]
fn any_byte_flipped() {
    for golden in GOLDEN {
        let events = events(golden);
        assert!(events.iter().sum::<u64>() >= 4);
        check_all(places(golden).map(|at| {
            let others = events.iter().enumerate().filter(|(page, _)| *page != at / PAGE).map(|(_, events)| events);
            // Of a damaged header nothing is believed. Frames that are open may be those of any thread.
            let expected = (at >= PAGE).then(|| others.sum::<u64>().saturating_sub(3));
            let mut file = golden.to_vec();
            file[at] ^= [0xff, 0x01, 0x80][at % 3];
            (file, expected)
        }));
    }
}

#[test]
fn any_byte_flipped_and_all_checksums_right() {
    for golden in GOLDEN {
        check_all(places(golden).filter_map(|at| {
            let mut file = golden.to_vec();
            file[at] ^= 0xff;
            let repaired = repair(&file);
            (repaired != file).then_some((repaired, None))
        }));
    }
}

#[test]
fn cut_at_any_length() {
    for golden in GOLDEN {
        let events = events(golden);
        check_all(places(golden).map(|length| {
            let whole = events.iter().take(length / PAGE).sum();
            (golden[..length].to_vec(), (length >= PAGE).then_some(whole))
        }));
    }
}

/// A file of this size with the golden file's segments far apart, and the header.
fn sparse(path: &Path, golden: &[u8], size: u64) {
    let mut file = File::create(path).unwrap();
    file.set_len(size).unwrap();
    let (header, segments) = golden.split_at(PAGE);
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(header).unwrap();
    let pages = size / PAGE as u64 - 1;
    let count = (segments.len() / PAGE) as u64;
    for (number, segment) in (0..).zip(segments.chunks(PAGE)) {
        let page = 1 + number * (pages - 1) / (count - 1);
        file.seek(SeekFrom::Start(page * PAGE as u64)).unwrap();
        file.write_all(segment).unwrap();
    }
}

/// The time is not measured: to look at every page of a TiB takes minutes.
#[test]
#[cfg_attr(windows, ignore = "nobody says there where the holes of a file are")]
fn holes_cost_nothing() {
    for golden in GOLDEN {
        let expected = Case::new([golden], "bin");
        for size in [2 << 30, 1 << 40] {
            let directory = tempfile::tempdir().unwrap();
            let input = directory.path().join("0.bin");
            sparse(&input, golden, size);
            for output in OUTPUTS {
                let path = directory.path().join(output);
                merge(&Request::new(vec![input.clone()], path.clone()), &()).unwrap();
                let (_, plain) = expected.merge(output, Selection::default()).unwrap();
                assert!(fs::read(path).unwrap() == plain, "{output} of {size} bytes");
            }
        }
    }
    assert!(peak_memory() < MEMORY_MAX);
}

#[test]
fn a_file_that_is_a_hole() {
    let directory = tempfile::tempdir().unwrap();
    let (hole, header) = (directory.path().join("hole.bin"), directory.path().join("header.bin"));
    File::create(&hole).unwrap().set_len(2 << 30).unwrap();
    fs::write(&header, &GOLDEN[0][..PAGE]).unwrap();
    OpenOptions::new().write(true).open(&header).unwrap().set_len(1 << 40).unwrap();
    let request = Request::new(vec![hole, header], directory.path().join("out.json"));
    let summary = merge(&request, &()).unwrap();
    assert_eq!(summary.bad[0].problem.to_string(), "not a ring file: it does not begin with VIZRING (offset 0)");
    assert_eq!((summary.files.len(), summary.events()), (1, 0));
    assert!(peak_memory() < MEMORY_MAX);
}

/// The most memory that this process had so far, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
