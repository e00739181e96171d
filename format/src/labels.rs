//! LABELS segments: slots of 128 bytes, each of which is about one thread, one asyncio task or how one child process
//! ended, and is used again for another one: that of a thread or task once nothing in the file speaks of it any more,
//! that of a child once there are many newer ones.
//!
//! ```text
//!  0  head     kind: 8 bits | flags: 8 | bytes of the name: 8 | version of the name: 8 | serial: 32      0: free
//!              of a child: its pid instead of the serial
//!  8  tid      of a thread; 0 for a task; of a child: its status, as waitpid(2) gives it
//! 16  begun    ticks; of a child: CLOCK_MONOTONIC in ns when its parent had waited for it
//! 24  ended    ticks, 0 while it lives
//! 32  events   of a thread: events in all segments that it has left behind, recycled ones included
//! 40  lost     of a thread: events that the file had no space for
//! 48  name     80 bytes, UTF-8
//! ```
//!
//! The head is also the lock of a reader: it is 0 while the slot passes to another thread or task, says that there is
//! no name while the name is written, and is another word after that. So what stands between two equal heads that are
//! not 0 is whole.

use crate::error::FormatError;
use crate::names::{CUT, Entry, cut, text};
use crate::sync::{AtomicU64, Ordering, fence};

/// Bytes of a slot.
pub const LABEL_SIZE: usize = 128;
/// The most bytes of a name; a longer one is cut and flagged.
pub const LABEL_NAME_MAX: usize = 80;
/// Flag of a label: there is a name, perhaps an empty one.
pub const NAMED: u8 = 4;

/// Where the name begins in a slot.
const NAME_OFFSET: usize = LABEL_SIZE - LABEL_NAME_MAX;
/// The bits of the head that stay as long as the slot is of one thread or task: its kind and its serial.
const WHOSE: u64 = 0xffff_ffff_0000_00ff;

/// What a label is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LabelKind {
    /// A thread.
    Thread = 1,
    /// An asyncio task.
    Task = 2,
    /// How a child process ended, as its parent, whose file this is, has learned by waiting for it.
    Child = 3,
}

/// A slot, in atomic words. All zeros is a free one.
#[repr(C)]
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the picture above says what each field means")]
pub struct Label {
    pub head: AtomicU64,
    pub tid: AtomicU64,
    pub begun: AtomicU64,
    pub ended: AtomicU64,
    pub events: AtomicU64,
    pub lost: AtomicU64,
    pub name: [AtomicU64; LABEL_NAME_MAX / 8],
}
#[cfg(not(loom))]
const _: () = assert!(size_of::<Label>() == LABEL_SIZE && std::mem::offset_of!(Label, name) == NAME_OFFSET);

impl Label {
    /// Gives the slot to a thread or task that has no name yet. Nobody else may write it meanwhile.
    pub fn take(&self, kind: LabelKind, serial: u32, tid: u64, begun: u64) {
        self.free();
        for (word, value) in [(&self.tid, tid), (&self.begun, begun)] {
            word.store(value, Ordering::Relaxed);
        }
        for word in [&self.ended, &self.events, &self.lost] {
            word.store(0, Ordering::Relaxed);
        }
        self.head.store(kind as u64 | u64::from(serial) << 32, Ordering::Release);
    }

    /// Writes another name. Nobody else may write the slot meanwhile.
    pub fn rename(&self, name: &str) {
        let kept = cut(name, LABEL_NAME_MAX);
        let flags = NAMED | if kept.len() == name.len() { 0 } else { CUT };
        let head = self.head.load(Ordering::Relaxed);
        let version = (head >> 24) as u8;
        let nameless = head & WHOSE | u64::from(version.wrapping_add(1)) << 24;
        self.head.store(nameless, Ordering::Release); // what stood there before goes with this head as well
        fence(Ordering::Release);
        for (word, part) in self.name.iter().zip(kept.as_bytes().chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..part.len()].copy_from_slice(part);
            word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
        }
        self.head.store(nameless | u64::from(flags) << 8 | (kept.len() as u64) << 16, Ordering::Release);
    }

    /// Takes the slot away from readers.
    pub fn free(&self) {
        self.head.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// Adds events that the file had no space for.
    pub fn lose(&self, events: u64) {
        self.lost.store(self.lost.load(Ordering::Relaxed) + events, Ordering::Relaxed);
    }
}

/// The entries that the committed part of a LABELS body at `offset` of the file stands for, as in NAMES: a THREAD
/// entry for each thread, the names of threads and tasks, and the ends of children. Labels of a kind that is not known
/// are passed over.
pub fn entries(body: &[u8], offset: u64) -> impl Iterator<Item = Result<Entry<'_>, FormatError>> {
    let offsets = (0..).map(move |index| offset + index * LABEL_SIZE as u64);
    body.chunks_exact(LABEL_SIZE).zip(offsets).flat_map(|(label, offset)| {
        let word =
            |at: usize| label.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
        let head = word(0);
        let serial = (head >> 32) as u32;
        let is = |kind: LabelKind| head as u8 == kind as u8;
        let thread = is(LabelKind::Thread).then(|| {
            let (tid, begun, ended, events, lost) = (word(8), word(16), word(24), word(32), word(40));
            Ok(Entry::Thread { serial, tid, begun, ended, events, lost })
        });
        let child = is(LabelKind::Child).then(|| Ok(Entry::Child { pid: serial, status: word(8), waited: word(16) }));
        let is_named = (head >> 8) as u8 & NAMED != 0 && (is(LabelKind::Thread) || is(LabelKind::Task));
        let name = is_named.then(|| {
            let name = name(label, (head >> 16) as u8, offset)?;
            Ok(match is(LabelKind::Thread) {
                true => Entry::ThreadName { serial, name },
                false => Entry::TaskName { serial, name },
            })
        });
        thread.into_iter().chain(child).chain(name)
    })
}

/// The serial of each task in the committed part of a LABELS body, and the ticks when it was first seen.
pub fn task_begins(body: &[u8]) -> impl Iterator<Item = (u32, u64)> {
    body.chunks_exact(LABEL_SIZE).filter_map(|label| {
        let word = |at: usize| label.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let head = word(0)?;
        if head as u8 == LabelKind::Task as u8 { Some(((head >> 32) as u32, word(16)?)) } else { None }
    })
}

fn name(label: &[u8], size: u8, offset: u64) -> Result<&str, FormatError> {
    let bytes = label.get(NAME_OFFSET..NAME_OFFSET + usize::from(size)).ok_or(FormatError::Field {
        field: "name size",
        offset: offset + 2,
        value: size.into(),
    })?;
    text(bytes, offset + NAME_OFFSET as u64)
}

/// Sets the counts of events of all labels in a copy of a body to zero.
pub fn clear_counts(body: &mut [u8]) {
    for label in body.chunks_exact_mut(LABEL_SIZE) {
        if let Some(counts) = label.get_mut(32..NAME_OFFSET) {
            counts.fill(0);
        }
    }
}

/// Frees, in a copy of the body of a LABELS segment of a living file, the slots that were written meanwhile; returns
/// whether there was none. `before` and `after` are copies that were made before and after this one.
pub fn settle(before: &[u8], body: &mut [u8], after: &[u8]) -> bool {
    let mut settled = true;
    let heads = |copy: &[u8], at: usize| copy.get(at..at + 8).and_then(|head| head.first_chunk::<8>().copied());
    for at in (0..body.len()).step_by(LABEL_SIZE) {
        let head = heads(body, at);
        if head != heads(before, at) || head != heads(after, at) {
            settled = false;
            if let Some(head) = body.get_mut(at..at + 8) {
                head.fill(0);
            }
        }
    }
    settled
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn bytes(labels: &[Label]) -> Vec<u8> {
        let words = |label: &Label| {
            let head = [&label.head, &label.tid, &label.begun, &label.ended, &label.events, &label.lost];
            let words: Vec<u64> =
                head.into_iter().chain(&label.name).map(|word| word.load(Ordering::Relaxed)).collect();
            words
        };
        labels.iter().flat_map(words).flat_map(u64::to_le_bytes).collect()
    }

    fn read(labels: &[Label]) -> Vec<String> {
        entries(&bytes(labels), 1000).map(|entry| format!("{entry:?}")).collect()
    }

    #[test]
    fn labels_tell_what_entries_of_names_told() {
        let labels: [Label; 4] = Default::default();
        labels[0].take(LabelKind::Thread, 7, 4242, 99);
        labels[0].rename("Thread-1 (größe)");
        labels[0].events.store(12, Ordering::Relaxed);
        labels[0].lose(3);
        labels[2].take(LabelKind::Task, 9, 0, 100);
        labels[2].rename("Task-9");
        labels[3].take(LabelKind::Thread, u32::MAX, 1, 1);
        let body = bytes(&labels);
        let read: Vec<_> = entries(&body, 0).map(Result::unwrap).collect();
        let thread = |serial, tid, begun, events, lost| Entry::Thread { serial, tid, begun, ended: 0, events, lost };
        let expected = [
            thread(7, 4242, 99, 12, 3),
            Entry::ThreadName { serial: 7, name: "Thread-1 (größe)" },
            Entry::TaskName { serial: 9, name: "Task-9" },
            thread(u32::MAX, 1, 1, 0, 0),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn labels_of_tasks_tell_when_these_were_first_seen() {
        let labels: [Label; 3] = Default::default();
        labels[0].take(LabelKind::Thread, 7, 4242, 99);
        labels[2].take(LabelKind::Task, 9, 0, 100);
        assert_eq!(task_begins(&bytes(&labels)).collect::<Vec<_>>(), [(9, 100)]);
    }

    #[test]
    fn a_slot_forgets_whose_it_was() {
        let label = Label::default();
        label.take(LabelKind::Thread, 7, 4242, 99);
        label.rename("a name");
        label.lose(3);
        label.free();
        assert_eq!(read(std::slice::from_ref(&label)), [""; 0]);
        label.take(LabelKind::Thread, 8, 1, 2);
        let expected = "Ok(Thread { serial: 8, tid: 1, begun: 2, ended: 0, events: 0, lost: 0 })";
        assert_eq!(read(&[label]), [expected]);
    }

    #[test]
    fn names_are_cut_between_characters_and_may_be_empty() {
        let name = |name: &str| {
            let label = Label::default();
            label.take(LabelKind::Task, 1, 0, 0);
            label.rename("something else that was longer than what comes");
            label.rename(name);
            let is_cut = (label.head.load(Ordering::Relaxed) >> 8) as u8 & CUT != 0;
            (read(&[label]).concat(), is_cut)
        };
        let task = |name: &str| format!("Ok(TaskName {{ serial: 1, name: {name:?} }})");
        assert_eq!(name(""), (task(""), false));
        assert_eq!(name(&"é".repeat(40)), (task(&"é".repeat(40)), false));
        assert_eq!(name(&format!("x{}", "é".repeat(40))), (task(&format!("x{}", "é".repeat(39))), true));
    }

    #[test]
    fn an_impossible_name_costs_the_name_only() {
        let label = Label::default();
        label.take(LabelKind::Thread, 1, 5, 0);
        label.rename("abc");
        let mut body = bytes(&[label]);
        body[2] = 81;
        let read: Vec<_> = entries(&body, 1000).collect();
        assert!(matches!(read[0], Ok(Entry::Thread { tid: 5, .. })));
        assert_eq!(read[1].clone().unwrap_err().to_string(), "bad name size at offset 1002: 81");
        body[2] = 3;
        body[NAME_OFFSET + 1] = 0xff;
        let error = entries(&body, 1000).nth(1).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "bad UTF-8 text at offset 1048: 1");
        body[0] = 200; // a kind of a later version
        assert_eq!(entries(&body, 1000).count(), 0);
    }

    #[test]
    fn slots_that_were_written_meanwhile_are_free_in_a_settled_copy() {
        let labels: [Label; 3] = Default::default();
        labels.iter().zip(1..).for_each(|(label, serial)| label.take(LabelKind::Thread, serial, 0, 0));
        let before = bytes(&labels);
        labels[1].rename("new");
        let mut body = bytes(&labels);
        assert!(settle(&body.clone(), &mut body, &bytes(&labels)));
        labels[2].free();
        assert!(!settle(&before, &mut body, &bytes(&labels)));
        let left = entries(&body, 0).map(Result::unwrap).collect::<Vec<_>>();
        assert!(matches!(left[..], [Entry::Thread { serial: 1, .. }]));
        labels[0].lose(5);
        let mut counted = bytes(&labels[..1]);
        clear_counts(&mut counted);
        assert!(matches!(entries(&counted, 0).next(), Some(Ok(Entry::Thread { serial: 1, lost: 0, .. }))));
        assert!(!settle(&[], &mut body, &[]));
        assert_eq!(entries(&body, 0).count(), 0);
    }
}
