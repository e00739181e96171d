//! An event of a document, whose members are slices of its text.
//!
//! A general parser took twice as long, so only the bounds of the members are found here. What is kept of them
//! (arguments, and a name that is seen for the first time) is checked later to be JSON.

use super::scanner::{Broken, JsonScanner};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// An event. Its members are the text of JSON values.
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

impl<'a> ChromeEvent<'a> {
    /// Reads the event that these bytes begin with, and returns its length, too.
    pub fn read(bytes: &'a [u8]) -> Result<(ChromeEvent<'a>, usize), Broken> {
        let mut event = ChromeEvent::default();
        let mut scanner = JsonScanner { bytes, at: 0 };
        scanner.take(b'{')?;
        if scanner.first()? == b'}' {
            return Ok((event, scanner.at + 1));
        }
        loop {
            scanner.first()?;
            let key = scanner.string()?;
            scanner.take(b':')?;
            scanner.first()?;
            let value = scanner.value()?;
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
            match scanner.first()? {
                b',' => scanner.at += 1,
                b'}' => return Ok((event, scanner.at + 1)),
                _ => return Err(Broken::Bad),
            }
        }
    }

    /// Appends the members of a call that come after its name, each after a comma; at least a space.
    pub fn members_of_call(&self, text: &mut Vec<u8>) {
        put(b"\"args\"", self.arguments, text);
        put(b"\"cat\"", self.category, text);
        self.put_others(text);
        if text.is_empty() {
            text.push(b' ');
        }
    }

    /// Appends the arguments, after a comma.
    pub fn members_of_end(&self, text: &mut Vec<u8>) {
        put(b"\"args\"", self.arguments, text);
    }

    /// Appends the duration, after a comma.
    pub fn put_duration(&self, text: &mut Vec<u8>) {
        put(b"\"dur\"", self.duration, text);
    }

    /// Removes a member from the others.
    pub fn take_other(&mut self, key: &[u8]) -> Option<&'a [u8]> {
        let index = self.others.iter().position(|(other, _)| *other == key)?;
        Some(self.others.remove(index).1)
    }

    /// Appends all members but the thread and the time, each after a comma.
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

/// Whether a text is members of an object, each after a comma.
pub fn are_members(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(&object(text)).is_ok()
}

/// The object that has these members, each after a comma.
pub fn object(members: &[u8]) -> Vec<u8> {
    [b"{", members.strip_prefix(b",").unwrap_or(members), b"}"].concat()
}

/// Adds the arguments of a call's end to those of its begin; of two with one name, that of the end is kept.
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
    use crate::chrome::string::string;

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
