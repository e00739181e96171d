//! The words of a control block by which a session is switched, and the marks that its processes record.

use super::{BLOCK_SIZE, MAGIC, TEXT_OFFSET, VERSION};
use crate::error::FormatError;
use crate::sync::{AtomicU64, Ordering, fence};
use bytemuck::{Pod, Zeroable};

/// Where [`SwitchWords`] stand.
pub const SWITCHES_OFFSET: usize = 288;
/// How many of the newest marks a block holds.
pub const MARK_SLOTS: usize = 8;
/// The most bytes of the name of a mark.
pub const MARK_NAME_MAX: usize = 64;
/// The low bits of [`SwitchWords::wanted`]. Those above count its changes.
const WANTED_MASK: u64 = 0xff;
const CHANGE: u64 = WANTED_MASK + 1;
/// How far a reader needs a block to know its switches.
const READ_SIZE: usize = TEXT_OFFSET;

/// The words by which a session is switched. `CONTROL.md` says what each means.
#[repr(C)]
#[derive(Debug, Default)]
pub struct SwitchWords {
    /// Low 8 bits: what the processes should do; see [`Wanted`]. The others: how often that has changed.
    pub wanted: AtomicU64,
    /// How many marks there have ever been.
    pub marks: AtomicU64,
    /// The newest of them. Mark `n`, the first one being 1, is in slot `(n - 1) % MARK_SLOTS`.
    pub slots: [MarkSlot; MARK_SLOTS],
}
#[cfg(not(loom))]
const _: () = assert!(SWITCHES_OFFSET + size_of::<SwitchWords>() <= TEXT_OFFSET);

impl SwitchWords {
    /// Has the processes of the session do this from now on. Returns whether that changes anything: a session that has
    /// stopped stays so.
    pub fn switch(&self, to: Wanted) -> bool {
        self.wanted.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| changed(word, to)).is_ok()
    }

    /// Has the processes of the session record a mark with this name at this time. `false`: the name is empty or too
    /// long, or has a NUL.
    pub fn mark(&self, time: u64, name: &str) -> bool {
        let Some(name) = name_words(name) else { return false };
        let before = self.marks.fetch_add(1, Ordering::AcqRel);
        self.slots[(before % MARK_SLOTS as u64) as usize].write(before.wrapping_add(1), time, name);
        true
    }
}

/// A mark as it stands in a block. Its writer stores 0 in `number` first, and the number last.
#[repr(C)]
#[derive(Debug, Default)]
pub struct MarkSlot {
    /// Which mark it is, the first one being 1; 0 while it is written.
    pub number: AtomicU64,
    /// `CLOCK_MONOTONIC`, in ns, when the mark was asked for.
    pub time: AtomicU64,
    /// The name, in UTF-8, with zeros behind it.
    pub name: [AtomicU64; MARK_NAME_MAX / 8],
}

impl MarkSlot {
    fn write(&self, number: u64, time: u64, name: [u64; MARK_NAME_MAX / 8]) {
        self.number.store(0, Ordering::Relaxed);
        fence(Ordering::Release); // who sees what follows sees that this is no longer the mark before
        self.time.store(time, Ordering::Relaxed);
        for (word, text) in self.name.iter().zip(name) {
            word.store(text, Ordering::Relaxed);
        }
        self.number.store(number, Ordering::Release);
    }
}

/// What the processes of a session should do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Record. Unknown numbers mean this, too.
    #[default]
    Recording = 0,
    /// Record nothing for now.
    Paused = 1,
    /// Record nothing any more.
    Stopped = 2,
}

impl Wanted {
    /// What the number in a block means.
    fn of(word: u64) -> Wanted {
        match word & WANTED_MASK {
            1 => Wanted::Paused,
            2 => Wanted::Stopped,
            _ => Wanted::Recording,
        }
    }

    /// The word for it, as `viztracer-ctl` shows it.
    pub fn word(self) -> &'static str {
        match self {
            Wanted::Recording => "recording",
            Wanted::Paused => "paused",
            Wanted::Stopped => "stopped",
        }
    }
}

/// [`SwitchWords::wanted`] after a change of this word; `None` if it says so already, or the session has stopped, which
/// is for good.
fn changed(word: u64, to: Wanted) -> Option<u64> {
    let is_final = Wanted::of(word) == Wanted::Stopped;
    (!is_final && word & WANTED_MASK != to as u64).then(|| (word & !WANTED_MASK).wrapping_add(CHANGE) | to as u64)
}

/// The words of a mark's name; `None` if it is empty or too long, or has a NUL.
fn name_words(name: &str) -> Option<[u64; MARK_NAME_MAX / 8]> {
    if name.is_empty() || name.len() > MARK_NAME_MAX || name.contains('\0') {
        return None;
    }
    let mut bytes = [0; MARK_NAME_MAX];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Some(bytemuck::cast(bytes))
}

/// A mark that a block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which one it is, the first one being 1.
    pub number: u64,
    /// `CLOCK_MONOTONIC`, in ns, when it was asked for.
    pub time: u64,
    /// Its name; what is no UTF-8 is replaced.
    pub name: String,
}

/// What a copy of a block says about what its session should do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// What the processes should do.
    pub wanted: Wanted,
    /// How many marks there have ever been.
    pub marks: u64,
    slots: [SlotCopy; MARK_SLOTS],
}

/// A copy of [`SwitchWords`].
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct WordsCopy {
    wanted: u64,
    marks: u64,
    slots: [SlotCopy; MARK_SLOTS],
}
#[cfg(not(loom))]
const _: () = assert!(size_of::<WordsCopy>() == size_of::<SwitchWords>());

/// A copy of a [`MarkSlot`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
struct SlotCopy {
    number: u64,
    time: u64,
    name: [u64; MARK_NAME_MAX / 8],
}

impl Switches {
    /// Reads a copy of the begin of a block of this session, up to the texts.
    ///
    /// # Errors
    /// It is too short, of another kind, version or session.
    pub fn parse(bytes: &[u8], session_id: [u8; 16]) -> Result<Switches, FormatError> {
        let too_short = FormatError::TooShort { offset: 0, need: READ_SIZE as u64, found: bytes.len() as u64 };
        let block: &[u8; READ_SIZE] = bytes.first_chunk().ok_or(too_short)?;
        if block[..8] != MAGIC || block[16..32] != session_id {
            return Err(FormatError::Magic);
        }
        let version: u32 = bytemuck::pod_read_unaligned(&block[8..12]);
        if version == VERSION { Ok(Switches::of(block)) } else { Err(FormatError::Version(version)) }
    }

    /// The switches of a whole block.
    pub(super) fn of_block(block: &[u8; BLOCK_SIZE]) -> Switches {
        block.first_chunk().map_or_else(Switches::default, Switches::of)
    }

    fn of(block: &[u8; READ_SIZE]) -> Switches {
        let words: WordsCopy = bytemuck::pod_read_unaligned(&block[SWITCHES_OFFSET..][..size_of::<WordsCopy>()]);
        Switches { wanted: Wanted::of(words.wanted), marks: words.marks, slots: words.slots }
    }

    /// The mark with this number, if the copy has it whole. The words of a copy may be of different times, so copies that
    /// were made before and after this one say that the mark was not written meanwhile.
    pub fn mark(&self, number: u64, before: &Switches, after: &Switches) -> Option<Mark> {
        let index = (number.checked_sub(1)? % MARK_SLOTS as u64) as usize;
        if [before, self, after].iter().any(|copy| copy.slots[index].number != number) {
            return None;
        }
        let SlotCopy { time, name, .. } = self.slots[index];
        let bytes: [u8; MARK_NAME_MAX] = bytemuck::cast(name);
        let size = bytes.iter().position(|byte| *byte == 0).unwrap_or(MARK_NAME_MAX);
        Some(Mark { number, time, name: String::from_utf8_lossy(&bytes[..size]).into_owned() })
    }
}

#[cfg(test)]
mod tests;
