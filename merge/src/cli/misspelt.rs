//! Commands that are misspelt, or not the first word: those are taken for inputs.

use std::path::Path;

/// The name of the command that compares runs.
pub const COMPARE: &str = "compare";
/// Letters that are wrong at most; two that are exchanged count once.
const WRONG_MAX: usize = 2;

/// The command that the user may have meant by something that does not exist.
pub fn meant(input: &Path) -> Option<&'static str> {
    let is_similar = |word| strsim::osa_distance(word, COMPARE) <= WRONG_MAX;
    let is_alone = |word: &&str| !word.contains('/') && !input.exists();
    input.to_str().filter(is_alone).filter(|word| is_similar(word)).map(|_| COMPARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_nearly_the_command() {
        for word in ["comapre", "compar", "Compare", "compares", "compare", "ocmpare"] {
            assert_eq!(meant(Path::new(word)), Some(COMPARE), "{word}");
        }
        for word in ["./compare", "runs/compare", "combine", "merge", "a", "*.bin", ""] {
            assert_eq!(meant(Path::new(word)), None, "{word}");
        }
        assert_eq!(meant(tempfile::tempdir().unwrap().path()), None);
    }
}
