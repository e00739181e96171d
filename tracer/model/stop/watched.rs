//! A recorder for loom, which cannot look into mapped memory: it records nothing, but notices each use of what is gone,
//! and each use that another thread's end of it does not wait for.

use budget::{Elided, Elision, Sample};
use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use viztracer_format::names::Function;
use viztracer_format::record::Kind;

#[derive(Clone, Debug)]
pub struct Options;

#[derive(Debug, thiserror::Error)]
#[error("there is never any")]
pub struct RecorderError;

impl RecorderError {
    pub fn is_too_large(&self) -> bool {
        false
    }
}

#[derive(Debug, Default)]
pub struct Inherited;

/// There is none.
pub mod budget {
    #[derive(Clone, Copy, Debug)]
    pub struct Elision;

    pub struct Elided;

    #[derive(Debug, Default)]
    pub struct Sample;
}

/// There is none.
#[derive(Clone, Copy, Debug)]
pub struct SlowCall;

/// Whether something is gone. Loom complains of accesses that nothing orders.
#[derive(Debug, Default)]
struct Gone(UnsafeCell<bool>);

// SAFETY: loom checks each access.
unsafe impl Sync for Gone {}
// SAFETY: as above.
unsafe impl Send for Gone {}

impl Gone {
    /// Several threads may look at a time.
    fn look(&self, what: &str) {
        // SAFETY: loom checks that nobody changes it meanwhile.
        self.0.with(|gone| assert!(!unsafe { *gone }, "{what} is used after its end"));
    }

    /// One thread has it for itself.
    fn change(&self, what: &str, end: bool) {
        self.0.with_mut(|gone| {
            // SAFETY: loom checks that nobody else looks.
            let gone = unsafe { &mut *gone };
            assert!(!*gone, "{what} is used after its end");
            *gone = end;
        });
    }
}

/// A thread's recorder. Its memory stays, so that a use after its end is noticed and does no harm.
#[derive(Debug)]
pub struct ThreadRecorder {
    serial: u32,
    gone: Gone,
    file: Arc<Gone>,
}

impl ThreadRecorder {
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// A call begins or ends.
    pub fn enter(&mut self, _: u32, _: u64) {
        self.gone.change("a thread's recorder", false);
        self.file.look("the file");
    }

    fn end(&self) {
        self.gone.change("a thread's recorder", true);
    }
}

/// The recorder of a process.
#[derive(Debug)]
pub struct Recorder {
    file: Arc<Gone>,
    threads: Mutex<Vec<&'static ThreadRecorder>>,
}

impl Recorder {
    pub fn create(_: Options) -> Result<Recorder, RecorderError> {
        Ok(Recorder { file: Arc::default(), threads: Mutex::new(Vec::new()) })
    }

    pub fn attach(&self) -> NonNull<ThreadRecorder> {
        let mut threads = self.threads.lock().unwrap();
        let serial = threads.len() as u32 + 1;
        let thread = ThreadRecorder { serial, gone: Gone::default(), file: Arc::clone(&self.file) };
        let pointer = NonNull::from(Box::leak(Box::new(thread)));
        // SAFETY: it is never freed.
        threads.push(unsafe { pointer.as_ref() });
        pointer
    }

    pub fn retire(&self, serial: u32) {
        self.file.look("the file");
        let mut threads = self.threads.lock().unwrap();
        let index = threads.iter().position(|thread| thread.serial == serial).expect("it is not retired before");
        threads.swap_remove(index).end();
    }

    pub fn close_frames(&self, _: Kind) {
        self.file.look("the file");
        self.threads.lock().unwrap().iter().for_each(|thread| thread.gone.change("a thread's recorder", false));
    }

    pub fn close(self) {
        self.threads.lock().unwrap().drain(..).for_each(ThreadRecorder::end);
        self.file.change("the file", true);
    }

    pub fn begin_rest(&self) {
        self.file.look("the file");
    }

    pub fn end_rest(&self) {
        self.file.look("the file");
    }

    pub fn has_estimates(&self) -> bool {
        false
    }

    pub fn may_count(&self, _: f64) -> bool {
        false
    }

    pub fn count(&self, _: (u64, u64), _: &[(u32, u64)], _: f64) {}

    pub fn note_recording(&self, _: bool) {
        self.file.look("the file");
    }

    pub fn rest_left(&self) -> Option<Duration> {
        None
    }

    pub fn name_thread(&self, _: u32, _: &str) {
        self.file.look("the file");
    }

    pub fn path(&self) -> &Path {
        Path::new("result.bin")
    }

    pub fn failure(&self) -> Option<i32> {
        None
    }

    pub fn is_removed(&self) -> bool {
        false
    }

    pub fn mark_sync(&self) -> bool {
        false
    }

    pub fn sync_marker(&self) -> Option<u64> {
        None
    }

    pub fn unmatched(&self) -> u64 {
        0
    }

    pub fn count_gap(&self) {}

    pub fn note_switch(&self) {}

    pub fn note_paused(&self, _: bool) {}

    pub fn is_switched(&self) -> bool {
        false
    }

    pub fn child_ended(&self, _: u32, _: u32) {}

    pub fn name_process(&self, _: &str) {}

    pub fn function(&self, _: &Function<'_>) -> u32 {
        0
    }

    pub fn task(&self, _: &str) -> u32 {
        1
    }

    pub fn name_task(&self, _: u32, _: &str) {}

    pub fn end_task(&self, _: u32, _: &mut ThreadRecorder) {}

    pub fn book(&self, _: u64) -> Option<f64> {
        None
    }

    pub fn choose(&self, _: Sample, _: f64) -> Vec<Elision> {
        Vec::new()
    }

    /// Changes the recorders of all threads.
    pub fn elide(&self, _: &[Elision]) -> Vec<Elision> {
        self.close_frames(Kind::Abandoned);
        Vec::new()
    }

    pub fn elided(&self, _: u32) -> Option<Elided> {
        None
    }

    pub fn elide_some_c_calls(&self, _: u32) -> bool {
        true
    }

    pub fn keep_with_tasks(&self, _: u32) {}

    pub fn function_name(&self, _: u32) -> String {
        String::new()
    }

    pub fn slow_call(&self, _: SlowCall) -> (String, u64) {
        (String::new(), 0)
    }

    pub fn inherit_elided(&self, _: &Inherited) {}

    pub fn inherited(&self, _: Option<&ThreadRecorder>) -> Inherited {
        Inherited
    }

    pub fn inherit(&self, _: &mut ThreadRecorder, _: Inherited) {}

    pub fn fork(self) -> Result<Recorder, RecorderError> {
        unreachable!("no process forks here")
    }

    pub fn forget_descriptor(&self) {}
}
