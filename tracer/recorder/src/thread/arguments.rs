//! The arguments of an open call, as JSON keys and values.

/// The value of an argument that is too long for a payload.
const TOO_LONG: &[u8] = b"\"not recorded: too long\"";

/// The arguments of one open call, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// The tag by which the call's end will be known.
    pub(super) tag: u64,
    /// JSON keys and values.
    members: Vec<(Box<[u8]>, Vec<u8>)>,
}

/// What becomes of an earlier value of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The new value replaces it.
    Replaced,
    /// The value is a list, which gets one more element.
    Extended,
}

impl Arguments {
    /// No arguments, of a call whose end will be known by this tag.
    pub(super) fn of(tag: u64) -> Arguments {
        Arguments { tag, members: Vec::new() }
    }

    /// Adds a member. If the arguments would be longer than `max` bytes, its value says so instead.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8], earlier: Earlier, max: usize) {
        let size: usize = self.members.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
        let value = if size + key.len() + value.len() + 4 > max { TOO_LONG } else { value };
        let known = self.members.iter().position(|(other, _)| **other == *key);
        let index = known.unwrap_or(self.members.len());
        if known.is_none() {
            self.members.push((key.into(), Vec::new()));
        }
        let Some((_, old)) = self.members.get_mut(index) else { return };
        let is_list = earlier == Earlier::Extended && old.len() > 2 && old.ends_with(b"]");
        old.truncate(if is_list { old.len() - 1 } else { 0 });
        if earlier == Earlier::Extended {
            old.push(if is_list { b',' } else { b'[' });
        }
        old.extend_from_slice(value);
        if earlier == Earlier::Extended {
            old.push(b']');
        }
    }

    /// The arguments as a JSON object.
    pub(super) fn json(&self) -> Vec<u8> {
        let mut json = vec![b'{'];
        for (index, (key, value)) in self.members.iter().enumerate() {
            json.extend_from_slice(if index == 0 { b"" } else { b"," });
            json.extend_from_slice(key);
            json.push(b':');
            json.extend_from_slice(value);
        }
        json.push(b'}');
        json
    }
}
