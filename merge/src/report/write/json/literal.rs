//! Strings and numbers as JSON has them.

use super::super::text::Text;

impl Text {
    /// Appends a string in quotes.
    pub fn put_string(&mut self, text: &str) {
        self.put(b"\"");
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            self.put(&rest.as_bytes()[..at]);
            match rest.as_bytes()[at] {
                b'"' => self.put(b"\\\""),
                b'\\' => self.put(b"\\\\"),
                b'\n' => self.put(b"\\n"),
                b'\r' => self.put(b"\\r"),
                b'\t' => self.put(b"\\t"),
                control => self.put(format!("\\u{control:04x}").as_bytes()),
            }
            rest = &rest[at + 1..];
        }
        self.put(rest.as_bytes());
        self.put(b"\"");
    }

    /// Appends a number in decimal.
    #[inline(always)]
    pub fn put_number(&mut self, number: u64) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_what_they_were_after_parsing() {
        for string in ["", "plain", "\"\\\n\r\t\0\u{1f}\u{7f}", "é 🙂 \u{2028} </script>", "a\"b"] {
            let mut text = Text::default();
            text.put_string(string);
            assert_eq!(serde_json::from_slice::<String>(text.as_bytes()).unwrap(), string);
        }
        let mut text = Text::default();
        text.put_string("é🙂");
        assert_eq!(text.as_bytes(), "\"é🙂\"".as_bytes());
    }
}
