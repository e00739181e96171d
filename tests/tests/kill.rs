//! A process is killed while it records: all ended calls are in the file, and the open calls are known.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use viztracer_tests::contents::Contents;
use viztracer_tests::left::{check, recording};
use viztracer_tests::program::Random;
use viztracer_tests::{names_in, ring_files};

/// Starts a process that records, and counts the ended calls of each thread.
fn start(directory: &Path, counts: &Path, entries: u64, threads: u64, seed: u64) -> Child {
    fs::write(counts, vec![0; 8 * threads as usize]).unwrap();
    let orders = [("entries", entries), ("threads", threads), ("seed", seed)];
    let mut command = recording(env!("CARGO_BIN_EXE_record"), directory, &orders);
    command.arg(format!("counts={}", counts.display())).stdout(Stdio::piped()).spawn().unwrap()
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Returns the file of a process that was killed after it had begun to record.
fn kill_after(delay: Duration, entries: u64, threads: u64, seed: u64) {
    let (directory, scratch) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let counts = scratch.path().join("counts");
    let mut child = start(directory.path(), &counts, entries, threads, seed);
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    std::thread::sleep(delay);
    kill(child);
    let [file] = &ring_files(directory.path())[..] else { panic!("{:?}", names_in(directory.path())) };
    let contents = check(file.clone(), seed, scratch.path());
    assert!(!contents.header.sealed);
    check_counts(&contents, &fs::read(counts).unwrap());
}

/// No call that a thread counted is missing; one more may have ended since.
fn check_counts(contents: &Contents, counts: &[u8]) {
    let counts = counts.as_chunks::<8>().0.iter().map(|count| u64::from_le_bytes(*count));
    for (number, counted) in counts.enumerate() {
        let name = number.to_string();
        let thread = contents.threads.values().find(|thread| thread.name.as_deref() == Some(&name));
        let total = thread.map_or(0, |thread| thread.total);
        assert!((counted..=counted + 1).contains(&total), "thread {number}: {total} of {counted}");
    }
}

fn kill_often(threads: u64, kills: u64) {
    let mut random = Random::new(threads);
    for seed in 0..kills {
        let entries = [10, 300, 1000, 5000][seed as usize % 4];
        kill_after(Duration::from_micros(random.number() % 12_000), entries, threads, seed);
    }
}

#[test]
fn one_thread_is_killed() {
    kill_often(1, 60);
}

#[test]
fn three_threads_are_killed() {
    kill_often(3, 40);
}

/// The process is killed before there is a file, while the file gets its name, or just after.
#[test]
fn a_beginning_is_killed() {
    let mut random = Random::new(9);
    for seed in 0..40 {
        let (directory, scratch) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let child = start(directory.path(), &scratch.path().join("counts"), 300, 1, seed);
        std::thread::sleep(Duration::from_micros(random.number() % 4000));
        kill(child);
        for file in ring_files(directory.path()) {
            check(file, seed, scratch.path());
        }
    }
}
