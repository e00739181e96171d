//! inferno draws a flame graph of the merge's collapsed stacks. The widths of its frames equal the durations of the
//! calls in the JSON report.

use inferno::flamegraph::{Options, from_lines};
use std::collections::BTreeMap;
use std::fs;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_merge::{Request, merge};
use viztracer_recorder::{Left, Recorder};
use viztracer_tests::options;
use viztracer_tests::program::{FUNCTIONS, Program, Step};
use viztracer_tests::report::Report;

/// Returns the samples of all frames of a flame graph by name.
fn frames(graph: &str) -> BTreeMap<String, u64> {
    let mut frames = BTreeMap::new();
    for rest in graph.split("<title>").skip(1) {
        let (title, _) = rest.split_once(" samples, ").expect("a number of samples");
        let (name, samples) = title.rsplit_once(" (").expect("a name before it");
        *frames.entry(name.to_owned()).or_default() += samples.replace(',', "").parse::<u64>().expect("a number");
    }
    frames
}

#[test]
fn inferno_draws_what_the_report_holds() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(options(directory.path(), 100_000)).unwrap();
    let names: Vec<String> = (0..FUNCTIONS).map(|number| format!("f{number}; <\"&{number}>")).collect();
    for name in &names {
        recorder.function(&Function { name, is_c: true, ..Function::default() });
    }
    // SAFETY: attached just now, and this thread is its only user.
    let thread = unsafe { recorder.attach().as_mut() };
    let mut program = Program::new(7);
    let mut steps = 0;
    while steps < 60_000 || !program.stack.is_empty() {
        steps += 1;
        let depth = program.stack.len() as u64;
        match program.next().expect("it never ends") {
            Step::Enter(function) => thread.enter(function, depth + 1),
            Step::Leave(_) => {
                if thread.leave(depth, Kind::Return) == Left::Unmatched {
                    thread.unwind_to(depth, Kind::Return);
                }
            }
        }
    }
    let inputs = vec![recorder.path().to_path_buf()];
    recorder.close();

    let folded = directory.path().join("report.folded");
    merge(&Request::new(inputs.clone(), folded.clone()), &()).unwrap();
    let folded = fs::read_to_string(folded).unwrap();
    let mut options = Options::default();
    options.min_width = 0.0;
    let mut graph = Vec::new();
    from_lines(&mut options, folded.lines(), &mut graph).unwrap();
    let mut frames = frames(&String::from_utf8(graph).unwrap());

    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for event in Report::of(&inputs, directory.path()).events {
        let escaped = event.name.replace(';', "_").replace('&', "&amp;").replace('"', "&quot;");
        *expected.entry(escaped.replace('<', "&lt;").replace('>', "&gt;")).or_default() += event.duration;
    }
    let own = folded.lines().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(frames.remove("all"), Some(own.sum()));
    frames.retain(|name, _| name.starts_with('f'));
    assert_eq!(frames, expected);
    assert_eq!(frames.len(), FUNCTIONS as usize);
}
