//! Records of every kind, with durations and starts that are too long for a real recording. They are written through
//! the ring, and read by the format's reader and by the merge.

use proptest::prelude::*;
use tempfile::TempDir;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_MONOTONIC, HEADER_SIZE, Identity, STATE_OPEN};
use viztracer_format::labels::LabelKind;
use viztracer_format::names::Function;
use viztracer_format::reader::Event;
use viztracer_format::record::{DURATION_EXTENDED, DURATION_MAX, INHERITED, Kind, RECORD_SIZE, Record};
use viztracer_format::segment::SegmentKind;
use viztracer_format::sync::Ordering;
use viztracer_recorder::clock::Clock;
use viztracer_recorder::file::RingFile;
use viztracer_recorder::labels::Handle;
use viztracer_recorder::mapped::MappedFile;
use viztracer_recorder::names::NameTable;
use viztracer_recorder::ring::{Memory, OpenSegment, Ring};
use viztracer_tests::contents::Contents;
use viztracer_tests::report::{Ending, Report};

const SEGMENT_SIZE: usize = 4096;
const SERIAL: u32 = 1;
/// Above this, a JSON number of microseconds cannot represent nanoseconds.
const EXACT_MAX: u64 = 1 << 51;

#[derive(Clone, Copy, Debug)]
struct Told {
    kind: Kind,
    inherited: bool,
    function: u32,
    /// Nanoseconds after the opening.
    start: u64,
    duration: u64,
}

fn told() -> impl Strategy<Value = Told> {
    let kinds = [Kind::Return, Kind::Yield, Kind::Raise, Kind::Open, Kind::Abandoned, Kind::Instant, Kind::Counter];
    let edges =
        [0, 1, DURATION_MAX - 1, DURATION_MAX, DURATION_EXTENDED, DURATION_EXTENDED + 1, EXACT_MAX - 1, (1 << 56) - 1];
    let duration =
        prop_oneof![0u64..1000, 0..DURATION_MAX, DURATION_MAX..1 << 56, prop::sample::select(edges.to_vec())];
    (prop::sample::select(kinds.to_vec()), any::<bool>(), 0u32..5, 0u64..1 << 50, duration).prop_map(
        |(kind, inherited, function, start, duration)| Told {
            kind,
            inherited,
            function,
            start,
            duration: if kind.is_call() { duration } else { 0 },
        },
    )
}

/// Writes events as a thread would, segment after segment.
struct Writer {
    ring: Ring<MappedFile>,
    place: Option<OpenSegment>,
    taken: usize,
    events: u64,
}

impl Writer {
    fn write(&mut self, opened: u64, told: &Told) {
        let kind = told.kind as u8 | if told.inherited { INHERITED } else { 0 };
        let record = |duration| Record::new(kind, opened + told.start, duration, told.function);
        if told.duration > DURATION_MAX {
            self.append(&[record(DURATION_EXTENDED), Record::long(told.duration)]);
        } else {
            self.append(&[record(told.duration)]);
        }
    }

    fn append(&mut self, records: &[Record]) {
        let slots = (SEGMENT_SIZE - 128) / RECORD_SIZE;
        if self.place.is_none() || slots - self.taken < records.len() {
            self.seal();
            self.place = self.ring.open_segment(SegmentKind::Calls, SERIAL, self.events);
            self.taken = 0;
        }
        let segment = self.place.as_ref().expect("there is room").segment;
        let memory = self.ring.memory();
        for (slot, record) in memory.slots(segment)[self.taken..].iter().zip(records) {
            slot.store(*record);
        }
        memory.header(segment).count_others(records.len() as u32 - 1, 0);
        self.taken += records.len();
        memory.header(segment).commit(self.taken * RECORD_SIZE);
        self.events += 1;
    }

    fn seal(&mut self) {
        if let Some(place) = self.place.take() {
            self.ring.seal(OpenSegment { taken: self.taken, ..place });
        }
    }
}

/// Writes a file with these events; returns it and the time of its opening.
fn write(directory: &TempDir, entries: u64, told: &[Told]) -> (std::path::PathBuf, u64) {
    let opened = Clock::Monotonic.anchor();
    let (segment_size, clock) = (SEGMENT_SIZE as u32, CLOCK_MONOTONIC);
    let identity = Identity { segment_size, clock, entries, opened, pid: 1, ..Identity::new() };
    let capacity = 1024;
    let bytes = HEADER_SIZE + capacity * SEGMENT_SIZE;
    let file = RingFile::create(directory.path(), "kinds", &identity.to_page(b"kinds\0"), bytes).unwrap();
    let path = file.path().to_owned();
    file.status().state.store(STATE_OPEN, Ordering::Release);
    let memory = MappedFile::new(file, SEGMENT_SIZE, capacity as u32);
    let ring = Ring::new(memory, Clock::Monotonic, entries, opened);
    let mut names = NameTable::default();
    let label = ring.label(LabelKind::Thread, SERIAL, 77);
    assert!(matches!(label, Handle::Mapped(_)));
    for function in 0..5 {
        let name = format!("f{function}");
        assert_eq!(names.function(&ring, &Function { name: &name, is_c: true, ..Function::default() }), function);
    }
    let mut writer = Writer { ring, place: None, taken: 0, events: 0 };
    told.iter().for_each(|told| writer.write(opened.monotonic, told));
    writer.seal();
    writer.ring.memory().status().seal(Anchor { ticks: opened.ticks + 1, ..opened });
    let used = writer.ring.used();
    writer.ring.into_memory().close(used);
    (path, opened.monotonic)
}

fn check(entries: u64, told: &[Told]) {
    let directory = TempDir::new().unwrap();
    let (path, opened) = write(&directory, entries, told);
    let contents = Contents::read(&path);
    let thread = &contents.threads[&SERIAL];
    assert_eq!(thread.total, told.len() as u64);
    assert!(thread.events.len() as u64 >= entries.min(told.len() as u64));
    let last = &told[told.len() - thread.events.len()..];
    let event = |told: &Told| Event {
        thread: SERIAL,
        task: 0,
        kind: told.kind,
        inherited: told.inherited,
        function: told.function,
        start: opened + told.start,
        duration: told.duration,
        payload: None,
        is_damaged: false,
    };
    assert!(thread.events.iter().copied().eq(last.iter().map(event)));

    let report = Report::of(&[path], directory.path());
    let newest = &told[told.len() - told.len().min(entries as usize)..];
    assert_eq!(report.events.len(), newest.len());
    for (shown, told) in report.events.iter().zip(newest) {
        let (ending, has_end) = match told.kind {
            Kind::Raise => (Ending::Raised, true),
            Kind::Abandoned => (Ending::Abandoned, true),
            Kind::Open => (Ending::Unfinished, true), // how long it had lasted when tracing was stopped in it
            Kind::Instant | Kind::Counter => (Ending::Moment, false),
            _ => (Ending::Returned, true),
        };
        assert_eq!((shown.ending, &shown.name), (ending, &format!("f{}", told.function)));
        assert_eq!(shown.start, told.start);
        if told.duration < EXACT_MAX {
            assert_eq!(shown.duration, if has_end { told.duration } else { 0 });
        }
    }
    assert_eq!(report.summary.overwritten(), (told.len() - newest.len()) as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_written_event_is_read(entries in 1u64..1500, told in prop::collection::vec(told(), 0..3000)) {
        check(entries, &told);
    }
}
