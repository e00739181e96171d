//! An event as it is written: its usual members apart, all of them as the text that they are.
//!
//! Most of a document is events, and most of their text is the same again and again. So they are not read by a general
//! parser, which took twice as long: here is only found where the members are. What is kept as it is (a name when it is
//! seen first, arguments) is checked then to be JSON.

use super::value;
use memchr::memchr2;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::ops::Range;

/// An event, whose members are the text of JSON values.
#[derive(Debug, Default)]
pub struct ChromeEvent<'a> {
    pub phase: &'a [u8],
    pub pid: Option<&'a [u8]>,
    pub tid: Option<&'a [u8]>,
    pub time: Option<&'a [u8]>,
    pub duration: Option<&'a [u8]>,
    pub name: Option<&'a [u8]>,
    pub category: Option<&'a [u8]>,
    pub arguments: Option<&'a [u8]>,
    /// Keys, with quotes, and values.
    pub others: Vec<(&'a [u8], &'a [u8])>,
}

/// Why there is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The bytes end before it does.
    Short,
    /// It is none.
    Bad,
}

impl<'a> ChromeEvent<'a> {
    /// The event that these bytes begin with, and how many of them it has.
    pub fn read(bytes: &'a [u8]) -> Result<(ChromeEvent<'a>, usize), Broken> {
        let mut event = ChromeEvent::default();
        let mut cursor = Cursor { bytes, at: 0 };
        cursor.take(b'{')?;
        if cursor.first()? == b'}' {
            return Ok((event, cursor.at + 1));
        }
        loop {
            cursor.first()?;
            let key = cursor.string()?;
            cursor.take(b':')?;
            cursor.first()?;
            let value = cursor.value()?;
            let value = &bytes[value];
            match &bytes[key.clone()] {
                b"\"ph\"" => event.phase = value,
                b"\"pid\"" => event.pid = Some(value),
                b"\"tid\"" => event.tid = Some(value),
                b"\"ts\"" => event.time = Some(value),
                b"\"dur\"" => event.duration = Some(value),
                b"\"name\"" => event.name = Some(value),
                b"\"cat\"" => event.category = Some(value),
                b"\"args\"" => event.arguments = Some(value),
                key => event.others.push((key, value)),
            }
            match cursor.first()? {
                b',' => cursor.at += 1,
                b'}' => return Ok((event, cursor.at + 1)),
                _ => return Err(Broken::Bad),
            }
        }
    }

    /// Puts what comes behind the name of a call into `text`, as members that follow others; at least a space.
    pub fn members_of_call(&self, text: &mut Vec<u8>) {
        put(b"\"args\"", self.arguments, text);
        put(b"\"cat\"", self.category, text);
        self.put_others(text);
        if text.is_empty() {
            text.push(b' ');
        }
    }

    /// Puts the arguments into `text`, as members that follow others.
    pub fn members_of_end(&self, text: &mut Vec<u8>) {
        put(b"\"args\"", self.arguments, text);
    }

    /// How long it is said to last, into `text`, as members that follow others.
    pub fn put_duration(&self, text: &mut Vec<u8>) {
        put(b"\"dur\"", self.duration, text);
    }

    /// Takes a member out of the others.
    pub fn take_other(&mut self, key: &[u8]) -> Option<&'a [u8]> {
        let place = self.others.iter().position(|(other, _)| *other == key)?;
        Some(self.others.remove(place).1)
    }

    /// Puts all but the thread and the time into `text`, as members that follow others.
    pub fn members(&self, text: &mut Vec<u8>) {
        put(b"\"ph\"", Some(self.phase), text);
        put(b"\"cat\"", self.category, text);
        put(b"\"name\"", self.name, text);
        put(b"\"args\"", self.arguments, text);
        put(b"\"dur\"", self.duration, text);
        self.put_others(text);
    }

    fn put_others(&self, text: &mut Vec<u8>) {
        for (key, value) in &self.others {
            put(key, Some(value), text);
        }
    }
}

fn put(key: &[u8], value: Option<&[u8]>, text: &mut Vec<u8>) {
    let Some(value) = value else { return };
    for part in [b",", key, b":", value] {
        text.extend_from_slice(part);
    }
}

/// A place in the bytes.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// The next byte that is no white space.
    #[inline]
    fn first(&mut self) -> Result<u8, Broken> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(Broken::Short),
            }
        }
    }

    /// Goes behind this byte.
    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Broken> {
        if self.first()? != byte {
            return Err(Broken::Bad);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes behind a string.
    #[inline]
    fn string(&mut self) -> Result<Range<usize>, Broken> {
        let begin = self.at;
        self.take(b'"')?;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let next = memchr2(b'"', b'\\', rest).ok_or(Broken::Short)?;
            self.at += next + 1;
            if rest[next] == b'"' {
                return Ok(begin..self.at);
            }
            self.at += 1;
        }
    }

    /// Goes behind any value.
    #[inline]
    fn value(&mut self) -> Result<Range<usize>, Broken> {
        let begin = self.at;
        let rest = self.bytes.get(begin..).unwrap_or_default();
        let length = match rest.first() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') => value::Value::default().end(rest),
            _ => rest
                .iter()
                .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'+' | b'.')),
        };
        match length.ok_or(Broken::Short)? {
            0 => Err(Broken::Bad),
            length => {
                self.at += length;
                Ok(begin..self.at)
            }
        }
    }
}

/// Whole nanoseconds out of a number of microseconds, which may stand in quotes. What is below a nanosecond is cut off,
/// as Perfetto does.
pub fn nanoseconds(number: &[u8]) -> Option<i64> {
    let quoted = number.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let number = quoted.map_or(number, <[u8]>::trim_ascii);
    let (sign, digits) = match number.strip_prefix(b"-") {
        Some(rest) => (-1, rest),
        None => (1, number),
    };
    let (mut sum, mut below, mut digits) = (0_i64, None, digits.iter());
    // Three digits behind the point count.
    while below != Some(3) {
        match digits.next() {
            Some(digit @ b'0'..=b'9') => {
                sum = sum.checked_mul(10)?.checked_add((digit - b'0').into())?;
                below = below.map(|below| below + 1);
            }
            Some(b'.') if below.is_none() => below = Some(0),
            None if number.last()?.is_ascii_digit() => break,
            _ => return with_exponent(number),
        }
    }
    if !digits.all(u8::is_ascii_digit) {
        return with_exponent(number);
    }
    sum.checked_mul([1000, 100, 10, 1][below.unwrap_or(0)])?.checked_mul(sign)
}

/// Powers of ten, which nobody writes for times.
#[cold]
fn with_exponent(number: &[u8]) -> Option<i64> {
    let microseconds: f64 = serde_json::from_slice(number).ok()?;
    (microseconds.abs() < 9e15).then_some((microseconds * 1000.0) as i64)
}

/// The text of a string, if it is one.
pub fn string(value: &[u8]) -> Option<String> {
    serde_json::from_slice(value).ok().or_else(|| serde_json::from_slice(&without_halves(value)).ok())
}

/// A string as it is written, without halves of surrogate pairs: Python writes those for bytes of file names that are
/// no text.
#[cold]
fn without_halves(value: &[u8]) -> Vec<u8> {
    let half = |at: usize| {
        let digits = value.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut text = value.to_vec();
    let mut at = 0;
    while at < text.len() {
        at += match (half(at), half(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                text[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            _ if value[at] == b'\\' => 2,
            _ => 1,
        };
    }
    text
}

/// The string that an object has under this name.
pub fn string_in(object: &[u8], name: &str) -> Option<String> {
    let object: Map<String, Value> = serde_json::from_slice(object).ok()?;
    Some(object.get(name)?.as_str()?.to_owned())
}

/// The text of an event that is no JSON as it is meant, if that is clear, and what was wrong with it.
#[cold]
pub fn repaired(text: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    if std::str::from_utf8(text).is_err() {
        let text = String::from_utf8_lossy(text).into_owned().into_bytes();
        return Some((without_names_of_numbers(&text).unwrap_or(text), "text that is no UTF-8, replaced by \u{fffd}"));
    }
    Some((without_names_of_numbers(text)?, "numbers that JSON does not have, replaced by null"))
}

/// `NaN` and infinities, which Python writes and JSON does not have, as `null`; `None` if there are none.
fn without_names_of_numbers(text: &[u8]) -> Option<Vec<u8>> {
    let mut repaired = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let string = value::Value::default().end(rest).filter(|_| rest[0] == b'"');
        let name = [&b"NaN"[..], b"-Infinity", b"Infinity"].into_iter().find(|name| rest.starts_with(name));
        let (taken, put) = match (string, name) {
            (Some(length), _) => (length, &rest[..length]),
            (_, Some(name)) => (name.len(), &b"null"[..]),
            _ => (1, &rest[..1]),
        };
        repaired.extend_from_slice(put);
        rest = &rest[taken..];
    }
    (repaired != text).then_some(repaired)
}

/// Whether these are members that follow others.
pub fn are_members(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(&object(text)).is_ok()
}

/// The object that has these members, which follow others.
fn object(members: &[u8]) -> Vec<u8> {
    [b"{", members.strip_prefix(b",").unwrap_or(members), b"}"].concat()
}

/// The members of a call that has these, with the arguments of its end, too; of two of one name, those.
pub fn with_arguments(members: &[u8], of_end: &[u8]) -> Vec<u8> {
    let of = |members: &[u8]| serde_json::from_slice::<Map<String, Value>>(&object(members)).ok();
    let (Some(mut all), Some(mut more)) = (of(members), of(of_end)) else { return members.to_vec() };
    let more = more.shift_remove("args").unwrap_or_default();
    match (all.get_mut("args"), more) {
        (Some(Value::Object(arguments)), Value::Object(more)) => arguments.extend(more),
        (_, more) => drop(all.insert("args".into(), more)),
    }
    let text = Value::Object(all).to_string();
    let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    format!(",{inside}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("1.", None),
            ("862002664.095", Some(862_002_664_095)),
            ("862002664.09", Some(862_002_664_090)),
            ("9007199254740993.001", Some(9_007_199_254_740_993_001)),
            ("4.49670679517934", Some(4_496)),
            ("-1.5", Some(-1500)),
            ("1.5e3", Some(1_500_000)),
            ("1.55555e1", Some(15_555)),
            ("1E2", Some(100_000)),
            ("1e300", None),
            ("99999999999999999999", None),
            ("1.5.5", None),
            ("1.5555.5", None),
            ("\"5\"", Some(5_000)),
            ("\" 862002664.095 \"", Some(862_002_664_095)),
            ("\"\"", None),
            ("\"five\"", None),
            ("\"", None),
            ("NaN", None),
            ("\"NaN\"", None),
            ("-Infinity", None),
            ("null", None),
            ("true", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(nanoseconds(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn halves_of_pairs_are_replaced() {
        for (written, expected) in [
            (r#""a\ud800""#, "a\u{fffd}"),
            (r#""a\\ud800""#, "a\\ud800"),
            (r#""\udc80b\ud83d\ude42\ud83d""#, "\u{fffd}b🙂\u{fffd}"),
        ] {
            assert_eq!(string(written.as_bytes()).as_deref(), Some(expected), "{written}");
        }
        assert_eq!(string(br#""\ud8"#), None);
        assert_eq!(string(b"5"), None);
    }

    #[test]
    fn members_are_kept_as_they_are() {
        let text = br#" {"ph": "X", "pid":1,"tid": 2 ,"ts":3.5,"dur":1,"name":"f\u0041","cat":"x","args":{"a": [1, "\""]},"\u0069d":"7"}, {}"#;
        let (event, length) = ChromeEvent::read(text).unwrap();
        assert_eq!(&text[length..], b", {}");
        assert_eq!((event.phase, event.time), (&b"\"X\""[..], Some(&b"3.5"[..])));
        assert_eq!(string(event.name.unwrap()).unwrap(), "fA");
        let mut members = Vec::new();
        event.members_of_call(&mut members);
        assert_eq!(members, br#","args":{"a": [1, "\""]},"cat":"x","\u0069d":"7""#);
        assert!(are_members(&members) && are_members(b" ") && are_members(b""));
        assert!(!are_members(b",\"a\":\"\xff\"") && !are_members(b",\"a\":[") && !are_members(b",,"));
        for length in 0..length {
            assert_eq!(ChromeEvent::read(&text[..length]).unwrap_err(), Broken::Short, "{length}");
        }
    }

    #[test]
    fn what_is_meant_by_events_that_are_no_json() {
        let meant = |text: &[u8]| repaired(text).map(|(text, _)| String::from_utf8(text).unwrap());
        assert_eq!(meant(b"{\"name\":\"\xffNaN\"}").unwrap(), "{\"name\":\"\u{fffd}NaN\"}");
        assert_eq!(
            meant(br#"{"args":{"NaN":NaN,"b":[-Infinity,Infinity,"\"NaN"]}}"#).unwrap(),
            r#"{"args":{"NaN":null,"b":[null,null,"\"NaN"]}}"#
        );
        assert_eq!(meant(br#"{"args":{"a":01,"b":"NaN"}}"#), None);
    }

    #[test]
    fn arguments_of_an_end_come_to_those_of_the_begin() {
        let both =
            |begin: &str, end: &str| String::from_utf8(with_arguments(begin.as_bytes(), end.as_bytes())).unwrap();
        let end = r#","args":{"b":2}"#;
        assert_eq!(both(r#","args":{"a":1,"b":1},"cat":"x""#, end), r#","args":{"a":1,"b":2},"cat":"x""#);
        assert_eq!(both(" ", end), end);
        assert_eq!(both(r#","args":null,"cat":"x""#, end), r#","args":{"b":2},"cat":"x""#);
        assert_eq!(both(r#","cat":"x""#, r#","args":5"#), r#","cat":"x","args":5"#);
    }

    #[test]
    fn what_is_no_object_is_bad() {
        for text in ["[1]", "{1:2}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{,}", "{\"a\":}", "{\"a\":,}", "{\"a\":1]}"] {
            assert_eq!(ChromeEvent::read(text.as_bytes()).unwrap_err(), Broken::Bad, "{text}");
        }
    }
}
