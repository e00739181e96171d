//! The threads and asyncio tasks of a recording that have not ended, by serial number.

use crate::labels::Handle;
use crate::thread::ThreadRecorder;
use std::collections::HashMap;
use std::ptr::NonNull;

/// The recorders of living threads.
#[derive(Debug, Default)]
pub(super) struct LivingThreads {
    pub(super) recorders: Vec<OwnedRecorder>,
    begun: u64,
}

/// Asyncio tasks that have not ended, by serial.
#[derive(Debug, Default)]
pub(super) struct LivingTasks {
    pub(super) labels: HashMap<u32, Handle>,
    begun: u64,
}

/// A thread's recorder, which its thread reaches by the same pointer. It is no `Box`, because a box that moves into a
/// vector ends the right of every pointer that was made from it. The serial and the label are here as well, because no
/// other thread may look into a recorder while its thread records.
#[derive(Debug)]
pub(super) struct OwnedRecorder {
    recorder: NonNull<ThreadRecorder>,
    pub(super) serial: u32,
    pub(super) label: Handle,
}

// SAFETY: a `ThreadRecorder` may go to another thread, and this is the owner of one.
unsafe impl Send for OwnedRecorder {}

impl LivingThreads {
    /// The serial of a new thread.
    pub(super) fn next_serial(&mut self) -> u32 {
        next_serial(&mut self.begun, |serial| self.recorders.iter().any(|thread| thread.serial == serial))
    }

    /// Takes the recorder of a thread that is about to end.
    pub(super) fn remove(&mut self, serial: u32) -> Option<OwnedRecorder> {
        let index = self.recorders.iter().position(|thread| thread.serial == serial)?;
        Some(self.recorders.swap_remove(index))
    }
}

impl LivingTasks {
    /// The serial of a new task.
    pub(super) fn next_serial(&mut self) -> u32 {
        next_serial(&mut self.begun, |serial| self.labels.contains_key(&serial))
    }
}

impl OwnedRecorder {
    pub(super) fn new(thread: ThreadRecorder) -> OwnedRecorder {
        let (serial, label) = (thread.serial(), thread.label());
        OwnedRecorder { recorder: NonNull::from(Box::leak(Box::new(thread))), serial, label }
    }

    /// The pointer for the thread; valid as long as this.
    pub(super) fn pointer(&self) -> NonNull<ThreadRecorder> {
        self.recorder
    }

    pub(super) fn get(&mut self) -> &mut ThreadRecorder {
        // SAFETY: the pointer is of a box that only `drop` takes back. The callers of `close_frames`, `retire` and
        // `close` promise that the thread itself does not use it meanwhile.
        unsafe { self.recorder.as_mut() }
    }
}

impl Drop for OwnedRecorder {
    fn drop(&mut self) {
        // SAFETY: `new` made the pointer from a box, which is taken back only here.
        drop(unsafe { Box::from_raw(self.recorder.as_ptr()) });
    }
}

/// The serial of one more thread or task when `begun` of them have begun. After the last serial they begin again at 1,
/// without those in use.
fn next_serial(begun: &mut u64, is_in_use: impl Fn(u32) -> bool) -> u32 {
    const SERIALS: u64 = u32::MAX as u64;
    loop {
        let serial = (*begun % SERIALS) as u32 + 1;
        let is_new = *begun < SERIALS;
        *begun += 1;
        if is_new || !is_in_use(serial) {
            return serial;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_begin_again_and_pass_over_those_in_use() {
        let mut begun = 0;
        assert_eq!([(); 3].map(|()| next_serial(&mut begun, |_| true)), [1, 2, 3]);
        begun = u64::from(u32::MAX) - 1;
        let in_use = |serial| serial == 1 || serial == 3;
        assert_eq!([(); 4].map(|()| next_serial(&mut begun, in_use)), [u32::MAX, 2, 4, 5]);
    }
}
