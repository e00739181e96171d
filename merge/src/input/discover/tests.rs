//! Trees of files, and what is found in them.

use super::*;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

fn tree(names: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in names {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

/// What `discover` finds for inputs in `root`, by names relative to it; `!` marks what is not named.
fn found(root: &TempDir, inputs: &[&str]) -> (Vec<String>, Vec<String>) {
    let inputs: Vec<PathBuf> = inputs.iter().map(|input| root.path().join(input)).collect();
    let (found, bad) = discover(&inputs);
    let relative = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    let mark = |found: &InputFile| format!("{}{}", if found.is_named { "" } else { "!" }, relative(&found.path));
    let bad = bad.iter().map(|bad| format!("{}: {}", relative(&bad.path), bad.problem)).collect();
    (found.iter().map(mark).collect(), bad)
}

#[test]
fn order_of_the_arguments_then_names_and_each_file_once() {
    let root = tree(&["b.bin", "a.bin", "c.txt", "deep/z.bin", "deep/deeper/y.bin", "deep/a/x.bin"]);
    fs::hard_link(root.path().join("a.bin"), root.path().join("deep/a/same.bin")).unwrap();
    symlink("z.bin", root.path().join("deep/link.bin")).unwrap();
    let (files, bad) = found(&root, &["c.txt", "b.bin", ""]);
    let expected = ["c.txt", "b.bin", "!a.bin", "!deep/link.bin", "!deep/a/x.bin", "!deep/deeper/y.bin"];
    assert_eq!(files, expected);
    assert!(bad.is_empty());
}

#[test]
fn nothing_there_and_nothing_in_it() {
    let root = tree(&[]);
    let (files, bad) = found(&root, &["", "missing.bin"]);
    assert!(files.is_empty());
    assert_eq!(bad, [": no .bin or .json file in this directory", "missing.bin: No such file or directory"]);
}

#[test]
fn loops_of_links_end() {
    let root = tree(&["a/b/x.bin"]);
    for (name, target) in [("a/up", ".."), ("a/b/up", "../.."), ("a/b/again", "."), ("loop.bin", "loop.bin")] {
        symlink(target, root.path().join(name)).unwrap();
    }
    for input in ["", "**/*.bin", "**", "a/**/*.bin", "a/up/**/x.bin"] {
        let (files, bad) = found(&root, &[input]);
        assert_eq!(files.len(), 1, "{input}: {files:?}");
        assert!(files[0].ends_with("b/x.bin"), "{input}: {files:?}");
        assert_eq!(bad.iter().filter(|bad| !bad.starts_with("loop.bin")).count(), 0, "{bad:?}");
    }
}

#[test]
fn what_is_still_being_made_is_passed_over() {
    let making = ".result_7.0123456789abcdef0123456789abcdef.new";
    let root = tree(&["result_7.bin", ".viztracer-merge-Xy12.bin", making]);
    assert_eq!(found(&root, &[""]).0, ["!result_7.bin"]);
}

#[test]
fn patterns_as_a_shell_would_expand_them() {
    let root = tree(&["1.bin", "2.bin", "x.txt", "d/3.bin", "d/e/4.bin", "d/.hidden/5.bin", ".6.bin", "[k].bin"]);
    let expand = |pattern| found(&root, &[pattern]).0;
    assert_eq!(expand("*.bin"), ["1.bin", "2.bin", "[k].bin"]);
    assert_eq!(expand("[12].bin"), ["1.bin", "2.bin"]);
    assert_eq!(expand("?.txt"), ["x.txt"]);
    assert_eq!(expand("*/*.bin"), ["d/3.bin"]);
    assert_eq!(expand("**/*.bin"), ["1.bin", "2.bin", "[k].bin", "d/3.bin", "d/e/4.bin"]);
    assert_eq!(expand("d/**/4.bin"), ["d/e/4.bin"]);
    assert_eq!(expand("[k].bin"), ["[k].bin"]);
    assert_eq!(expand("[d]"), ["!d/3.bin", "!d/.hidden/5.bin", "!d/e/4.bin"]);
    assert_eq!(found(&root, &["*.json"]).1, ["*.json: no file matches this pattern"]);
    assert!(found(&root, &["[.bin"]).1[0].starts_with("[.bin: bad pattern: "));
}

#[test]
fn a_name_that_is_no_text_matches_too() {
    use std::os::unix::ffi::OsStrExt;
    let root = tree(&[]);
    let name = std::ffi::OsStr::from_bytes(b"\xff.bin");
    fs::write(root.path().join(name), "").unwrap();
    let (found, _) = discover(&[root.path().join("*.bin")]);
    assert_eq!(found[0].path, root.path().join(name));
}
