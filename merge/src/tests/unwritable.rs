//! Reports that cannot be written, or are not wanted any more: nothing of them is under their name, or anywhere.

use super::{Case, OUTPUTS, large, small};
use crate::report::write::Format;
use crate::trace::Trace;
use crate::{MergeError, Request, Summary, Watch, command, merge};
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Does something when the report is being written, and then asks to stop or not. It is asked before the report gets
/// its name, and when it takes long also before.
struct Meanwhile<'a> {
    act: &'a dyn Fn(),
    stop: bool,
    is_done: Cell<bool>,
}

impl Watch for Meanwhile<'_> {
    fn stopped(&self) -> bool {
        if !self.is_done.replace(true) {
            (self.act)();
        }
        self.stop
    }
}

fn case() -> Case {
    let mut case = Case::new();
    case.add("a.bin", large(1).bytes(true));
    fs::create_dir(case.directory.path().join("reports")).unwrap();
    case
}

impl Case {
    fn reports(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("reports")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn merge_meanwhile(&self, output: &str, stop: bool, act: &dyn Fn()) -> Result<Summary, MergeError> {
        let output = self.directory.path().join("reports").join(output);
        let request = Request::new(self.inputs.clone(), output);
        let trace = Trace::read(&request, &())?;
        let watch = Meanwhile { act, stop, is_done: Cell::new(false) };
        let merged = trace.report(&watch, &request.output, Format::of(&request.output, None)?);
        assert!(watch.is_done.get());
        merged
    }
}

fn can_be_unnamed(directory: &Path) -> bool {
    let flags = rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::WRONLY;
    rustix::fs::open(directory, flags, rustix::fs::Mode::RUSR).is_ok() && Path::new("/proc/self/fd").exists()
}

/// So a merge that is killed leaves nothing.
#[test]
fn a_report_has_no_name_before_it_is_whole() {
    let case = case();
    let directory = case.directory.path().join("reports");
    if !can_be_unnamed(&directory) {
        return;
    }
    for output in OUTPUTS {
        fs::write(directory.join(output), "old").unwrap();
        let look = || {
            assert_eq!(case.reports(), [output]);
            assert_eq!(fs::read(directory.join(output)).unwrap(), b"old");
        };
        case.merge_meanwhile(output, false, &look).unwrap();
        assert_eq!(case.reports(), [output]);
        assert!(fs::read(directory.join(output)).unwrap() != b"old");
        fs::remove_file(directory.join(output)).unwrap();
    }
}

#[test]
fn an_interrupted_report_leaves_nothing() {
    let case = case();
    for output in OUTPUTS {
        let merged = case.merge_meanwhile(output, true, &|| {});
        assert!(matches!(merged, Err(MergeError::Interrupted)), "{output}");
        assert_eq!(case.reports(), [""; 0]);
    }
}

#[test]
fn a_directory_that_vanishes_meanwhile() {
    for output in OUTPUTS {
        let case = case();
        let directory = case.directory.path().join("reports");
        let merged = case.merge_meanwhile(output, false, &|| fs::remove_dir_all(&directory).unwrap());
        let error = merged.unwrap_err().to_string();
        // Whether it is the report or what must wait for its turn that finds no directory depends on the moment.
        assert!(error.contains(output) && error.contains("No such file or directory"), "{error}");
        assert!(!directory.exists());
    }
}

/// A name that another program takes meanwhile is taken back, as it would be without us.
#[test]
fn a_report_that_somebody_else_writes_meanwhile() {
    for output in OUTPUTS {
        let case = case();
        let path = case.directory.path().join("reports").join(output);
        case.merge_meanwhile(output, false, &|| fs::write(&path, "other").unwrap()).unwrap();
        assert_eq!(case.reports(), [output]);
        assert!(fs::read(&path).unwrap() != b"other");
        let case = self::case();
        let path = case.directory.path().join("reports").join(output);
        let error = case.merge_meanwhile(output, false, &|| fs::create_dir(&path).unwrap()).unwrap_err().to_string();
        assert!(error.ends_with(": cannot write the report: Is a directory"), "{error}");
        assert_eq!(case.reports(), [output]);
    }
}

/// Even for root: there nobody can make a file.
#[test]
fn a_directory_in_which_no_file_can_be_made() {
    let case = case();
    for output in OUTPUTS {
        let request = Request::new(case.inputs.clone(), Path::new("/sys").join(output));
        let error = merge(&request, &()).unwrap_err().to_string();
        let reasons = ["Permission denied", "Read-only file system", "Operation not permitted"];
        assert!(reasons.iter().any(|reason| error.ends_with(reason)), "{error}");
    }
}

#[test]
fn usage_errors_and_outputs_that_cannot_be() {
    let case = Case::of(small(1), true);
    let input = case.inputs[0].as_os_str();
    let run = |output: &Path| {
        let arguments = ["viztracer-merge".into(), "-q".into(), input.into(), "-o".into(), output.into()];
        command(arguments, &|| false)
    };
    assert_eq!(command(["viztracer-merge".into()], &|| false), 2);
    assert_eq!(command(["viztracer-merge".into(), "--version".into()], &|| false), 0);
    assert_eq!(run(&case.directory.path().join("out.txt")), 2);
    assert_eq!(run(&case.directory.path().join("missing/out.json")), 2);
    fs::create_dir(case.directory.path().join("dir.json")).unwrap();
    assert_eq!(run(&case.directory.path().join("dir.json")), 2);
    assert_eq!(run(Path::new("/dev/null")), 0);
    assert_eq!(run(Path::new("/dev/full")), 2);
    assert!(fs::metadata("/dev/null").unwrap().permissions().mode() & 0o111 == 0);
    assert_eq!(fs::read_dir(&case.directory).unwrap().count(), 2);
}

#[test]
fn stopping_leaves_nothing_behind() {
    struct Impatient;
    impl Watch for Impatient {
        fn stopped(&self) -> bool {
            true
        }
    }
    let mut case = Case::new();
    for pid in 0..40 {
        case.add(&format!("{pid}.bin"), large(pid).bytes(true));
    }
    let before = fs::read_dir(&case.directory).unwrap().count();
    let request = Request::new(case.inputs.clone(), case.directory.path().join("out.json"));
    // A merge that is faster than the watcher is asked may finish; this one is not.
    let mut stopped = false;
    for _ in 0..20 {
        stopped |= matches!(merge(&request, &Impatient), Err(MergeError::Interrupted));
        drop(fs::remove_file(&request.output));
    }
    assert!(stopped);
    assert_eq!(fs::read_dir(&case.directory).unwrap().count(), before);
}
