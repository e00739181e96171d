//! How functions, names and numbers are shown to people: in reports, in tables and in messages.

use viztracer_format::names::Function;

/// Stands for the name of a function that has none in its file.
pub const UNKNOWN_FUNCTION: &str = "unknown function";

/// How a function is called in the report.
pub fn display_name(function: &Function<'_>) -> String {
    match function.file {
        "" => function.name.to_owned(),
        file => function_name(function.name, file, function.line),
    }
}

/// How a Python function is called in the report.
pub fn function_name(name: &str, file: &str, line: u32) -> String {
    format!("{name} ({file}:{line})")
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A name that cannot move the terminal's cursor.
pub fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// An argument as a shell would need it.
pub fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
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
    }
}
