//! Which function of the head is which one of the base: by module and qualified name, wherever in its file it begins.
//!
//! A ring file knows the paths of source files and not the names of modules. So these count as one module:
//! - files with one path;
//! - files that an installation of Python, or of packages, has under one path below its own directory;
//! - files below the directory of the program, if base and head are of two checkouts: see [`Checkouts`].

use super::Both;
use crate::report::functions::InternedFunction;
use crate::text::display::UNKNOWN_FUNCTION;
use std::collections::{BTreeMap, BTreeSet};

/// Directories of installed modules. What is below the last of them in a path is the path of the module.
const INSTALLED: [&str; 2] = ["site-packages", "dist-packages"];

/// Files with the same name that are compared with each other to find checkouts. Very many mean nothing.
const NAMESAKES_MAX: usize = 64;

/// A function, wherever it begins in its file. Several ones of the same name in one module, such as lambdas, are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionKey {
    /// The path of the module; empty for a C function.
    pub module: String,
    /// The qualified name.
    pub name: String,
}

/// The directories of the program, if base and head have it in different ones: those that the most files without a
/// counterpart have in front of what their paths have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkouts {
    /// The directories, if they differ.
    pub directories: Option<Both<String>>,
    /// All modules of both sides. Those of the base that the head has match these, and none is moved onto another one
    /// of the base.
    modules: Both<BTreeSet<String>>,
}

impl Checkouts {
    /// Finds them among the source files of both sides.
    pub fn find(files: &Both<BTreeSet<&str>>) -> Checkouts {
        let modules = files.map(|files| files.iter().map(|file| installed(file)).collect::<BTreeSet<&str>>());
        // What is installed has no place in the directory of the program, so it says nothing of that.
        let own = files
            .map(|files| files.iter().copied().filter(|file| installed(file) == *file).collect::<BTreeSet<&str>>());
        let base_only = by_name(own.base.difference(&modules.head));
        let head_only = by_name(own.head.difference(&modules.base));
        let mut votes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (name, of_base) in &base_only {
            let of_head = head_only.get(name).map_or(&[][..], Vec::as_slice);
            if of_base.len().max(of_head.len()) > NAMESAKES_MAX {
                continue;
            }
            let pairs = of_base.iter().flat_map(|base| of_head.iter().map(move |head| roots(base, head)));
            pairs.for_each(|roots| *votes.entry(roots).or_default() += 1);
        }
        // Of several with as many votes, the longest directories: they claim the least.
        let best = votes.into_iter().max_by_key(|((base, head), votes)| (*votes, base.len() + head.len()));
        let directories = best.map(|((base, head), _)| Both { base: base.to_owned(), head: head.to_owned() });
        let owned = |modules: &BTreeSet<&str>| modules.iter().map(|module| (*module).to_owned()).collect();
        Checkouts { directories, modules: modules.map(owned) }
    }

    /// The module of a file of the base.
    pub fn of_base(&self, file: &str) -> String {
        let module = installed(file);
        let is_own = module == file && !self.modules.head.contains(module);
        let directories = self.directories.as_ref().filter(|_| is_own);
        let moved = directories.and_then(|Both { base, head }| Some(joined(head, below(module, base)?)));
        // Two modules of the base are never one.
        moved.filter(|moved| !self.modules.base.contains(moved)).unwrap_or_else(|| module.to_owned())
    }

    /// The module of a file of the head.
    pub fn of_head(&self, file: &str) -> String {
        installed(file).to_owned()
    }
}

/// Whether it stands for functions whose names are not known. They may be any functions.
pub fn is_unknown(function: &InternedFunction) -> bool {
    function.file.is_empty() && &*function.name == UNKNOWN_FUNCTION
}

/// The path below the directory of an installation, or else the whole path.
fn installed(path: &str) -> &str {
    let mut module = path;
    let (mut rest, mut before) = (path, "");
    while let Some((component, behind)) = rest.split_once('/') {
        if INSTALLED.contains(&component) || (before.starts_with("lib") && is_python(component)) {
            module = behind;
        }
        (before, rest) = (component, behind);
    }
    if module.is_empty() { path } else { module }
}

/// Whether it is the name of a directory such as `python3.12`.
fn is_python(component: &str) -> bool {
    component.strip_prefix("python3.").is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

fn by_name<'a, 'b: 'a>(files: impl Iterator<Item = &'a &'b str>) -> BTreeMap<&'b str, Vec<&'b str>> {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files.filter(|file| file.contains('/')) {
        named.entry(file.rsplit('/').next().unwrap_or_default()).or_default().push(file);
    }
    named
}

/// Two paths without the components that they both end with.
fn roots<'a>(base: &'a str, head: &'a str) -> (&'a str, &'a str) {
    let (mut base, mut head) = (base, head);
    while let (Some((base_root, base_name)), Some((head_root, head_name))) =
        (base.rsplit_once('/'), head.rsplit_once('/'))
    {
        if base_name != head_name {
            break;
        }
        (base, head) = (base_root, head_root);
    }
    (base, head)
}

fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    path.strip_prefix(directory)?.strip_prefix('/')
}

fn joined(directory: &str, rest: &str) -> String {
    format!("{directory}/{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(base: &[&str], head: &[&str]) -> Checkouts {
        let set = |files: &[&'static str]| files.iter().copied().collect();
        // The tests' paths live as long as the program.
        let leak = |files: &[&str]| -> Vec<&'static str> {
            files.iter().map(|file| &*Box::leak(file.to_string().into_boxed_str())).collect()
        };
        Checkouts::find(&Both { base: set(&leak(base)), head: set(&leak(head)) })
    }

    #[test]
    fn modules_of_installations() {
        for (path, module) in [
            ("/usr/lib/python3.12/json/decoder.py", "json/decoder.py"),
            ("/usr/lib/python3.13t/json/decoder.py", "json/decoder.py"),
            ("/v/lib/python3.12/site-packages/attr/_make.py", "attr/_make.py"),
            ("/usr/lib/python3/dist-packages/a.py", "a.py"),
            ("/home/python3.12/a.py", "/home/python3.12/a.py"),
            ("/home/me/lib/python3.x/a.py", "/home/me/lib/python3.x/a.py"),
            ("/x/site-packages/", "/x/site-packages/"),
            ("<frozen os>", "<frozen os>"),
            ("", ""),
        ] {
            assert_eq!(installed(path), module, "{path}");
        }
    }

    #[test]
    fn checkouts_in_two_directories() {
        let base = ["/b/src/app/main.py", "/b/src/app/util.py", "/b/other/new.py", "/usr/lib/x.py"];
        let head = ["/w/h/app/main.py", "/w/h/app/util.py", "/w/h/app/more.py", "/usr/lib/x.py"];
        let checkouts = found(&base, &head);
        assert_eq!(checkouts.directories, Some(Both { base: "/b/src".into(), head: "/w/h".into() }));
        assert_eq!(checkouts.of_base("/b/src/app/main.py"), checkouts.of_head("/w/h/app/main.py"));
        // What has the same path on both sides is not moved.
        let both = found(&[&base[..], &["/b/src/same.py"]].concat(), &[&head[..], &["/b/src/same.py"]].concat());
        assert_eq!(both.of_base("/b/src/same.py"), both.of_head("/b/src/same.py"));
        assert_eq!(checkouts.of_base("/b/srcs/app/main.py"), "/b/srcs/app/main.py");
        assert_eq!(checkouts.of_base("/usr/lib/x.py"), "/usr/lib/x.py");
        assert_eq!(checkouts.of_base(""), "");
    }

    #[test]
    fn what_is_installed_votes_for_nothing() {
        let site = "/v/lib/python3.12/site-packages";
        let (old, new) = (format!("{site}/requests/old/util.py"), format!("{site}/requests/compat/util.py"));
        let checkouts = found(&["/b/main.py", &old], &["/h/main.py", &new]);
        assert_eq!(checkouts.directories, Some(Both { base: "/b".into(), head: "/h".into() }));
        assert_eq!(checkouts.of_base(&old), "requests/old/util.py");
        assert_eq!(found(&[&old], &[&new]).directories, None);
    }

    #[test]
    fn two_modules_of_the_base_are_never_one() {
        let checkouts = found(&["/b/x.py", "/b/y.py", "/b/z.py", "/h/z.py"], &["/h/x.py", "/h/y.py"]);
        assert_eq!(checkouts.of_base("/b/x.py"), "/h/x.py");
        assert_eq!([checkouts.of_base("/b/z.py"), checkouts.of_base("/h/z.py")], ["/b/z.py", "/h/z.py"]);
    }

    #[test]
    fn files_that_have_a_counterpart_vote_for_nothing() {
        assert_eq!(
            found(&["/a/x.py", "/a/__init__.py"], &["/a/x.py", "/a/__init__.py", "/a/b/__init__.py"]).directories,
            None
        );
        assert_eq!(found(&["/a/x.py"], &["/a/y.py"]).directories, None);
        assert_eq!(found(&["x.py"], &["/a/x.py"]).directories, None);
        let many: Vec<String> = (0..1000).map(|n| format!("/a/{n}/__init__.py")).collect();
        let others: Vec<String> = (0..1000).map(|n| format!("/b/{n}/__init__.py")).collect();
        let names = |all: &[String]| all.iter().map(|name| &**name).collect::<BTreeSet<&str>>().len();
        assert_eq!((names(&many), names(&others)), (1000, 1000));
        let refs = |all: &'static [String]| all.iter().map(|name| &**name).collect();
        let (many, others) = (Box::leak(many.into_boxed_slice()), Box::leak(others.into_boxed_slice()));
        assert_eq!(Checkouts::find(&Both { base: refs(many), head: refs(others) }).directories, None);
    }
}
