//! Files that may be read, and files that inputs name.

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use tempfile::TempDir;

/// How many files are left out, by reason.
type Counts = Vec<(&'static str, u64)>;

/// Directories with files of these names and contents, and what is asked for.
struct Case {
    directory: TempDir,
    sources: Sources,
    root: Option<SourceRoot>,
}

impl Case {
    fn new(files: &[(&str, &str)]) -> Case {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Case { directory, sources: Sources::default(), root: None }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// A function in a file, for which no one vouches.
    fn claim(&self, path: &str) {
        self.sources.add(path, &Function { name: "f", file: path, line: 1, is_c: false });
    }

    /// A function in a file that the interpreter read.
    fn vouch(&self, path: &str) {
        self.claim(path);
        self.sources.vouch(path, identity(path));
    }

    fn look_in(&mut self, name: &str) {
        self.root = Some(SourceRoot::open_directory(&self.directory.path().join(name)).unwrap());
    }

    /// The texts that are taken, by path without the directory, and why others are not.
    fn taken(&self) -> (Vec<(String, String)>, Counts) {
        let mut texts = Vec::new();
        let each = |shown: String, _: SourceFile, text: Option<Vec<u8>>| {
            if let Some(text) = text {
                let (text, _): (String, u64) = serde_json::from_slice(&text).unwrap();
                let name = shown.strip_prefix(&self.path("")).unwrap_or(&shown).to_owned();
                texts.push((name, text));
            }
            Ok::<(), ()>(())
        };
        self.sources.take(&[], self.root.as_ref(), each).unwrap();
        (texts, self.sources.left_out().counts().collect())
    }

    /// The reason why the only file is not taken.
    fn reason(&self) -> &'static str {
        let (texts, left_out) = self.taken();
        assert_eq!((texts.len(), left_out.len()), (0, 1), "{left_out:?}");
        left_out[0].0
    }
}

fn identity(path: &str) -> SourceIdentity {
    let metadata = fs::metadata(path).unwrap();
    let modified = (metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec()) as u64;
    SourceIdentity { device: metadata.dev(), inode: metadata.ino(), size: metadata.len(), modified }
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn what_was_vouched_for_and_nothing_else() {
    let case = Case::new(&[("a.py", "a = 1\r\nb = 2\r"), ("b.py", "b"), ("c.pyw", "\u{feff}c")]);
    case.vouch(&case.path("a.py"));
    case.vouch(&case.path("c.pyw"));
    case.claim(&case.path("b.py"));
    case.claim("<string>");
    let expected = pairs(&[("a.py", "a = 1\nb = 2\n"), ("c.pyw", "c")]);
    assert_eq!(case.taken(), (expected, vec![("not_vouched", 1)]));
}

#[test]
fn a_claim_opens_nothing() {
    for path in ["/etc/passwd", "/dev/stdin", "/proc/self/environ", "/dev/zero", "/", "", "../../etc/passwd"] {
        let case = Case::new(&[]);
        case.claim(path);
        assert_eq!(case.taken().0, []);
    }
}

#[test]
fn a_file_that_changed() {
    let change: [fn(&str); 5] = [
        |path| fs::write(path, "a = 12\n").unwrap(),
        |path| fs::remove_file(path).unwrap(),
        |path| {
            fs::rename(path, format!("{path}.old")).unwrap();
            fs::write(path, "a = 1\n").unwrap();
        },
        |path| {
            fs::remove_file(path).unwrap();
            symlink("/etc/passwd", path).unwrap();
        },
        |path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        },
    ];
    for change in change {
        let case = Case::new(&[("a.py", "a = 1\n")]);
        let path = case.path("a.py");
        case.vouch(&path);
        change(&path);
        assert_eq!(case.reason(), "changed");
    }
}

#[test]
fn a_pipe_and_a_device_are_not_even_opened() {
    let case = Case::new(&[]);
    let path = case.path("pipe.py");
    rustix::fs::mknodat(rustix::fs::CWD, &*path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    for path in [&*path, "/dev/null"] {
        let case = Case::new(&[]);
        case.vouch(path);
        assert_eq!(case.reason(), "changed", "{path}");
    }
}

#[test]
fn only_python_even_if_the_program_says_so() {
    let python = [("run", "#!/usr/bin/env python3\nx\n"), ("a.py", "root:secret\n"), ("old", "#! /opt/python2 -E")];
    let others = [("shadow", "root:x:1\n"), ("run.sh", "#!/bin/sh\npython\n"), ("py", ""), ("b.py.txt", "x")];
    let case = Case::new(&python);
    python.iter().for_each(|(name, _)| case.vouch(&case.path(name)));
    assert_eq!(case.taken().0.len(), python.len());
    for (name, text) in others {
        let case = Case::new(&[(name, text)]);
        case.vouch(&case.path(name));
        assert_eq!(case.reason(), "not_python", "{name}");
    }
}

#[test]
fn the_name_that_counts_is_that_behind_the_links() {
    let case = Case::new(&[("secret", "root:secret\n"), ("b/real.py", "x = 1\n")]);
    symlink("secret", case.path("link.py")).unwrap();
    symlink("b/real.py", case.path("link")).unwrap();
    case.vouch(&case.path("link.py"));
    case.vouch(&case.path("link"));
    assert_eq!(case.taken(), (pairs(&[("link", "x = 1\n")]), vec![("not_python", 1)]));
}

#[test]
fn no_text_but_bytes() {
    let case = Case::new(&[]);
    fs::write(case.path("a.py"), b"# -*- coding: latin-1 -*-\n# \xe9\n").unwrap();
    case.vouch(&case.path("a.py"));
    assert_eq!(case.reason(), "not_python");
}

#[test]
fn sixty_names_of_one_file_have_its_text_once() {
    let case = Case::new(&[("a.py", "a = 1\n")]);
    for dots in 0..60 {
        case.vouch(&case.path(&format!("{}a.py", "./".repeat(dots))));
    }
    let (texts, left_out) = case.taken();
    assert_eq!((texts.len(), left_out), (1, vec![("repeated", 59)]));
}

#[test]
fn large_files_and_many_of_them() {
    let case = Case::new(&[("a.py", ""), ("b.py", "b = 1\n"), ("c.py", "c = 1\n"), ("d.py", "d = 1")]);
    let grown = fs::OpenOptions::new().write(true).open(case.path("a.py")).unwrap();
    let mut texts = Texts::new(&[], Vouched::new(), None);
    texts.capacity = FILE_MAX + 12;
    let mut take = |name: &str| {
        let path = case.path(name);
        texts.vouched.insert(path.clone(), BTreeSet::from([identity(&path)]));
        texts.open(&path, &path).and_then(|opened| texts.read(opened)).map(|text| text.len() as u64)
    };
    grown.set_len(FILE_MAX + 1).unwrap();
    assert_eq!(take("a.py"), Err(Reason::TooLarge));
    grown.set_len(FILE_MAX).unwrap();
    assert_eq!(["a.py", "b.py", "c.py", "d.py"].map(take), [Ok(FILE_MAX), Ok(6), Ok(6), Err(Reason::TooLarge)]);
}

#[test]
fn a_directory_is_looked_in_for_what_nobody_vouches_for() {
    let mut case = Case::new(&[("top/a.py", "a"), ("top/app/b.py", "b"), ("top/c.txt", "c"), ("outside.py", "o")]);
    symlink("../outside.py", case.path("top/out.py")).unwrap();
    symlink(case.path("outside.py"), case.path("top/far.py")).unwrap();
    symlink("..", case.path("top/up")).unwrap();
    symlink("app/b.py", case.path("top/in.py")).unwrap();
    symlink("c.txt", case.path("top/text.py")).unwrap();
    symlink("/proc/self/cwd/Cargo.toml", case.path("top/magic.py")).unwrap();
    fs::create_dir(case.path("top/d.py")).unwrap();
    let pipe = case.path("top/pipe.py");
    rustix::fs::mknodat(rustix::fs::CWD, &*pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    case.look_in("top");
    let none =
        ["c.txt", "out.py", "far.py", "up/outside.py", "../outside.py", "text.py", "magic.py", "d.py", "pipe.py"];
    for path in none.iter().chain(&["a.py", "/app/b.py", "", "/", ".", "/etc/passwd", "no\0name.py"]) {
        case.claim(path);
    }
    case.claim(&case.path("top/in.py"));
    case.claim(&case.path("outside.py"));
    let (texts, _) = case.taken();
    // What the link leads to is there under its own name already.
    assert_eq!(texts, pairs(&[("a.py", "a"), ("/app/b.py", "b")]));
}

#[test]
fn a_directory_serves_what_is_gone_but_not_another_version() {
    let mut case = Case::new(&[("top/app/a.py", "a = 1\n"), ("top/app/b.py", "b = 100\n")]);
    for path in ["/app/a.py", "/app/b.py"] {
        case.claim(path);
        case.sources.vouch(path, SourceIdentity { size: 6, ..SourceIdentity::default() });
    }
    case.look_in("top");
    let left_out = vec![("changed", 1)];
    assert_eq!(case.taken(), (pairs(&[("/app/a.py", "a = 1\n")]), left_out));
}
