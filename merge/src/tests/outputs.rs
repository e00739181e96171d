//! Which reports are written, what is left out of them, and what the exit status says.

use super::{Case, OUTPUTS, events, large, small};
use crate::sample::{Ring, call};
use crate::{Align, Bound, MergeError, Prefixes, Request, Selection, merge};
use regex::Regex;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

impl Case {
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.directory).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn one_call(pid: u32) -> Ring {
    let mut ring = small(pid);
    ring.calls(1, 0, &[call(1, 5_000_000, 10)], true);
    ring
}

#[test]
fn several_outputs_and_one_that_cannot_be() {
    let case = Case::of(one_call(1), true);
    assert_eq!(case.run(&["-o", "@1.json", "-o", "@no/2.json", "-o", "@3.json.gz"]), 2);
    assert_eq!(case.names(), ["1.json", "3.json.gz", "a.bin"]);
    assert_eq!(case.run(&["-o", "@4.json", "-o", "@5.json"]), 0);
    let read = |name| fs::read(case.directory.path().join(name)).unwrap();
    assert!(read("1.json") == read("4.json") && read("4.json") == read("5.json"));
}

#[test]
fn outputs_are_checked_before_anything_is_written() {
    let case = Case::of(one_call(1), true);
    assert_eq!(case.run(&["-o", "@1.json", "-o", "@2.txt"]), 2);
    assert_eq!(case.run(&["-o", "@1.json", "-o", "@1.json"]), 2);
    assert_eq!(case.run(&["--info", "-o", "@1.json"]), 2);
    assert_eq!(case.run(&["--json", "-o", "@1.json"]), 2);
    assert_eq!(case.run(&["--last_words", "-o", "-"]), 2);
    assert_eq!(case.names(), ["a.bin"]);
}

#[test]
fn a_format_for_names_that_do_not_tell() {
    let case = Case::of(one_call(1), true);
    assert_eq!(case.run(&["--format", "json.gz", "-o", "@packed", "-o", "@plain.json"]), 0);
    let read = |name| fs::read(case.directory.path().join(name)).unwrap();
    assert_eq!(read("packed")[..2], [0x1f, 0x8b]);
    assert_eq!(read("plain.json")[0], b'{');
}

#[test]
fn paths_are_shortened_everywhere() {
    let mut case = Case::new();
    let source = case.add("program.py", "def f(): pass\n");
    case.inputs.clear();
    let directory = case.directory.path().to_str().unwrap().to_owned();
    let mut ring = small(1);
    ring.function(3, "g", source.to_str().unwrap(), 1);
    ring.source(source.to_str().unwrap());
    ring.calls(1, 0, &[call(1, 5_000_000, 10), call(3, 5_000_100, 10), call(2, 5_000_200, 1)], true);
    case.add("a.bin", ring.bytes(true));
    assert_eq!(case.run(&["-o", "@out.json", "--strip_prefix", "/x", "--strip_prefix", &directory]), 0);
    let text = fs::read_to_string(case.directory.path().join("out.json")).unwrap();
    assert!(!text.contains(&directory) && !text.contains("/x"), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<_> = events(&report).iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["f (ev.py:7)", "g (program.py:1)", "builtins.len"]);
    assert_eq!(report["file_info"]["files"]["program.py"][0], "def f(): pass\n");
    assert_eq!(report["file_info"]["functions"]["g (program.py:1)"], serde_json::json!(["program.py", 1]));
}

#[test]
fn two_files_that_are_called_the_same_are_told_once() {
    let mut case = Case::new();
    let directory = case.directory.path().to_path_buf();
    let mut ring = small(1);
    for (id, name) in [(3, "two"), (4, "one")] {
        fs::create_dir(directory.join(name)).unwrap();
        let path = directory.join(name).join("same.py");
        fs::write(&path, format!("# {name}\n")).unwrap();
        ring.function(id, name, path.to_str().unwrap(), id);
        ring.source(path.to_str().unwrap());
    }
    case.add("a.bin", ring.bytes(true));
    let output = directory.join("out.json");
    let prefixes = Prefixes::new([directory.join("one"), directory.join("two")]);
    merge(&Request { prefixes, ..Request::new(case.inputs.clone(), output.clone()) }, &()).unwrap();
    let text = fs::read_to_string(output).unwrap();
    assert_eq!(text.matches("\"same.py\":[").count(), 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["file_info"]["files"]["same.py"][0], "# one\n");
    assert_eq!(report["file_info"]["functions"].as_object().unwrap().len(), 2);
}

#[test]
fn strict_wants_all_of_it() {
    let full = Case::of(one_call(1), true);
    assert_eq!(full.run(&["-o", "@1.json", "--strict"]), 0);
    let mut ring = small(1);
    ring.calls(1, 7, &[call(1, 5_000_000, 10)], true);
    let overwritten = Case::of(ring, true);
    assert_eq!(overwritten.run(&["-o", "@1.json"]), 0);
    assert_eq!(overwritten.run(&["-o", "@1.json", "--strict"]), 1);
    let crashed = Case::of(one_call(1), false);
    assert_eq!(crashed.run(&["-o", "@1.json"]), 0);
    assert_eq!(crashed.run(&["-o", "@1.json", "--strict"]), 1);
    assert_eq!(crashed.names(), ["1.json", "a.bin"]);
}

#[test]
fn strict_looks_at_every_report() {
    let mut ring = small(1);
    let nested: Vec<_> = (1..=600).map(|n| call(1, 5_001_000 - n, 2 * n)).collect();
    for (index, run) in nested.chunks(200).enumerate() {
        ring.calls(1, index as u64 * 200, run, true);
    }
    let deep = Case::of(ring, true);
    assert_eq!(deep.run(&["--strict", "-o", "@1.json"]), 0);
    assert_eq!(deep.run(&["--strict", "-o", "@1.pftrace"]), 1);
    assert_eq!(deep.run(&["--strict", "-o", "@1.pftrace", "-o", "@1.json"]), 1);
    assert_eq!(deep.run(&["--strict", "-o", "@1.json", "-o", "@1.pftrace"]), 1);
}

#[test]
fn runs_can_begin_together_and_processes_of_one_run_stay_apart() {
    let mut case = Case::new();
    for (pid, opened, run) in [(1, 5_000_000, 1), (2, 6_000_000, 1), (3, 90_000_000, 2), (4, 91_000_000, 2)] {
        let mut ring = Ring::new(pid, opened);
        ring.identity.session_id = [run; 16];
        ring.thread(1, 11, "", 0, 0);
        ring.calls(1, 0, &[call(1, opened + 500, 10)], true);
        case.add(&format!("{pid}.bin"), ring.bytes(true));
    }
    let starts = |align| {
        let output = case.directory.path().join("out.json");
        let request = Request { align, ..Request::new(case.inputs.clone(), output.clone()) };
        merge(&request, &()).unwrap();
        let report: Value = serde_json::from_slice(&fs::read(output).unwrap()).unwrap();
        events(&report).iter().map(|e| e["ts"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(starts(Align::Clock), [0.5, 1000.5, 85_000.5, 86_000.5]);
    assert_eq!(starts(Align::Start), [0.5, 1000.5, 0.5, 1000.5]);
    assert_eq!(starts(Align::Monotonic), [5000.5, 6000.5, 90_000.5, 91_000.5]);
}

#[test]
fn other_bin_files_in_a_directory_are_none_of_our_business() {
    let mut case = Case::of(one_call(1), true);
    let model = case.add("model.bin", [0x5a; 9000]);
    assert_eq!(case.run(&["-o", "@out.json"]), 1);
    case.inputs = vec![case.directory.path().into()];
    assert_eq!(case.run(&["-o", "@out.json"]), 0);
    let output = case.directory.path().join("out.json");
    let summary = merge(&Request::new(case.inputs.clone(), output), &()).unwrap();
    assert_eq!(summary.passed_over, [model]);
    // One that is damaged or empty may have been ours.
    case.add("cut.bin", &one_call(2).bytes(true)[..3000]);
    case.inputs.truncate(1);
    assert_eq!(case.run(&["-o", "@out.json"]), 1);
}

/// Of several files, one of which ends in open calls, and of cuts of them by time, by function and by depth.
#[test]
fn the_number_of_threads_changes_no_report() {
    let mut case = Case::of(large(1), true);
    let mut crashed = large(2);
    crashed.stack(1, &[(1, 5_000_100), (5, 6_000_000)]);
    case.add("b.bin", crashed.bytes(false));
    let after = |micros| Some(Bound::After(Duration::from_micros(micros)));
    let in_time = Selection { since: after(3_000), until: after(21_000), ..Selection::default() };
    let pattern = Some(Regex::new("function_[1-4]").unwrap());
    let of_functions = Selection { functions: pattern, max_depth: Some(2), ..in_time.clone() };
    for (selection, is_cut) in [(Selection::default(), false), (in_time, true), (of_functions, true)] {
        for output in OUTPUTS.iter().filter(|output| !(is_cut && output.ends_with(".gz"))) {
            let reports = [1, 2, 8].map(|threads| {
                let path = case.directory.path().join(format!("{threads}.{output}"));
                let selection = selection.clone();
                let request = Request::new(case.inputs.clone(), path.clone());
                let summary = merge(&Request { threads: Some(threads), selection, ..request }, &()).unwrap();
                assert!(summary.events() > 1_000);
                fs::read(path).unwrap()
            });
            assert!(reports.iter().all(|report| *report == reports[0]), "{output}");
        }
    }
}

#[test]
fn the_report_has_the_permissions_of_any_new_file() {
    let case = Case::of(small(1), true);
    let plain = case.directory.path().join("plain");
    fs::write(&plain, "").unwrap();
    case.json();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let report = case.directory.path().join("out.json");
    assert_eq!(mode(&report), mode(&plain));
    // What was there before may have been closed to others, but does not open the new report to them.
    for (before, after) in
        [(0o666, mode(&plain) & 0o777), (0o777, mode(&plain) & 0o777), (0o600, 0o600), (0o640, 0o640)]
    {
        fs::set_permissions(&report, fs::Permissions::from_mode(before)).unwrap();
        case.json();
        assert_eq!(mode(&report) & 0o7777, after & mode(&plain), "{before:o}");
    }
}

#[test]
fn an_input_is_never_replaced_whatever_it_is_called() {
    let mut case = Case::of(small(1), true);
    let (_, report) = case.merge("report.json", 1);
    let document = case.add("first.json", "");
    fs::write(&document, &report).unwrap();
    let bad = case.add("bad.json", "no trace");
    let path = |name: &str| case.directory.path().join(name);
    fs::hard_link(&document, path("hard.json")).unwrap();
    std::os::unix::fs::symlink("first.json", path("soft.json")).unwrap();
    std::os::unix::fs::symlink(path("soft.json"), path("again.csv")).unwrap();
    fs::hard_link(&case.inputs[0], path("ring.folded")).unwrap();
    for name in ["first.json", "./first.json", "hard.json", "soft.json", "again.csv", "ring.folded", "bad.json"] {
        let before = fs::read(path(name)).unwrap();
        assert_eq!(case.run(&["-o", &format!("@{name}")]), 2, "{name}");
        let error = merge(&Request::new(case.inputs.clone(), path(name)), &()).unwrap_err();
        assert!(matches!(error, MergeError::IsInput(_)), "{error}");
        assert!(fs::read(path(name)).unwrap() == before, "{name}");
        assert!(fs::symlink_metadata(path("soft.json")).unwrap().is_symlink());
    }
    assert!(bad.exists());
    assert_eq!(case.run(&["-o", "@first.json", "-o", "@other.json"]), 2);
    assert!(path("other.json").exists());
}

#[test]
fn a_link_of_ones_own_is_followed_even_to_nothing() {
    let case = Case::of(small(1), true);
    let path = |name: &str| case.directory.path().join(name);
    fs::create_dir(path("there")).unwrap();
    std::os::unix::fs::symlink("there/report.json", path("out.json")).unwrap();
    for _ in 0..2 {
        case.json();
        assert!(fs::symlink_metadata(path("out.json")).unwrap().is_symlink());
        assert!(fs::symlink_metadata(path("there/report.json")).unwrap().is_file());
    }
    std::os::unix::fs::symlink("loop.json", path("loop.json")).unwrap();
    let error = merge(&Request::new(case.inputs.clone(), path("loop.json")), &()).unwrap_err().to_string();
    assert!(error.ends_with("Too many levels of symbolic links"), "{error}");
}

/// As `protected_symlinks` and `protected_fifos` of the kernel, which may be off.
#[test]
fn what_another_user_has_put_where_everybody_may_is_not_followed() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let case = Case::of(small(1), true);
    let shared = case.directory.path().join("shared");
    fs::create_dir(&shared).unwrap();
    let victim = case.directory.path().join("victim.json");
    let (link, pipe) = (shared.join("out.json"), shared.join("pipe.json"));
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    for planted in [&link, &pipe] {
        std::os::unix::fs::lchown(planted, Some(65534), Some(65534)).unwrap();
    }
    let written = |output: &Path| merge(&Request::new(case.inputs.clone(), output.into()), &());
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    for planted in [&link, &pipe] {
        let error = written(planted).unwrap_err().to_string();
        assert!(error.ends_with("another user has put a link or a pipe there, where everybody may"), "{error}");
    }
    assert!(!victim.exists());
    // In a directory of the other user, that user may do anything.
    std::os::unix::fs::chown(&shared, Some(65534), None).unwrap();
    written(&link).unwrap();
    assert!(victim.exists());
}
