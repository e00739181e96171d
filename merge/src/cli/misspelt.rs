//! Commands that are misspelt, or not the first word: those are taken for inputs.

use std::path::Path;

/// The name of the command that prints the slowest calls.
pub const CALLS: &str = "calls";
/// The name of the command that compares runs.
pub const COMPARE: &str = "compare";
/// Of so many letters of a command, one can be wrong; two that are exchanged count once.
const LETTERS_PER_MISTAKE: usize = 3;

/// The command that the user may have meant by something that does not exist.
pub fn meant(input: &Path) -> Option<&'static str> {
    let is_alone = |word: &&str| !word.contains('/') && !input.exists();
    let word = input.to_str().filter(is_alone)?;
    let is_similar = |command: &&str| strsim::osa_distance(word, command) <= command.len() / LETTERS_PER_MISTAKE;
    [CALLS, COMPARE].into_iter().find(is_similar)
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
        assert_eq!(meant(tempfile::tempdir().unwrap().path()), None);
    }
}
