//! The viewer's files, put into the page: a page that is opened from a file cannot load others.

/// Where they go.
pub const STYLE: &str = "{{STYLE}}";
pub const MODULES: &str = "{{MODULES}}";

const CSS: &str = include_str!("../../../viewer/style.css");

/// What modules are called in the page: this, and their path.
const ROOT: &str = "viewer/";

/// A module: its path and its text.
type Module = (&'static str, &'static str);

macro_rules! modules {
    ($($path:literal,)*) => { &[$(($path, include_str!(concat!("../../../viewer/", $path))),)*] };
}

const ALL: &[Module] = modules!["data/blocks.js", "data/decode.js", "data/model.js", "main.js",];

/// A piece of the page with all of the viewer that belongs in it.
pub fn embedded(page: &str) -> String {
    let mut page = page.replace(STYLE, CSS);
    if page.contains(MODULES) {
        page = page.replace(MODULES, &import_map());
    }
    page
}

/// A name for each module, which means the module itself.
fn import_map() -> String {
    let entry =
        |(path, text): &Module| format!("\n\"{ROOT}{path}\":\"data:text/javascript,{}\"", in_url(&named(path, text)));
    let entries: Vec<String> = ALL.iter().map(entry).collect();
    format!("{{\"imports\":{{{}}}}}", entries.join(","))
}

/// A module's text with the names of other modules in the place of relative paths.
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

/// Text as a part of a URL that stands in a string of JSON that stands in a script.
fn in_url(text: &str) -> String {
    let mut url = String::with_capacity(text.len() * 11 / 10);
    for c in text.chars() {
        match c {
            '%' | '#' | '"' | '\\' | '<' | '\n' | '\r' | '\t' => url += &format!("%{:02X}", u32::from(c)),
            _ if c.is_ascii() => url.push(c),
            _ => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| url += &format!("%{byte:02X}")),
        }
    }
    url
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
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
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
        let size: usize = ALL.iter().map(|(_, text)| text.len()).sum();
        assert!(size + CSS.len() + super::super::PAGE.len() < 200_000);
    }

    #[test]
    fn paths_become_names() {
        let text =
            "import { a } from \"../data/a.js\";\nexport { b } from \"./b.js\";\nlet c = \".\";\nimport(\"./c.js\");";
        let expected = "import { a } from \"viewer/data/a.js\";\nexport { b } from \"viewer/x/b.js\";\nlet c = \".\";\nimport(\"viewer/x/c.js\");";
        assert_eq!(named("x/y.js", text), expected);
    }

    #[test]
    fn any_text_can_stand_in_the_map() {
        let text = "</script>\"\\ 100% #é\r\n\t";
        assert_eq!(in_url(text), "%3C/script>%22%5C 100%25 %23%C3%A9%0D%0A%09");
        let map: serde_json::Value = serde_json::from_str(&import_map()).unwrap();
        assert_eq!(map["imports"].as_object().unwrap().len(), ALL.len());
    }
}
