//! The order of modules: imports between files form no cycle, and a top-level module imports only modules that come
//! before it in `lib.rs`.

mod imports;

use imports::{Crate, Import};
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// Crates whose root lists its modules from the lowest to the highest: each may import only those before it.
const IN_ORDER: [&str; 2] = ["merge/src", "tracer/src"];

/// Crates without import cycles.
const WITHOUT_CIRCLES: [&str; 3] = ["merge/src", "tracer/src", "tracer/recorder/src"];

fn read(source: &str) -> Crate {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a folder of the workspace");
    Crate::read(&root.join(source))
}

/// Returns the shortest path from one file to another along imports, both included.
fn way(imports: &BTreeSet<Import>, from: &Path, to: &Path) -> Option<Vec<PathBuf>> {
    let mut ways = VecDeque::from([vec![from]]);
    let mut seen = BTreeSet::from([from]);
    while let Some(way) = ways.pop_front() {
        let here = way.last().copied()?;
        if here == to {
            return Some(way.into_iter().map(Path::to_path_buf).collect());
        }
        let below = imports.iter().filter(|(of, _)| of == here).map(|(_, below)| &**below);
        ways.extend(below.filter(|below| seen.insert(below)).map(|below| [&way[..], &[below]].concat()));
    }
    None
}

/// Returns the shortest cycle of every import that is in one; each cycle once, from its first file on.
fn circles(imports: &BTreeSet<Import>) -> BTreeSet<String> {
    // A file without imports, or without importers, is in no cycle.
    let mut imports = imports.clone();
    loop {
        let before = imports.len();
        let naming: BTreeSet<PathBuf> = imports.iter().map(|(from, _)| from.clone()).collect();
        imports.retain(|(_, to)| naming.contains(to));
        let named: BTreeSet<PathBuf> = imports.iter().map(|(_, to)| to.clone()).collect();
        imports.retain(|(from, _)| named.contains(from));
        if imports.len() == before {
            break;
        }
    }
    let circle = |(from, to): &Import| {
        let mut files: Vec<String> = way(&imports, to, from)?.iter().map(|file| file.display().to_string()).collect();
        let first = (0..files.len()).min_by_key(|place| &files[*place])?;
        files.rotate_left(first);
        files.extend(files.first().cloned());
        Some(files.join(" -> "))
    };
    imports.iter().filter_map(circle).collect()
}

#[test]
fn no_file_names_one_that_leads_back_to_it() {
    for source in WITHOUT_CIRCLES {
        let circles = circles(&read(source).imports());
        assert!(circles.is_empty(), "{source}: files that name each other:\n{}", Vec::from_iter(circles).join("\n"));
    }
}

#[test]
fn no_room_names_a_higher_one() {
    for source in IN_ORDER {
        let read = read(source);
        let room = |file: &Path| {
            let first = file.iter().next().and_then(|part| Path::new(part).file_stem()?.to_str()).unwrap_or_default();
            // The root re-exports names of all modules, so it is above them.
            read.rooms.iter().position(|room| room == first).unwrap_or(usize::MAX)
        };
        for (from, to) in read.imports() {
            let (low, high) = (from.display(), to.display());
            assert!(room(&to) <= room(&from), "{source}: {low} names {high}, which is in a higher room");
        }
    }
}

#[test]
fn every_file_of_a_crate_is_seen() {
    for source in WITHOUT_CIRCLES {
        let read = read(source);
        assert!(read.files().len() > 10, "{source}: {:?}", read.files());
        assert!(read.imports().len() > 10, "{source}: {:?}", read.imports());
    }
}

/// A crate of these files.
fn sample(files: &[(&str, &str)]) -> BTreeSet<Import> {
    let directory = tempfile::tempdir().expect("a directory can be made");
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is in the directory")).expect("a directory can be made");
        std::fs::write(path, text).expect("a file can be written");
    }
    Crate::read(directory.path()).imports()
}

fn import(from: &str, to: &str) -> Import {
    (from.into(), to.into())
}

#[test]
fn circles_of_every_kind_are_found() {
    let lib = ("lib.rs", "mod a;\nmod b;\n");
    for [a, b] in [
        ["use crate::b::B;", "use crate::a::{self, A};"],
        ["use super::b;", "fn f(_: crate::a::A) {}"],
        ["pub(crate) fn f() { crate::b::f() }", "pub fn f() { assert!(super::a::is()) }"],
        ["use crate::{b::B as C};", "mod c { use super::super::a::*; }"],
    ] {
        let circles = circles(&sample(&[lib, ("a.rs", a), ("b.rs", b)]));
        assert_eq!(Vec::from_iter(circles), ["a.rs -> b.rs -> a.rs"], "{a} {b}");
    }
    let three = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::A;")];
    let three: Vec<_> = [("lib.rs", "mod a; mod b; mod c;")].into_iter().chain(three).collect();
    assert_eq!(Vec::from_iter(circles(&sample(&three))), ["a.rs -> b.rs -> c.rs -> a.rs"]);
}

#[test]
fn what_is_passed_on_leads_to_where_it_is_defined() {
    let files = [
        ("lib.rs", "mod a;\npub use a::A;\n"),
        ("a.rs", "mod b;\nmod c;\npub use b::{A, B};\n"),
        ("a/b.rs", "pub struct A;\npub struct B;\n"),
        ("a/c.rs", "use super::B;\nuse crate::A;\n"),
    ];
    let imports = sample(&files);
    assert_eq!(
        imports.iter().filter(|(from, _)| from == Path::new("a/c.rs")).collect::<Vec<_>>(),
        [&import("a/c.rs", "a/b.rs")]
    );
    assert!(circles(&imports).is_empty());
}

#[test]
fn tests_do_not_count() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nfn f() {}\n#[cfg(test)]\nmod t;\n"),
        ("a.rs", "use crate::b::B;\nfn a() { crate::of_a_model() }"),
        ("b.rs", "#[cfg(test)]\nmod tests { use crate::a; }\nstruct B { #[cfg(loom)] a: crate::a::A, }"),
    ];
    assert_eq!(sample(&files), BTreeSet::from([import("a.rs", "b.rs")]));
}
