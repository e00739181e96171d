//! The documents agree with the project: module headers, the map, versions, the change log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a folder of the workspace")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of the project with this extension, whether committed yet or not.
fn files(extension: &str) -> Vec<PathBuf> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "--", &format!("*.{extension}")];
    let listed = Command::new("git").current_dir(root()).args(arguments).output().expect("git runs");
    let listed = String::from_utf8(listed.stdout).expect("names of files are UTF-8");
    let files: Vec<_> = listed.lines().map(PathBuf::from).filter(|file| root().join(file).exists()).collect();
    assert!(!files.is_empty(), "git knows the files");
    files
}

#[test]
fn every_module_begins_by_saying_what_it_is() {
    for file in files("rs") {
        assert!(read(&file).starts_with("//! "), "{} has no `//!`", file.display());
    }
    for file in files("py").iter().filter(|file| !file.ends_with("conftest.py")) {
        let text = read(file);
        let text = text.strip_prefix("#!/usr/bin/env python3\n").unwrap_or(&text);
        assert!(text.starts_with("\"\"\""), "{} has no docstring", file.display());
    }
}

/// Where hooks run, no conversion of pyo3 makes a Python object of a Rust value: it would panic without memory, and abort
/// the traced program. `tracer/src/fallible.rs` has conversions that fail.
#[test]
fn hooks_make_no_objects_by_conversions_that_panic() {
    let rooms = ["ending", "function", "hook", "logged", "thread", "greenlets.rs", "interpreter_events.rs"];
    let calls = ["getattr", "setattr", "hasattr", "call_method0", "call_method1", "import", "get_item", "set_item"];
    let makers = ["PyString::", "PyDict::", "PyList::", "PyTuple::"]
        .map(|kind| [format!("{kind}new("), format!("{kind}empty(")]);
    let with_literal = calls.map(|call| format!(".{call}(\""));
    let panics: Vec<_> = with_literal.into_iter().chain(makers.into_iter().flatten()).collect();
    for file in
        files("rs").into_iter().filter(|file| rooms.iter().any(|room| file.starts_with(format!("tracer/src/{room}"))))
    {
        let code: String = read(&file).split_whitespace().collect();
        for call in &panics {
            assert!(!code.contains(call), "{}: {call}", file.display());
        }
    }
}

/// Else git on Windows would end the lines of a checkout by `\r\n`, and files would differ from what is built of them.
#[test]
fn git_changes_no_ends_of_lines() {
    assert!(read(".gitattributes").lines().any(|line| line == "* -text"));
}

#[test]
fn the_map_shows_the_folders_there_are() {
    let readme = read("README.md");
    let (_, map) = readme.split_once("## The map").expect("README has a map");
    let mapped: Vec<&str> =
        map.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| row.split('`').next()).collect();
    for folder in &mapped {
        assert!(root().join(folder).is_dir(), "{folder} is on the map only");
    }
    for file in files("rs").into_iter().chain(files("py")) {
        let known = mapped.iter().any(|folder| file.starts_with(folder));
        assert!(known, "{} is not on the map", file.display());
    }
}

/// ARCHITECTURE.md names each module, and no other.
#[test]
fn the_architecture_is_the_one_there_is() {
    let text: String = read("ARCHITECTURE.md").split("```").step_by(2).collect();
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|name| name.contains('/')).collect();
    let houses = ["merge/src", "merge/viewer", "tracer/src", "tracer/python/viztracer"];
    let bases: Vec<_> = houses.iter().chain(&["", "merge/src/report"]).map(|base| root().join(base)).collect();
    for name in &named {
        let path = name.split(' ').next().unwrap_or_default();
        assert!(bases.iter().any(|base| base.join(path).exists()), "{name} is in ARCHITECTURE.md only");
    }
    for house in houses {
        let rooms = std::fs::read_dir(root().join(house)).expect("it is a folder").flatten();
        for room in rooms.filter(|room| room.path().is_dir()) {
            let room = format!("{}/", room.file_name().to_string_lossy());
            if ["tests/", "__pycache__/"].contains(&room.as_str()) {
                continue;
            }
            assert!(named.iter().any(|name| name.ends_with(&room)), "{house}/{room} is not in ARCHITECTURE.md");
        }
    }
}

/// Checks the last column of the map, as far as words in the code allow.
#[test]
fn what_the_map_says_is_not_in_a_folder_is_not_there() {
    let absent = [
        ("format/src", &["std::fs", "std::io", "std::net", "std::thread", "pyo3", "rustix"][..]),
        ("tracer/recorder/", &["pyo3"]),
        ("merge/src", &["pyo3"]),
        ("merge/Cargo.toml", &["pyo3"]),
        ("merge/viewer/package.json", &["ependencies"]),
        ("merge/viewer/page.html", &["http://", "https://"]),
    ];
    for (place, words) in absent {
        let found = ["rs", "toml", "json", "html"].into_iter().flat_map(files);
        let found: Vec<_> = found.filter(|file| file.to_string_lossy().starts_with(place)).collect();
        assert!(!found.is_empty(), "{place} is nowhere");
        for file in found {
            let text = read(&file);
            let word = words.iter().find(|word| text.contains(**word));
            assert_eq!(word, None, "{}", file.display());
        }
    }
}

#[test]
fn there_is_one_version() {
    assert!(read("tracer/python/viztracer/version.py").contains(&format!("__version__ = \"{VERSION}\"")));
    let data = format!("viztracer_ring-{VERSION}.data/scripts/");
    assert!(read("pyproject.toml").contains(&data), "the program of the wheel is not installed: no {data}");
    let changes = read("CHANGELOG.md");
    let headings: Vec<&str> = changes.lines().filter(|line| line.starts_with("## ")).collect();
    assert!(headings[0].starts_with(&format!("## [{VERSION}] - ")), "{} is not {VERSION}", headings[0]);
    for heading in headings {
        let date = heading.rsplit(" - ").next().unwrap_or_default();
        let is_date = date.len() == 10 && date.chars().all(|c| c.is_ascii_digit() || c == '-');
        assert!(is_date || date == "unreleased", "{heading} has no date");
    }
}

/// The pages that users read, with the folder that their links are relative to.
fn documents() -> Vec<PathBuf> {
    files("md").into_iter().filter(|file| !file.starts_with("tests/storm")).collect()
}

#[test]
fn every_relative_link_leads_to_a_file() {
    for document in documents() {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap_or_default();
            let path = root().join(document.parent().expect("a file is in a folder")).join(file);
            assert!(path.exists(), "{}: {target} does not exist", document.display());
        }
    }
}

#[test]
fn the_readme_is_short() {
    assert!(read("README.md").lines().count() < 120);
}

#[test]
fn the_documents_show_the_platforms_that_are_checked() {
    let platforms: serde_json::Value = serde_json::from_str(&read("packaging/platforms.json")).expect("it is JSON");
    let page = read("docs/platforms.md");
    let makefile = read("Makefile");
    for platform in platforms.as_array().expect("it is a list") {
        let field = |name: &str| platform[name].as_str().expect("each platform has this field");
        let columns = [
            field("system"),
            field("processor"),
            &format!("{}: {}", field("tracer"), field("python")),
            field("merge"),
            field("recorder"),
            &format!("`{}`", field("command")),
        ];
        let row = format!("| {} |", columns.join(" | "));
        assert!(page.lines().any(|line| line == row), "docs/platforms.md lacks the row {row}");
        for target in field("command").strip_prefix("make ").expect("it is targets of make").split(' ') {
            assert!(makefile.contains(&format!("\n{target}: ")), "Makefile lacks {target}");
        }
        let degrees = ["tested", "tested in part", "compiled"]; // which the page explains
        assert!(["tracer", "merge", "recorder"].iter().all(|name| degrees.contains(&field(name))), "{platform}");
        assert!(["runner", "wheel"].iter().all(|name| !field(name).is_empty()), "{platform} says too little for CI");
    }
    // tests/python/test_workflows.py runs the script that reads the list.
    for (workflow, matrix) in [("ci", "needs.platforms.outputs.all"), ("release", "needs.test.outputs.wheels")] {
        let workflow = read(format!(".github/workflows/{workflow}.yml"));
        assert!(workflow.contains(&format!("include: ${{{{ fromJson({matrix}) }}}}")), "its jobs come from elsewhere");
    }
    assert!(read(".github/workflows/ci.yml").contains("open(\"packaging/platforms.json\")"));
}
