//! Names and text in Markdown.

/// A name as code. A bar ends a cell even there; backticks need longer ones around them. Behind a backslash a bar
/// cannot be escaped, so all punctuation is written as character references then.
pub fn code(name: &str) -> String {
    if name.contains("\\|") {
        let number = |c: char| if c.is_ascii_punctuation() { format!("&#{};", c as u32) } else { c.to_string() };
        return format!("<code>{}</code>", name.chars().map(number).collect::<String>());
    }
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let gap = if longest > 0 { " " } else { "" };
    format!("{fence}{gap}{}{gap}{fence}", name.replace('|', "\\|"))
}

/// Text with all characters escaped that mean something in Markdown.
pub fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| "\\`*_{}[]<>#|&~$".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A table of these columns, each with its heading and whether it is of numbers, and of these rows of cells, in which all
/// characters that mean something are escaped.
pub fn table(columns: &[(&str, bool)], rows: impl Iterator<Item = Vec<String>>) -> String {
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    let rules = columns.iter().map(|(_, is_number)| if *is_number { "--:|" } else { "---|" });
    let mut text = format!("| {} |\n|{}\n", headings.join(" | "), rules.collect::<String>());
    for cells in rows {
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_markdown_are_what_they_were() {
        assert_eq!(code("f (/x/a.py:1)"), "`f (/x/a.py:1)`");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("<module>"), "`<module>`");
        assert_eq!(code("``b` c"), "``` ``b` c ```");
        assert_eq!(code("a\\|<b>"), "<code>a&#92;&#124;&#60;b&#62;</code>");
        assert_eq!(escaped("my_app <1> | *"), "my\\_app \\<1\\> \\| \\*");
    }
}
