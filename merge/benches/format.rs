//! How fast ring files become a report: events, and bytes of it before compression, per second of processor time and
//! per second. What goes to `/dev/null` is read, put in order and formatted; the rest is compressed and written to
//! memory.
//!
//! `cargo bench -p viztracer-merge` prints the table; `cargo bench -p viztracer-merge -- make FILE MIB` makes a ring
//! file of that size, to look at the memory of a merge with `/usr/bin/time -v viztracer-merge FILE -o /dev/null`.

#[path = "../src/sample.rs"]
#[allow(dead_code, missing_docs, reason = "shared with the tests")]
mod sample;

use rustix::time::{ClockId, clock_gettime};
use sample::{Ring, call};
use std::path::{Path, PathBuf};
use std::time::Instant;
use viztracer_format::clock::Anchor;
use viztracer_format::header::CLOCK_COUNTER;
use viztracer_format::record::Record;
use viztracer_merge::{Request, merge};

/// Records of a full 64 KiB segment.
const PER_SEGMENT: u64 = (65536 - 128) / 16;

fn main() {
    let arguments: Vec<String> = std::env::args().filter(|a| a != "--bench").collect();
    if let [_, make, file, mib] = &arguments[..] {
        assert_eq!(make, "make");
        std::fs::write(file, ring(1, mib.parse::<u64>().expect("MiB") * 16)).expect("written");
        return;
    }
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let inputs: Vec<PathBuf> = (1..5)
        .map(|pid| {
            let path = directory.path().join(format!("{pid}.bin"));
            std::fs::write(&path, ring(pid, 250)).expect("written");
            path
        })
        .collect();
    let path = |name: &str| directory.path().join(name);
    for kind in ["json", "pftrace"] {
        let plain = path(&format!("plain.{kind}"));
        merge(&Request::new(inputs.clone(), plain.clone()), &()).expect("merged");
        let size = std::fs::metadata(&plain).expect("a size").len();
        let null = path(&format!("null.{kind}"));
        std::os::unix::fs::symlink("/dev/null", &null).expect("linked");
        let outputs =
            [(null, " to /dev/null"), (path(&format!("out.{kind}")), ""), (path(&format!("out.{kind}.gz")), ".gz")];
        for (output, what) in &outputs {
            for threads in [1, 2] {
                row(&format!("{kind}{what}"), &inputs, output, threads, size);
            }
        }
        gzip_levels(&plain);
    }
}

/// The best of some runs.
fn row(name: &str, inputs: &[PathBuf], output: &Path, threads: usize, size: u64) {
    let runs = (0..7).map(|_| {
        let (wall, cpu) = (Instant::now(), processor_seconds());
        let threads = Some(threads);
        let request = Request { threads, ..Request::new(inputs.to_vec(), output.into()) };
        let events = merge(&request, &()).expect("merged").events();
        (processor_seconds() - cpu, wall.elapsed().as_secs_f64(), events)
    });
    let (cpu, wall, events) = runs.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
    let (events, size) = (events as f64 / 1e6, size as f64 / 1e6);
    let rates = |seconds: f64| format!("{:>6.1} M events/s {:>6.0} MB/s", events / seconds, size / seconds);
    println!("{name:<20} {threads} threads  {} of processor time  {}", rates(cpu), rates(wall));
}

fn gzip_levels(report: &Path) {
    let text = std::fs::read(report).expect("read");
    let sample = &text[..text.len().min(64 << 20)];
    for level in 1..=6 {
        let mut gzip = viztracer_merge::gzip_of_level(level);
        let begin = processor_seconds();
        let size: usize = sample.chunks(1 << 20).map(|part| gzip.member(part).len()).sum();
        let rate = sample.len() as f64 / (processor_seconds() - begin) / 1e6;
        println!("  gzip level {level}  {rate:>6.0} MB/s  1/{:.1}", sample.len() as f64 / size as f64);
    }
}

fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A process that ran for some seconds: calls of 300 functions, the first ones most of all.
fn ring(pid: u32, segments: u64) -> Vec<u8> {
    let mut ring = Ring::new(pid, 1_000_000_000);
    ring.identity.segment_size = 65536;
    ring.identity.clock = CLOCK_COUNTER;
    ring.identity.imported = Anchor { ticks: 500_000_000, monotonic: 800_000_000, realtime: 1 };
    ring.thread(1, u64::from(pid), "MainThread", 0, 0);
    for id in 1..=300 {
        match id % 3 {
            0 => ring.function(id, "list.append", "", 0),
            _ => ring.function(id, "Class.method_of_it", "/home/user/project/package/module.py", id),
        }
    }
    let mut random = u64::from(pid);
    let mut now = 1_000_000_000;
    let mut group = now;
    for segment in 0..segments {
        let records: Vec<Record> = (0..PER_SEGMENT)
            .map(|path| {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let function = ((random >> 33) % ((random >> 50) % 300 + 1) + 1) as u32;
                // Seven calls one after the other, then the one that made them.
                if path % 8 == 7 {
                    let begin = std::mem::replace(&mut group, now + 200);
                    now += 200;
                    return call(function, begin, now - 100 - begin);
                }
                let begin = now + 100;
                now = begin + 100 + (random >> 20) % 2000;
                call(function, begin, now - begin)
            })
            .collect();
        ring.calls(1, segment * PER_SEGMENT, &records, true);
    }
    ring.bytes(true)
}
