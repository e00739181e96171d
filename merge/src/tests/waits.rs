//! Which process a wait of its parent is for.

use super::{Case, small};
use crate::sample::{Ring, call};
use viztracer_format::header::STATUS_OFFSET;

const SILENT: &str = "ended without a word";
const KILLED: &str = "killed by SIGKILL";
const PARENT: u32 = 100;
const CHILD: u32 = 7;

/// The file of a process of this parent that was opened then, and whose last call lasted until then.
fn child(parent: u32, opened: u64, last: u64) -> Ring {
    let mut ring = Ring::new(CHILD, opened);
    (ring.identity.parent_pid, ring.identity.session_id, ring.identity.boot_id) = (parent, [7; 16], [5; 16]);
    ring.function(1, "f", "/x/ev.py", 7);
    ring.thread(1, 7, "MainThread", 0, 0);
    ring.calls(1, 0, &[call(1, opened, last - opened)], false);
    ring
}

fn parent(waits: &[(u64, u64)]) -> Ring {
    let mut ring = small(PARENT);
    (ring.identity.session_id, ring.identity.boot_id) = ([7; 16], [5; 16]);
    ring.children(&waits.iter().map(|(status, at)| (CHILD, *status, *at)).collect::<Vec<_>>());
    ring
}

const S: u64 = 1_000_000_000;

/// How the children ended, by the merge of their files with that of a parent.
fn endings(parent: Ring, forgotten: u64, children: Vec<Ring>) -> Vec<String> {
    let mut case = Case::new();
    let mut bytes = parent.bytes(true);
    bytes[STATUS_OFFSET + 128..][..8].copy_from_slice(&forgotten.to_le_bytes());
    for (index, child) in children.into_iter().enumerate() {
        case.add(&format!("{index}.bin"), child.bytes(false));
    }
    case.add("parent.bin", bytes);
    let (summary, _) = case.json();
    let words = summary.files.iter().map(|file| file.ending.word().into_owned());
    words.take(summary.files.len() - 1).collect()
}

#[test]
fn the_parent_knows_more() {
    let of = |status| endings(parent(&[(status, 3 * S)]), 0, vec![child(PARENT, S, 2 * S)]);
    assert_eq!(of(9), [KILLED]);
    assert_eq!(of(3 << 8), ["exited with status 3 without a word"]);
    for no_status in [0x7f, 0xffff, 1 << 16, u64::MAX] {
        assert_eq!(of(no_status), [SILENT]);
    }
}

#[test]
fn a_pid_that_is_used_again() {
    let of =
        |waits: &[(u64, u64)]| endings(parent(waits), 0, vec![child(PARENT, S, 2 * S), child(PARENT, 10 * S, 11 * S)]);
    assert_eq!(of(&[(15, 12 * S), (9, 3 * S)]), [KILLED, "ended by SIGTERM"], "each its own");
    assert_eq!(of(&[(9, 12 * S)]), [SILENT, KILLED], "the later one's says nothing of the first");
    assert_eq!(of(&[(9, 3 * S)]), [KILLED, SILENT], "nor the first one's of the later");
    assert_eq!(of(&[(9, S / 2)]), [SILENT, SILENT], "a wait before both");
}

#[test]
fn somebody_elses_wait() {
    let of = |change: fn(&mut Ring)| {
        let mut child = child(PARENT, S, 2 * S);
        change(&mut child);
        endings(parent(&[(9, 3 * S)]), 0, vec![child])
    };
    assert_eq!(of(|_| ()), [KILLED]);
    assert_eq!(of(|child| child.identity.parent_pid = 1), [SILENT]);
    assert_eq!(of(|child| child.identity.session_id = [0; 16]), [SILENT]);
    assert_eq!(of(|child| child.identity.boot_id = [0; 16]), [SILENT]);
    // Namespaces of time move the clocks of both.
    assert_eq!(of(|child| child.identity.monotonic_offset = -10 * S as i64), [SILENT]);
    assert_eq!(of(|child| child.identity.monotonic_offset = -(S as i64)), [KILLED]);
}

#[test]
fn who_lived_on_was_not_waited_for() {
    let waited = parent(&[(9, 3 * S)]);
    assert_eq!(endings(waited, 0, vec![child(PARENT, S, 5 * S)]), [SILENT]);
}

/// The wait for this process may be among those that the parent has forgotten.
#[test]
fn waits_that_were_forgotten() {
    let of = |last| endings(parent(&[(9, 20 * S), (0, 15 * S)]), 1, vec![child(PARENT, 2 * S, last)]);
    assert_eq!(of(14 * S), [SILENT]);
    let waits = parent(&[(9, 20 * S), (0, S)]);
    assert_eq!(endings(waits, 1, vec![child(PARENT, 2 * S, 14 * S)]), [KILLED]);
}

/// A copy of a file gets the same end.
#[test]
fn a_file_twice() {
    let twice = vec![child(PARENT, S, 2 * S), child(PARENT, S, 2 * S)];
    assert!(endings(parent(&[(9, 3 * S)]), 0, twice).iter().all(|ending| ending == KILLED));
}

/// What the process has said itself goes first.
#[test]
fn its_own_word() {
    let mut case = Case::new();
    let mut bytes = child(PARENT, S, 2 * S).bytes(false);
    bytes[STATUS_OFFSET + 72] = 2;
    case.add("child.bin", bytes);
    case.add("parent.bin", parent(&[(9, 3 * S)]).bytes(true));
    assert_eq!(case.json().0.files[0].ending.word(), "left by os._exit");
}
