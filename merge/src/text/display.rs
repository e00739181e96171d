//! How functions, names and numbers are shown to people: in reports, in tables and in messages.

use std::path::Path;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;

/// Stands for the name of a function that has none in its file.
pub const UNKNOWN_FUNCTION: &str = "unknown function";

/// Stands for calls that newer events have overwritten.
pub const OVERWRITTEN_CALLS: &str = "[overwritten]";

/// The name of a function in a report.
pub fn display_name(function: &Function<'_>) -> String {
    match function.file {
        "" => function.name.to_owned(),
        file => function_name(function.name, file, function.line),
    }
}

/// The name of a Python function in a report.
pub fn function_name(name: &str, file: &str, line: u32) -> String {
    format!("{name} ({file}:{line})")
}

/// How a call ended, in a word.
pub fn how(kind: Kind) -> &'static str {
    match kind {
        Kind::Return => "returned",
        Kind::Raise => "raised",
        Kind::Yield => "yielded",
        Kind::Open => "unfinished",
        _ => "abandoned",
    }
}

/// A number with separators, such as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Escapes text so that it stays on one line, does nothing to a terminal and is read in the order in which it is
/// written: `\n`, `\x1b`, `\u202e` as in Python.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| put(c, &mut shown));
    shown
}

/// The name of an output that stands for standard output.
pub const STDOUT: &str = "-";

/// A report's name in messages.
pub fn output(output: &Path) -> String {
    if output == Path::new(STDOUT) { "standard output".into() } else { path(output) }
}

/// A path in messages and tables: printable, and bytes that are no text as `\xff`.
pub fn path(path: &Path) -> String {
    printable_bytes(path.as_os_str().as_encoded_bytes())
}

fn printable_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| put(c, &mut shown));
        chunk.invalid().iter().for_each(|byte| shown += &format!("\\x{byte:02x}"));
    }
    shown
}

fn put(c: char, shown: &mut String) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        c if !is_hidden(c) => shown.push(c),
        '\0'..='\u{ff}' => *shown += &format!("\\x{:02x}", c as u32),
        '\0'..='\u{ffff}' => *shown += &format!("\\u{:04x}", c as u32),
        _ => *shown += &format!("\\U{:08x}", c as u32),
    }
}

/// Whether a character acts on a terminal or on the text around it instead of being seen: controls, ends of lines,
/// marks of direction, and what is invisible. Joiners are not: some scripts are misspelt without them.
fn is_hidden(c: char) -> bool {
    let ranges = [
        '\u{61c}'..='\u{61c}',
        '\u{200b}'..='\u{200b}',
        '\u{200e}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{e0000}'..='\u{e007f}',
    ];
    c.is_control() || ranges.iter().any(|range| range.contains(&c))
}

/// An argument, text or bytes, as a shell would need it. What cannot be printed is written as bash, zsh and ksh know
/// it.
pub fn quoted(argument: impl AsRef<[u8]>) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    match std::str::from_utf8(argument.as_ref()) {
        Ok(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Ok(text) if !text.contains(is_hidden) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let escape = |byte: &u8| if b"\\'".contains(byte) { vec![b'\\', *byte] } else { vec![*byte] };
            let escaped: Vec<u8> = argument.as_ref().iter().flat_map(escape).collect();
            format!("$'{}'", printable_bytes(&escaped))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let numbers = [0, 999, 1000, 123_456, 1_234_567];
        assert_eq!(numbers.map(grouped), ["0", "999", "1,000", "123,456", "1,234,567"]);
    }

    #[test]
    fn arguments_as_a_shell_takes_them() {
        let arguments = ["a.py", "", "two words", "it's", "--x=1"].map(quoted);
        assert_eq!(arguments, ["a.py", "''", "'two words'", r"'it'\''s'", "--x=1"]);
        let strange = [&b"a\nb"[..], b"it's \\ \x1b", "\u{202e}a".as_bytes(), b"\xff.py"].map(quoted);
        assert_eq!(strange, [r"$'a\nb'", r"$'it\'s \\ \x1b'", r"$'\u202ea'", r"$'\xff.py'"]);
    }

    #[test]
    fn what_acts_on_the_terminal_is_escaped() {
        for (text, shown) in [
            ("naïve ☃ 🐍 \\ 'a' <b>", "naïve ☃ 🐍 \\ 'a' <b>"),
            ("a\nb\rc\td", r"a\nb\rc\td"),
            ("\u{1b}[2J\u{7f}\u{9b}31m\0", r"\x1b[2J\x7f\x9b31m\x00"),
            ("\u{202e}gpj\u{2066}\u{2069}\u{200f}\u{2028}", r"\u202egpj\u2066\u2069\u200f\u2028"),
            ("\u{feff}\u{e0041}", r"\ufeff\U000e0041"),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(printable(shown), shown);
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_no_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(path(Path::new(OsStr::from_bytes(b"a\xffb\xc3/\n"))), r"a\xffb\xc3/\n");
    }
}
