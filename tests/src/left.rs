//! Checks the file of a process that ran [`crate::program`] until it ended or was killed.

use crate::contents::{Contents, Thread};
use crate::program::{History, name};
use crate::report::{Ending, Report};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the command for `src/bin/record.rs` with these arguments.
pub fn recording(program: &str, directory: &Path, orders: &[(&str, u64)]) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("directory={}", directory.display()));
    command.args(orders.iter().map(|(name, value)| format!("{name}={value}")));
    command
}

/// Checks that a ring file is complete: each thread's last calls are there, missing calls are counted, and the frames
/// are the open calls. Thread `t` ran the program with the seed `seed + t`. Returns the contents.
pub fn check(file: PathBuf, seed: u64, scratch: &Path) -> Contents {
    let contents = Contents::read(&file);
    let report = Report::of(&[file], scratch);
    assert!(report.summary.is_complete(), "{:?}", report.summary);
    for (thread, summary) in contents.threads.values().zip(&report.summary.files[0].threads) {
        let Some(number) = thread.name.as_ref().and_then(|name| name.parse::<u64>().ok()) else {
            assert_eq!((thread.total, thread.frames.len()), (0, 0), "a thread had no time to tell its name");
            continue;
        };
        let history = History::of(seed + number, thread.total);
        let found = thread.events.iter().map(|event| contents.name(event.function).to_owned());
        assert!(found.eq(history.last(thread.events.len())), "thread {number} holds other calls than its last ones");
        let frames = check_frames(&contents, thread, &history);

        let shown = report.events.iter().filter(|event| event.tid == thread.tid);
        let (unfinished, ended): (Vec<_>, Vec<_>) = shown.partition(|event| event.ending == Ending::Unfinished);
        assert!(unfinished.iter().map(|event| &event.name).eq(&frames), "other calls are shown as unfinished");
        assert!(ended.iter().map(|event| event.name.clone()).eq(history.last(ended.len())), "other calls are shown");
        let told = (summary.events, summary.unfinished, summary.overwritten, summary.lost);
        let (shown, open) = (ended.len() as u64, frames.len() as u64);
        assert_eq!(told, (shown + open, open, thread.total - shown, thread.lost));
    }
    let shown = report.events.iter().filter(|event| event.ending == Ending::Returned).count() as u64;
    assert_eq!(shown, contents.kept().min(contents.header.identity.entries));
    contents
}

/// Checks the open frames and returns their names.
fn check_frames(contents: &Contents, thread: &Thread, history: &History) -> Vec<String> {
    let mut frames = &thread.frames[..];
    // The process was killed between writing the record and popping the frame: one call is both.
    if let (Some((last, others)), Some(event)) = (frames.split_last(), thread.events.last())
        && (last.start(), last.function()) == (event.start << 8 >> 8, event.function)
    {
        frames = others;
    }
    let range = history.depth..=history.stack.len();
    assert!(range.contains(&frames.len()), "{} frames are open, not {range:?}", frames.len());
    let names: Vec<String> = frames.iter().map(|frame| contents.name(frame.function()).to_owned()).collect();
    assert!(names.iter().eq(&history.stack[..frames.len()].iter().map(|f| name(*f)).collect::<Vec<_>>()));
    names
}
