//! Source files of the program: which functions of the trace are in which files, and the text of these files.
//!
//! Paths in inputs are claims: a stranger that can write an input can name any file that the user may read. So no path
//! is opened, unless
//! - the text is in an input itself ([`Texts::embedded`]), or
//! - a ring file of the user's own says which file the interpreter's path led to, and it still does ([`vouched`]), or
//! - the user names a directory to look in ([`root`]).

mod left_out;
mod opened;
pub mod root;
mod vouched;

pub use left_out::LeftOut;

use crate::parallel::lock::lock;
use crate::plan::file::FilePlan;
use crate::plan::imported::Imported;
use crate::storage::inode::Inode;
use left_out::Reason;
use opened::OpenedSource;
use root::SourceRoot;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use viztracer_format::names::{Function, SourceIdentity};

/// Larger files are tables or generated: the largest module of Python's own library has 1 MB.
const FILE_MAX: u64 = 4 << 20;
/// All of a report's: a browser takes such a page, and a program that imports all of the usual libraries has less.
const ALL_MAX: u64 = 64 << 20;

/// A function in its file: first line, then name.
pub type Definition = (u32, String);

/// Functions by file, gathered while the files of the trace are read.
#[derive(Debug, Default)]
pub struct Sources {
    files: Mutex<BTreeMap<String, SourceFile>>,
    vouched: Mutex<Vouched>,
    left_out: Mutex<LeftOut>,
}

/// The files that paths led to when they were recorded.
type Vouched = BTreeMap<String, BTreeSet<SourceIdentity>>;

/// A source file of the trace.
#[derive(Debug, Default)]
pub struct SourceFile {
    /// Its path. Its name in the report may be shorter.
    pub path: String,
    /// Its functions.
    pub definitions: BTreeSet<Definition>,
}

impl Sources {
    /// Adds a function of the trace, unless it has no source file. The file at `path` has the name that `shown` gives
    /// it; of several files with one name, the first path counts.
    pub fn add(&self, path: &str, shown: &Function<'_>) {
        if shown.is_c || path.is_empty() {
            return;
        }
        let mut files = lock(&self.files);
        let definition = (shown.line, shown.name.to_owned());
        match files.get_mut(shown.file) {
            Some(file) => {
                file.definitions.insert(definition);
                if *path < *file.path {
                    path.clone_into(&mut file.path);
                }
            }
            None => {
                let file = SourceFile { path: path.to_owned(), definitions: BTreeSet::from([definition]) };
                files.insert(shown.file.to_owned(), file);
            }
        }
    }

    /// Takes a ring file's word that `path` led to this file. Only of files that
    /// [`is_trusted`](crate::system::Owner::is_trusted).
    pub fn vouch(&self, path: &str, identity: SourceIdentity) {
        lock(&self.vouched).entry(path.to_owned()).or_default().insert(identity);
    }

    /// Calls `each` with the name in the report, the functions and the text of each file, as long as it goes well. The
    /// text comes with the number of its lines, as JSON. Short names are first: of several of one file the shortest has
    /// its text.
    pub fn take<E>(
        &self,
        files: &[FilePlan],
        root: Option<&SourceRoot>,
        mut each: impl FnMut(String, SourceFile, Option<Vec<u8>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut texts = Texts::new(files, std::mem::take(&mut lock(&self.vouched)), root);
        let mut all = std::mem::take(&mut *lock(&self.files));
        for path in texts.embedded.keys() {
            all.entry((*path).to_owned()).or_default();
        }
        let mut all: Vec<(String, SourceFile)> = all.into_iter().collect();
        all.sort_by_key(|(shown, _)| shown.len());
        for (shown, file) in all {
            let text = texts.text(&shown, &file);
            each(shown, file, text)?;
        }
        *lock(&self.left_out) = texts.left_out;
        Ok(())
    }

    /// Files whose text was not taken.
    pub fn left_out(&self) -> LeftOut {
        *lock(&self.left_out)
    }
}

/// Finds the text of source files.
struct Texts<'a> {
    /// Source files that came with inputs, by path; of two, the later one.
    embedded: BTreeMap<&'a str, &'a Imported>,
    vouched: Vouched,
    root: Option<&'a SourceRoot>,
    /// What was read: a file may have many names.
    read: HashSet<Inode>,
    /// Bytes that are still taken.
    capacity: u64,
    left_out: LeftOut,
}

impl<'a> Texts<'a> {
    fn new(files: &'a [FilePlan], vouched: Vouched, root: Option<&'a SourceRoot>) -> Texts<'a> {
        let imported = files.iter().filter_map(|plan| plan.imported());
        let embedded = imported.flat_map(|imported| imported.sources().map(move |path| (path, imported))).collect();
        Texts { embedded, vouched, root, read: HashSet::new(), capacity: ALL_MAX, left_out: LeftOut::default() }
    }

    /// The text of a file that is called this and the number of its lines, as JSON; `None` if it is left out.
    fn text(&mut self, shown: &str, of: &SourceFile) -> Option<Vec<u8>> {
        if let Some(imported) = self.embedded.get(shown).or_else(|| self.embedded.get(&*of.path)) {
            return imported.source(&of.path).or_else(|_| imported.source(shown)).ok();
        }
        // Such as `<string>`.
        if of.path.starts_with('<') {
            return None;
        }
        match self.open(shown, &of.path).and_then(|opened| self.read(opened)) {
            Ok(source) => {
                let lines = source.bytes().filter(|byte| *byte == b'\n').count();
                Some(json!([source, lines]).to_string().into_bytes())
            }
            Err(reason) => {
                self.left_out.count(reason);
                None
            }
        }
    }

    fn open(&self, shown: &str, path: &str) -> Result<OpenedSource, Reason> {
        let identities = self.vouched.get(path);
        let vouched = identities.ok_or(Reason::NotVouched).and_then(|known| vouched::open(path, known));
        match (vouched, self.root) {
            (Err(reason), Some(root)) => {
                let of_size = |size: u64| identities.is_none_or(|known| known.iter().any(|of| of.size == size));
                root.open(shown).filter(|found| found.file.metadata().is_ok_and(|m| of_size(m.len()))).ok_or(reason)
            }
            (vouched, _) => vouched,
        }
    }

    /// Reads the text with `\n` line ends, if it is Python and not too large.
    fn read(&mut self, OpenedSource { file, resolved }: OpenedSource) -> Result<String, Reason> {
        let metadata = file.metadata().map_err(|_| Reason::Changed)?;
        if metadata.len() > FILE_MAX.min(self.capacity) {
            return Err(Reason::TooLarge);
        }
        let inode = Inode::of(&file, &metadata);
        if self.read.contains(&inode) {
            return Err(Reason::Repeated);
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        file.take(metadata.len()).read_to_end(&mut bytes).map_err(|_| Reason::Changed)?;
        let text = String::from_utf8(bytes).map_err(|_| Reason::NotPython)?;
        if !is_python(&resolved, &text) {
            return Err(Reason::NotPython);
        }
        self.read.insert(inode);
        self.capacity -= metadata.len();
        Ok(plain(text))
    }
}

/// Whether a file is Python source by its name, or by its first line. A program may give the name of any file to
/// `compile`, and with it that of one full of secrets.
fn is_python(resolved: &Path, text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    resolved.extension().is_some_and(|extension| extension == "py" || extension == "pyw")
        || (first.starts_with("#!") && first.contains("python"))
}

fn plain(text: String) -> String {
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

#[cfg(all(test, unix))]
mod tests;
