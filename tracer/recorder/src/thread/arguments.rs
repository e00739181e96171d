//! The arguments of an open call, as JSON keys and values.

use viztracer_format::record::Record;

/// The value of an argument that is too long for a payload.
const TOO_LONG: &[u8] = b"\"not recorded: too long\"";

/// The key of that value if the argument's own key is too long as well.
const OTHERS: &[u8] = b"\"...\"";
/// The punctuation that a member needs at most, and the end of the object.
const PUNCTUATION: usize = 5;
/// Bytes that are kept free for the first argument that is too long.
const RESERVE: usize = TOO_LONG.len() + OTHERS.len() + PUNCTUATION;

/// The arguments of one open call, in the order in which they came: the text of a JSON object without its end.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// The frame of the call.
    pub(super) frame: Record,
    /// The address behind that frame.
    pub(super) behind: usize,
    /// How many slots of the stack the arguments take, and how many bytes of the text are there.
    pub(super) slots: usize,
    pub(super) stored: usize,
    /// Whether the stack had no space for them.
    pub(super) is_lost: bool,
    text: Vec<u8>,
    members: Vec<Member>,
    /// Whether an argument was too long. Later ones are left out.
    is_full: bool,
}

/// Where a member stands in the text.
#[derive(Clone, Copy, Debug)]
struct Member {
    begin: usize,
    /// Where the value begins, behind a colon.
    value: usize,
    end: usize,
}

/// What becomes of an earlier value of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The new value replaces it.
    Replaced,
    /// The value is a list, which gets one more element.
    Extended,
}

impl Default for Arguments {
    fn default() -> Arguments {
        Arguments {
            frame: Record { word0: 0, word1: 0 },
            behind: 0,
            slots: 0,
            stored: 0,
            is_lost: false,
            text: vec![b'{'],
            members: Vec::new(),
            is_full: false,
        }
    }
}

impl Arguments {
    /// Whether these are the arguments of the call with this frame.
    pub(super) fn is_of(&self, frame: Record) -> bool {
        (self.frame.word0, self.frame.word1) == (frame.word0, frame.word1)
    }

    /// Makes these the arguments, none yet, of the call with this frame, which ends at the address `behind`.
    pub(super) fn begin(&mut self, frame: Record, behind: usize) {
        self.move_to(frame, behind);
        self.text.truncate(1);
        self.members.clear();
        self.is_full = false;
    }

    /// Makes these the arguments of the call with this frame, on whose stack they are not yet.
    pub(super) fn move_to(&mut self, frame: Record, behind: usize) {
        (self.frame, self.behind) = (frame, behind);
        (self.slots, self.stored, self.is_lost) = (0, 0, false);
    }

    /// The text of the object without its last brace.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Adds a member, and returns how many bytes of the text stayed as they were. If the arguments would be longer than
    /// `max` bytes, its value says so instead, and later members are left out.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8], earlier: Earlier, max: usize) -> usize {
        let before = self.text.len();
        if self.is_full {
            return before;
        }
        let length = |key: &[u8], value: &[u8]| self.text.len() + key.len() + value.len() + PUNCTUATION;
        self.is_full = length(key, value) + RESERVE > max;
        let key = if length(key, TOO_LONG) > max { OTHERS } else { key };
        let value = if self.is_full { TOO_LONG } else { value };
        let known = self.members.iter().position(|member| self.text.get(member.begin..member.value - 1) == Some(key));
        let index = known.unwrap_or_else(|| self.add_key(key));
        let Some(Member { value: begin, end, .. }) = self.members.get(index).copied() else { return before };
        let is_list = self.text.get(begin..end).is_some_and(|old| old.len() > 2 && old.ends_with(b"]"));
        let from = if earlier == Earlier::Extended && is_list { end - 1 } else { begin };
        match earlier {
            Earlier::Replaced => self.replace(index, from, &[value]),
            Earlier::Extended if is_list => self.replace(index, from, &[b",", value, b"]"]),
            Earlier::Extended => self.replace(index, from, &[b"[", value, b"]"]),
        }
        from.min(before)
    }

    /// Appends a key without a value, and returns the index of the member.
    fn add_key(&mut self, key: &[u8]) -> usize {
        if !self.members.is_empty() {
            self.text.push(b',');
        }
        let begin = self.text.len();
        self.text.extend_from_slice(key);
        self.text.push(b':');
        let value = self.text.len();
        self.members.push(Member { begin, value, end: value });
        self.members.len() - 1
    }

    /// Replaces the text of a member from `begin` to its end.
    fn replace(&mut self, index: usize, begin: usize, parts: &[&[u8]]) {
        let (_, after) = self.members.split_at_mut(index);
        let Some((member, after)) = after.split_first_mut() else { return };
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let old = member.end;
        member.end = begin + length;
        for later in after {
            for place in [&mut later.begin, &mut later.value, &mut later.end] {
                *place = *place - old + member.end;
            }
        }
        if old == self.text.len() {
            self.text.truncate(begin);
            parts.iter().for_each(|part| self.text.extend_from_slice(part));
        } else {
            self.text.splice(begin..old, parts.concat());
        }
    }

    /// The arguments as a JSON object.
    pub(super) fn json(&self) -> Vec<u8> {
        [&self.text[..], b"}"].concat()
    }

    /// The same, when nothing more is added.
    pub(super) fn finish(&mut self) -> &[u8] {
        self.text.push(b'}');
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Record = Record { word0: 1, word1: 2 };

    #[test]
    fn arguments_that_are_too_many_leave_those_that_fitted() {
        for earlier in [Earlier::Replaced, Earlier::Extended] {
            let mut arguments = Arguments::default();
            for n in 0..1000 {
                let key = if earlier == Earlier::Extended { "\"k\"".into() } else { format!("\"key{n}\"") };
                arguments.add(key.as_bytes(), b"12345", earlier, 200);
            }
            arguments.add(&[b'k'; 300], b"1", Earlier::Replaced, 200);
            let json = String::from_utf8(arguments.json()).unwrap();
            assert!(json.len() <= 200, "{json}");
            assert_eq!((json.matches("12345").count() > 5, json.matches("too long").count()), (true, 1), "{json}");
        }
        let mut arguments = Arguments::default();
        arguments.add(&[b'k'; 300], b"1", Earlier::Replaced, 200);
        assert_eq!(arguments.json(), br#"{"...":"not recorded: too long"}"#);
        arguments.begin(FRAME, 1);
        arguments.add(b"\"k\"", b"1", Earlier::Replaced, 200);
        assert_eq!(arguments.json(), br#"{"k":1}"#);
    }

    #[test]
    fn values_are_replaced_and_extended_in_their_place() {
        let mut arguments = Arguments::default();
        arguments.begin(FRAME, 1);
        let mut add = |key: &str, value: &str, earlier| {
            let before = arguments.text().to_vec();
            let unchanged = arguments.add(key.as_bytes(), value.as_bytes(), earlier, 1000);
            assert_eq!(arguments.text()[..unchanged], before[..unchanged]);
            assert_ne!(arguments.text()[unchanged..], before[unchanged..]);
            String::from_utf8(arguments.json()).unwrap()
        };
        use Earlier::{Extended, Replaced};
        for (key, value, earlier, expected) in [
            ("\"a\"", "1", Replaced, r#"{"a":1}"#),
            ("\"b\"", "[]", Replaced, r#"{"a":1,"b":[]}"#),
            ("\"c\"", "\"x]\"", Replaced, r#"{"a":1,"b":[],"c":"x]"}"#),
            ("\"b\"", "2", Extended, r#"{"a":1,"b":[2],"c":"x]"}"#),
            ("\"a\"", "[100]", Replaced, r#"{"a":[100],"b":[2],"c":"x]"}"#),
            ("\"b\"", "3", Extended, r#"{"a":[100],"b":[2,3],"c":"x]"}"#),
            ("\"c\"", "{}", Extended, r#"{"a":[100],"b":[2,3],"c":[{}]}"#),
            ("\"a\"", "0", Replaced, r#"{"a":0,"b":[2,3],"c":[{}]}"#),
        ] {
            assert_eq!(add(key, value, earlier), expected);
        }
        assert_eq!(arguments.finish(), br#"{"a":0,"b":[2,3],"c":[{}]}"#);
        arguments.begin(FRAME, 1);
        assert_eq!(arguments.json(), b"{}");
    }
}
