//! Where a JSON value ends, by its quotes and brackets alone, even if its bytes come in several parts.

use viztracer_format::record::NESTING_MAX;

/// Scans a value whose bytes come in several parts.
#[derive(Default)]
pub struct ValueScanner {
    depth: u32,
    is_string: bool,
    is_escaped: bool,
    is_begun: bool,
}

impl ValueScanner {
    /// Scans the next bytes, and returns how many of them belong to the value if it ends in them.
    #[inline]
    pub fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if self.is_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_string = false,
                    _ => {}
                }
                at += 1;
                if !self.is_string && self.depth == 0 {
                    return Some(at);
                }
                continue;
            }
            match byte {
                b'"' => self.is_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                b',' | b' ' | b'\n' | b'\r' | b'\t' if self.depth == 0 && self.is_begun => return Some(at),
                _ => {}
            }
            self.is_begun = true;
            at += 1;
        }
        None
    }

    /// Whether the value may be a number, which ends where the document does: only its end cannot be seen.
    pub fn is_number(&self) -> bool {
        self.depth == 0 && !self.is_string
    }
}

/// Whether JSON text is nested deeper than readers of a report can be expected to read.
pub fn is_too_deep(json: &[u8]) -> bool {
    if json.len() <= NESTING_MAX as usize {
        return false; // most values are so short that they have too few brackets
    }
    let mut depth = 0_u32;
    let (mut is_string, mut is_escaped) = (false, false);
    json.iter().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_string,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth += 1,
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > NESTING_MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_are_no_nesting() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!is_too_deep(nested(110).as_bytes()) && is_too_deep(nested(111).as_bytes()));
        assert!(!is_too_deep(format!("\"\\\"{}\"", nested(200)).as_bytes()));
        assert!(!is_too_deep("[]".repeat(200).as_bytes()));
        assert!(is_too_deep(format!("[\"\\\\\"{}", "{".repeat(110)).as_bytes()));
    }
}
