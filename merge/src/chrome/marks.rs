//! What our own reports say of a call besides its name and time, as a record says it.

use super::event::ChromeEvent;
use serde_json::{Map, Value};
use viztracer_format::record::Kind;

/// The kind of record, and flags of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks(u32);

/// Arguments that our reports write. A call that has others, too, has them from the program.
const ARGUMENTS: [(&str, u32); 5] = [
    ("unfinished", Kind::Open as u32),
    ("raised", Kind::Raise as u32),
    ("abandoned", Kind::Abandoned as u32),
    ("clipped", Marks::CLIPPED.0),
    ("inherited", Marks::INHERITED.0),
];
/// The ends of the arguments of a call that did not end and has arguments of the program, too, in front of these.
const BEHIND: [(&[u8], u32); 4] = [
    (br#","unfinished":true}"#, 0),
    (br#","unfinished":true,"clipped":true}"#, Marks::CLIPPED.0),
    (br#","unfinished":true,"inherited":true}"#, Marks::INHERITED.0),
    (br#","unfinished":true,"clipped":true,"inherited":true}"#, Marks::CLIPPED.0 | Marks::INHERITED.0),
];
/// Longer arguments cannot be only ours.
const LONGEST: usize = 80;
/// The bits of the kind, below the flags.
const KIND: u32 = 0xff;

impl Marks {
    /// A call that returned, without flags.
    pub const NONE: Marks = Marks(Kind::Return as u32);
    /// An event that is no call.
    pub const INSTANT: Marks = Marks(Kind::Instant as u32);
    /// A part of the call is outside the time that was asked for.
    const CLIPPED: Marks = Marks(1 << 8);
    /// The call began in the parent process.
    const INHERITED: Marks = Marks(1 << 9);
    /// The end of a call, whose begin is another event.
    pub const END: Marks = Marks(1 << 10);
    /// The call did not end, and its duration is how long it is known to have lasted.
    const LASTING: Marks = Marks(1 << 11);
    /// The begin of a call that says how long it is known to have lasted.
    const TIMED: Marks = Marks(1 << 12);
    /// The call did not end, and has arguments of the program.
    const ARGUMENTS: Marks = Marks(1 << 13);

    /// The marks of a call of our reports that has nothing else.
    pub fn of(event: &ChromeEvent<'_>) -> Option<Marks> {
        if event.category != Some(b"\"FEE\"") {
            return None;
        }
        let marks = match event.arguments {
            None => Marks::NONE,
            Some(arguments) => Marks::of_arguments(arguments).or_else(|| Marks::behind(arguments))?,
        };
        match event.others[..] {
            [] => Some(marks),
            [(b"\"yield\"", b"true")] if marks == Marks::NONE => Some(Marks(Kind::Yield as u32)),
            _ => None,
        }
    }

    /// The marks behind the program's arguments of a call that did not end.
    fn behind(arguments: &[u8]) -> Option<Marks> {
        let (_, flags) = BEHIND.iter().find(|(end, _)| arguments.ends_with(end))?;
        Some(Marks(Kind::Open as u32 | Marks::ARGUMENTS.0 | flags))
    }

    /// The program's arguments of a call that did not end, without the marks behind them.
    pub fn arguments_before(arguments: &[u8]) -> Option<Vec<u8>> {
        let own = BEHIND.iter().find_map(|(end, _)| arguments.strip_suffix(*end))?;
        Some([own, b"}"].concat())
    }

    fn of_arguments(arguments: &[u8]) -> Option<Marks> {
        // Most arguments are those of the program, which the first name shows.
        let first = arguments.get(1..)?.trim_ascii_start().strip_prefix(b"\"")?;
        if arguments.len() > LONGEST || !ARGUMENTS.iter().any(|(name, _)| first.starts_with(name.as_bytes())) {
            return None;
        }
        let arguments: Map<String, Value> = serde_json::from_slice(arguments).ok()?;
        let mut marks = (!arguments.is_empty()).then_some(Marks(0))?;
        for (name, value) in &arguments {
            let (_, mark) = ARGUMENTS.iter().find(|(known, _)| known == name && *value == Value::Bool(true))?;
            let ends_twice = mark & KIND != 0 && marks.0 & KIND != 0;
            marks = (!ends_twice).then_some(Marks(marks.0 | mark))?;
        }
        Some(if marks.0 & KIND == 0 { Marks(marks.0 | Marks::NONE.0) } else { marks })
    }

    /// The bits for [`StoredEvent::marks`](super::sort::StoredEvent::marks).
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The marks of a stored event.
    pub fn from_bits(bits: u32) -> Marks {
        Marks(bits)
    }

    /// The kind of record.
    pub fn kind(self) -> Kind {
        u8::try_from(self.0 & KIND).ok().and_then(Kind::from_byte).unwrap_or(Kind::Instant)
    }

    /// These marks with another kind.
    pub fn with_kind(self, kind: Kind) -> Marks {
        Marks(self.0 & !KIND | kind as u32)
    }

    /// These marks for a call whose event says how long it lasted.
    pub fn lasting(self) -> Marks {
        if self.kind() == Kind::Open { Marks(self.0 | Marks::LASTING.0) } else { self }
    }

    /// Whether the call did not end, and its duration is how long it is known to have lasted.
    pub fn is_lasting(self) -> bool {
        self.0 & Marks::LASTING.0 != 0
    }

    /// These marks for the begin of a call that says how long it is known to have lasted.
    pub fn timed(self) -> Marks {
        Marks(self.0 | Marks::TIMED.0)
    }

    /// Whether it is the begin of a call that says how long it is known to have lasted.
    pub fn is_timed(self) -> bool {
        self.0 & Marks::TIMED.0 != 0
    }

    /// Whether the call did not end, and has arguments of the program.
    pub fn has_arguments(self) -> bool {
        self.0 & Marks::ARGUMENTS.0 != 0
    }

    /// Whether a part of the call is outside the time that was asked for.
    pub fn is_clipped(self) -> bool {
        self.0 & Marks::CLIPPED.0 != 0
    }

    /// Whether the call began in the parent process.
    pub fn is_inherited(self) -> bool {
        self.0 & Marks::INHERITED.0 != 0
    }

    /// Whether it is the end of a call.
    pub fn is_end(self) -> bool {
        self.0 & Marks::END.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(members: &str) -> Option<(Kind, bool, bool)> {
        let text = format!("{{{members}}}");
        let (event, _) = ChromeEvent::read(text.as_bytes()).unwrap();
        Marks::of(&event).map(|marks| (marks.kind(), marks.is_clipped(), marks.is_inherited()))
    }

    #[test]
    fn what_our_reports_write_and_nothing_else() {
        for (members, expected) in [
            (r#""cat":"FEE""#, Some((Kind::Return, false, false))),
            (r#""cat":"FEE","yield":true"#, Some((Kind::Yield, false, false))),
            (r#""cat":"FEE","args":{"raised":true}"#, Some((Kind::Raise, false, false))),
            (r#""args": {"raised": true, "clipped": true}, "cat":"FEE""#, Some((Kind::Raise, true, false))),
            (r#""cat":"FEE","args":{"abandoned":true}"#, Some((Kind::Abandoned, false, false))),
            (r#""cat":"FEE","args":{"clipped":true}"#, Some((Kind::Return, true, false))),
            (r#""cat":"FEE","args":{"unfinished":true,"inherited":true}"#, Some((Kind::Open, false, true))),
            (r#""cat":"FEE","args":{"x":1,"unfinished":true}"#, Some((Kind::Open, false, false))),
            (r#""cat":"FEE","args":{"x":1,"unfinished":true,"inherited":true}"#, Some((Kind::Open, false, true))),
            (r#""cat":"FEE","args":{"x":1,"unfinished":true,"x":2}"#, None),
            (r#""cat":"FEE","args":{"x":{"y":1,"unfinished":true}}"#, None),
            (r#""cat":"FEE","args":{"unfinished":true,"raised":true}"#, None),
            (r#""cat":"FEE","args":{"raised":false}"#, None),
            (r#""cat":"FEE","args":{"raised":true,"x":1}"#, None),
            (r#""cat":"FEE","args":{}"#, None),
            (r#""cat":"FEE","args":[]"#, None),
            (r#""cat":"FEE","yield":false"#, None),
            (r#""cat":"FEE","yield":true,"args":{"raised":true}"#, None),
            (r#""cat":"FEE","caller":"x""#, None),
            (r#""cat":"fee","args":{"raised":true}"#, None),
            (r#""args":{"raised":true}"#, None),
        ] {
            assert_eq!(marks(members), expected, "{members}");
        }
    }

    #[test]
    fn the_arguments_of_the_program_are_those_before_the_marks() {
        let before = |arguments: &str| Marks::arguments_before(arguments.as_bytes());
        assert_eq!(before(r#"{"x":1,"unfinished":true,"clipped":true}"#).unwrap(), br#"{"x":1}"#);
        assert_eq!(before(r#"{"unfinished":true}"#), None);
    }
}
