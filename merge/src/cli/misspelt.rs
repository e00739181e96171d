//! Commands that are misspelt, or not the first word: those are taken for inputs. And options that are misspelt.

use std::path::Path;

/// The name of the command that prints the slowest calls.
pub const CALLS: &str = "calls";
/// The name of the command that compares runs.
pub const COMPARE: &str = "compare";
/// What shows the help, for users that take it for a command.
const HELP: &str = "--help";
/// Of so many letters of a word, one can be wrong; two that are exchanged count once.
const LETTERS_PER_MISTAKE: usize = 3;

/// The command, or option, that the user may have meant by something that does not exist.
pub fn meant(input: &Path) -> Option<&'static str> {
    let is_alone = |word: &&str| !word.contains('/') && !input.exists();
    let word = input.to_str().filter(is_alone)?;
    if word == "help" { Some(HELP) } else { closest(word, [CALLS, COMPARE]) }
}

/// The one of some words that this is nearly.
pub fn closest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |meant: &str| strsim::osa_distance(word, meant);
    let similar = words.into_iter().filter(|meant| distance(meant) <= meant.len() / LETTERS_PER_MISTAKE);
    similar.min_by_key(|meant| distance(meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_nearly_a_command() {
        for word in ["comapre", "compar", "Compare", "compares", "compare", "ocmpare"] {
            assert_eq!(meant(Path::new(word)), Some(COMPARE), "{word}");
        }
        for word in ["call", "cals", "clals", "Calls", "calls"] {
            assert_eq!(meant(Path::new(word)), Some(CALLS), "{word}");
        }
        for word in ["cell", "./compare", "runs/compare", "combine", "merge", "a", "*.bin", ""] {
            assert_eq!(meant(Path::new(word)), None, "{word}");
        }
        assert_eq!(meant(Path::new("help")), Some("--help"));
        assert_eq!(meant(tempfile::tempdir().unwrap().path()), None);
    }
}
