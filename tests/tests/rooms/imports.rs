//! Which file of a crate names which other file of it, as its `use` items and paths tell.
//!
//! What is only there in tests, or under loom, does not count. A name that a module only passes on is followed to the
//! file that defines it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// The names of a module and of those around it, from the crate's root on.
type Name = Vec<String>;

/// A module, with a file of its own or inside of another's.
#[derive(Default)]
struct Module {
    file: PathBuf,
    /// Paths as they stand there.
    paths: Vec<Name>,
    /// What is defined there, as far as no macro does it.
    defined: BTreeSet<String>,
    /// What `use` makes known there, and by which path.
    imported: HashMap<String, Name>,
}

/// The modules of a crate.
pub struct Crate {
    modules: BTreeMap<Name, Module>,
    /// The modules that the root declares, in its order.
    pub rooms: Vec<String>,
}

/// A file and one that it names, both relative to the crate's `src`.
pub type Import = (PathBuf, PathBuf);

impl Crate {
    /// Reads the crate whose root is `lib.rs` in this directory.
    pub fn read(source: &Path) -> Crate {
        let mut reader = Reader { source, modules: BTreeMap::new(), here: Vec::new(), file: "lib.rs".into() };
        let items = reader.items(Path::new("lib.rs"));
        let rooms = items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) if !is_for_tests(&module.attrs) => Some(module.ident.to_string()),
            _ => None,
        });
        let rooms = rooms.collect();
        reader.module(&items);
        Crate { modules: reader.modules, rooms }
    }

    /// The files that have modules.
    pub fn files(&self) -> BTreeSet<&Path> {
        self.modules.values().map(|module| &*module.file).collect()
    }

    /// Every file with every other file that it names.
    pub fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (name, module) in &self.modules {
            for path in &module.paths {
                let target = self.file_of(name, path, 0);
                imports.extend(target.filter(|to| *to != module.file).map(|to| (module.file.clone(), to)));
            }
        }
        imports
    }

    /// The file that defines what this path, which stands in a module, leads to; `None` if that is another crate.
    fn file_of(&self, from: &Name, path: &[String], steps: usize) -> Option<PathBuf> {
        assert!(steps < 32, "{path:?} in {from:?} leads in a circle");
        let mut here = from.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => {
                here.clear();
                rest = &path[1..];
            }
            Some("self" | "super") => {
                while let [first, others @ ..] = rest
                    && matches!(first.as_str(), "self" | "super")
                {
                    if first == "super" {
                        here.pop();
                    }
                    rest = others;
                }
            }
            // A name that `use` makes known counts where it does so.
            Some(first) if self.modules.contains_key(&child(from, first)) => {}
            _ => return None,
        }
        while let [first, others @ ..] = rest {
            let below = child(&here, first);
            if self.modules.contains_key(&below) {
                here = below;
                rest = others;
            } else if let Some(through) = self.modules.get(&here).and_then(|module| module.imported.get(first)) {
                let whole: Name = through.iter().chain(others).cloned().collect();
                return self.file_of(&here, &whole, steps + 1);
            } else if here.is_empty() && !self.modules.get(&here)?.defined.contains(first) {
                return None; // the root of another build, as of a model of some modules
            } else {
                break;
            }
        }
        self.modules.get(&here).map(|module| module.file.clone())
    }
}

fn child(of: &Name, name: &str) -> Name {
    of.iter().cloned().chain([name.to_owned()]).collect()
}

/// Walks over the files of a crate.
struct Reader<'a> {
    source: &'a Path,
    modules: BTreeMap<Name, Module>,
    /// The module that is read, and its file.
    here: Name,
    file: PathBuf,
}

impl Reader<'_> {
    fn items(&self, file: &Path) -> Vec<syn::Item> {
        let path = self.source.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).items
    }

    fn module(&mut self, items: &[syn::Item]) {
        self.modules.insert(self.here.clone(), Module { file: self.file.clone(), ..Module::default() });
        items.iter().for_each(|item| self.visit_item(item));
    }

    fn add(&mut self, path: Name) {
        if let Some(module) = self.modules.get_mut(&self.here) {
            module.paths.push(path);
        }
    }

    /// Adds what a `use` item names, which begins with `path`.
    fn tree(&mut self, path: &Name, tree: &syn::UseTree) {
        let (name, known) = match tree {
            syn::UseTree::Path(further) => return self.tree(&child(path, &further.ident.to_string()), &further.tree),
            syn::UseTree::Group(group) => return group.items.iter().for_each(|tree| self.tree(path, tree)),
            syn::UseTree::Glob(_) => return self.add(path.clone()),
            syn::UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            syn::UseTree::Rename(renamed) => (renamed.ident.to_string(), renamed.rename.to_string()),
        };
        // `a::{self}` is `a`.
        let (path, known) = match (&*name, path.last()) {
            ("self", Some(last)) => (path.clone(), if known == "self" { last.clone() } else { known }),
            _ => (child(path, &name), known),
        };
        self.add(path.clone());
        if let Some(module) = self.modules.get_mut(&self.here) {
            module.imported.insert(known, path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (attributes, name) = head(item);
        if is_for_tests(attributes) {
            return;
        }
        if let (Some(name), Some(module)) = (name, self.modules.get_mut(&self.here)) {
            module.defined.insert(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let here = child(&self.here, &module.ident.to_string());
        let (items, file) = match &module.content {
            Some((_, items)) => (items.clone(), self.file.clone()),
            None => {
                let file = PathBuf::from_iter(&here).with_extension("rs");
                (self.items(&file), file)
            }
        };
        let around = (std::mem::replace(&mut self.here, here), std::mem::replace(&mut self.file, file));
        self.module(&items);
        (self.here, self.file) = around;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&Vec::new(), &item.tree);
    }

    /// `pub(crate)` names nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        // What it stands for is unknown, but paths are words with `::` between them.
        let tokens = invocation.tokens.to_string().replace("::", " :: ");
        let words: Vec<&str> = tokens.split(|c: char| !is_of_path(c)).flat_map(str::split_whitespace).collect();
        for path in words.split(|word| word.is_empty()) {
            let mut path = path.iter().peekable();
            while let Some(first) = path.next() {
                let mut whole = vec![(*first).to_owned()];
                while path.next_if_eq(&&"::").is_some() {
                    whole.extend(path.next().map(|name| (*name).to_owned()));
                }
                if whole.len() > 1 {
                    self.add(whole);
                }
            }
        }
        visit::visit_macro(self, invocation);
    }
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || matches!(c, '_' | ':')
}

/// The attributes of an item, and its name if it has one.
fn head(item: &syn::Item) -> (&[syn::Attribute], Option<&syn::Ident>) {
    match item {
        syn::Item::Const(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        syn::Item::Impl(item) => (&item.attrs, None),
        syn::Item::Mod(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Static(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Type(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

/// Whether this is only there in tests, or under loom.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    let is_test = |attribute: &syn::Attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|of| of.is_ident("test") || of.is_ident("loom"))
    };
    attributes.iter().any(is_test)
}
