//! The viewer's files, put into the page: a page that is opened from a file cannot load others.

use super::super::gzip::Gzip;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// Placeholders in the page for the style and the modules.
pub const STYLE: &str = "{{STYLE}}";
pub const VIEWER: &str = "{{VIEWER}}";

const CSS: &str =
    concat!(include_str!("../../../../viewer/style.css"), "\n", include_str!("../../../../viewer/panels/panels.css"));

/// What modules are called in the page: this, and their path.
const ROOT: &str = "viewer/";
/// The page is written once, so the best is good enough.
const LEVEL: i32 = 12;

/// A module: its path and its text.
type Module = (&'static str, &'static str);

macro_rules! modules {
    ($($path:literal,)*) => { &[$(($path, include_str!(concat!("../../../../viewer/", $path))),)*] };
}

const ALL: &[Module] = modules![
    "data/bisect.js",
    "data/blocks.js",
    "data/comparison.js",
    "data/decode.js",
    "data/elided.js",
    "data/family.js",
    "data/flows.js",
    "data/header.js",
    "data/hiding.js",
    "data/kinds.js",
    "data/levels.js",
    "data/lives.js",
    "data/loaded.js",
    "data/model.js",
    "data/names.js",
    "data/overwritten.js",
    "data/pause.js",
    "data/processes.js",
    "data/relations.js",
    "data/spans.js",
    "data/splice.js",
    "data/starts.js",
    "data/streams.js",
    "data/varints.js",
    "export/csv.js",
    "export/cut.js",
    "export/download.js",
    "export/events.js",
    "export/folded.js",
    "export/json.js",
    "export/lives.js",
    "export/page.js",
    "export/pftrace.js",
    "export/pftrace/arguments.js",
    "export/pftrace/encoder.js",
    "export/pftrace/fields.js",
    "export/pftrace/others.js",
    "export/pftrace/sequence.js",
    "export/pftrace/tracks.js",
    "export/printable.js",
    "export/protobuf.js",
    "export/screenshot.js",
    "history.js",
    "main.js",
    "page.js",
    "panels/actions.js",
    "panels/arguments.js",
    "panels/bounds.js",
    "panels/call.js",
    "panels/calls.js",
    "panels/changes.js",
    "panels/clocks.js",
    "panels/coroutines.js",
    "panels/details.js",
    "panels/difference.js",
    "panels/element.js",
    "panels/elided.js",
    "panels/ends.js",
    "panels/flame.js",
    "panels/help.js",
    "panels/hidden.js",
    "panels/hiding.js",
    "panels/hits.js",
    "panels/lastwords.js",
    "panels/matches.js",
    "panels/meanwhile.js",
    "panels/menu.js",
    "panels/notes.js",
    "panels/panels.js",
    "panels/process.js",
    "panels/range.js",
    "panels/rate.js",
    "panels/relations.js",
    "panels/sandwich.js",
    "panels/scope.js",
    "panels/search.js",
    "panels/served.js",
    "panels/several.js",
    "panels/source.js",
    "panels/splitter.js",
    "panels/suggestions.js",
    "panels/table.js",
    "panels/tabs.js",
    "server.js",
    "state.js",
    "statistics/calls.js",
    "statistics/changes.js",
    "statistics/coroutines.js",
    "statistics/counts.js",
    "statistics/difference.js",
    "statistics/hidden.js",
    "statistics/meanwhile.js",
    "statistics/neighbours.js",
    "statistics/order.js",
    "statistics/range.js",
    "statistics/served.js",
    "statistics/slices.js",
    "statistics/stack.js",
    "statistics/stacks.js",
    "statistics/statistics.js",
    "statistics/tree.js",
    "timeline/axis.js",
    "timeline/colors.js",
    "timeline/counters.js",
    "timeline/draw.js",
    "timeline/edge.js",
    "timeline/frames.js",
    "timeline/gestures.js",
    "timeline/grips.js",
    "timeline/hit.js",
    "timeline/inherited.js",
    "timeline/input.js",
    "timeline/labels.js",
    "timeline/layout.js",
    "timeline/lives.js",
    "timeline/minimap.js",
    "timeline/motion.js",
    "timeline/names.js",
    "timeline/overlay.js",
    "timeline/painter.js",
    "timeline/points.js",
    "timeline/rows.js",
    "timeline/ruler.js",
    "timeline/snap.js",
    "timeline/stage.js",
    "timeline/strips.js",
    "timeline/tails.js",
    "timeline/theme.js",
    "timeline/tiles.js",
    "timeline/timeline.js",
    "timeline/tooltip.js",
    "timeline/tour.js",
    "timeline/typed.js",
    "timeline/unfinished.js",
    "timeline/view.js",
    "timeline/walk.js",
];

/// A piece of the page with all of the viewer that belongs in it.
pub fn embedded(page: &str) -> String {
    static PACKED: LazyLock<String> = LazyLock::new(packed);
    page.replace(STYLE, CSS).replace(VIEWER, &PACKED)
}

/// All modules by their names, as JSON, compressed.
fn packed() -> String {
    STANDARD.encode(Gzip::new(LEVEL).member(all().to_string().as_bytes()))
}

fn all() -> Value {
    let module = |(path, text): &Module| (format!("{ROOT}{path}"), Value::from(named(path, text)));
    Value::Object(ALL.iter().map(module).collect::<Map<_, _>>())
}

/// A module's text, with the names of other modules instead of relative paths.
fn named(path: &str, text: &str) -> String {
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, specifier, after)) = next_import(rest) {
        named += before;
        named += &format!("\"{ROOT}{}\"", resolved(path, specifier));
        rest = after;
    }
    named + rest
}

/// The next relative path that is imported, and what stands around its quotes.
fn next_import(text: &str) -> Option<(&str, &str, &str)> {
    let at = ["from \".", "import \".", "import(\"."]
        .iter()
        .filter_map(|begin| Some(text.find(begin)? + begin.len()))
        .min()?;
    let begin = at - 1;
    let end = begin + text.get(begin..)?.find('"')?;
    Some((text.get(..begin - 1)?, text.get(begin..end)?, text.get(end + 1..)?))
}

/// Where a path leads that stands in a module.
fn resolved(module: &str, specifier: &str) -> String {
    let mut parts: Vec<&str> = module.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    fn files(directory: &Path, extension: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, extension, found);
            } else if path.extension().is_some_and(|of| of == extension) {
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("viewer");
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn every_module_is_in_the_page_and_finds_the_others() {
        let mut found = BTreeSet::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("viewer"), "js", &mut found);
        found.retain(|path| !path.starts_with("tests/"));
        let paths: BTreeSet<String> = ALL.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(found, paths);
        for (path, text) in ALL {
            let mut rest = *text;
            while let Some((_, specifier, after)) = next_import(rest) {
                let target = resolved(path, specifier);
                assert!(paths.contains(&target), "{path} imports {target}");
                rest = after;
            }
        }
    }

    #[test]
    fn the_viewer_is_small() {
        assert!(embedded(super::super::PAGE).len() < 250_000);
    }

    #[test]
    fn paths_become_names() {
        let text =
            "import { a } from \"../data/a.js\";\nexport { b } from \"./b.js\";\nlet c = \".\";\nimport(\"./c.js\");";
        let expected = "import { a } from \"viewer/data/a.js\";\nexport { b } from \"viewer/x/b.js\";\n\
                        let c = \".\";\nimport(\"viewer/x/c.js\");";
        assert_eq!(named("x/y.js", text), expected);
    }
}
