//! Which long calls are open where.

use super::call::Call;
use super::edges::Edges;
use std::collections::BTreeMap;
use std::ops::Range;

/// The long calls of a file, as each of its parts needs to know them.
#[derive(Debug, Default)]
pub struct FileWindows {
    /// By part, the windows that it holds.
    parts: Vec<Vec<Window>>,
    calls: Vec<Long>,
    /// By thread, the time of which its callees are not known, in stretches.
    overwritten: BTreeMap<usize, Vec<Stretch>>,
}

/// Time of a thread in which events were overwritten, while the same calls that are known were open.
///
/// A thread's records stand in the order of their ends, and the oldest are overwritten. So of what ended before some
/// moment nothing is left, and of what ended later everything. Until then, all that is known of a thread are the calls
/// that ended later; whether the innermost of them ran, or called another, is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// When it begins, in nanoseconds: at the begin of the time, or of a call.
    pub start: u64,
    /// When it ends: where the next call begins, or all is known.
    pub end: u64,
    /// The task of the innermost call, 0 if it is of none.
    pub task: u32,
}

/// A thread's time in one part.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// The place of the thread in the file's plan.
    pub thread: usize,
    /// The thread's last end in an earlier part: nothing is told to have happened before.
    pub floor: u64,
    /// Calls that started before this are open when it begins. It is the floor, or the first end here, since the clocks
    /// of two processors may differ by a few ticks.
    pub begin: u64,
    /// Whether no earlier part has anything of this thread.
    pub is_first: bool,
    /// Whether no later part has anything of this thread.
    pub is_last: bool,
    /// The innermost call that is open at the begin, by place in `calls`.
    open: Option<u32>,
    /// Calls that begin here and end in a later window, outermost first, by place in `calls`.
    begun: Vec<u32>,
}

/// A call that ends in a later window than it began.
#[derive(Debug)]
struct Long {
    call: Call,
    /// The number of the thread's window in which it ends.
    home: u32,
    /// The call around it when it begins that is long as well.
    around: Option<u32>,
}

impl FileWindows {
    /// The windows of a part.
    pub fn of_part(&self, part: usize) -> &[Window] {
        self.parts.get(part).map_or(&[], |windows| windows)
    }

    /// The calls that are open when a window begins, outermost first.
    pub fn open(&self, window: &Window, into: &mut Vec<Call>) {
        into.clear();
        let mut next = window.open;
        while let Some(long) = next.and_then(|place| self.calls.get(place as usize)) {
            into.push(long.call);
            next = long.around;
        }
        into.reverse();
    }

    /// The calls that begin in a window and end in a later one, outermost first.
    pub fn begun<'a>(&'a self, window: &'a Window) -> impl DoubleEndedIterator<Item = &'a Call> + ExactSizeIterator {
        window.begun.iter().map(|place| &self.calls[*place as usize].call)
    }

    /// One of them.
    pub fn begun_at(&self, window: &Window, place: u32) -> Option<&Call> {
        window.begun.get(place as usize).and_then(|place| self.calls.get(*place as usize)).map(|long| &long.call)
    }
}

impl FileWindows {
    /// The time of a thread of which the callees are not known, in stretches, by time.
    pub fn overwritten(&self, thread: usize) -> &[Stretch] {
        self.overwritten.get(&thread).map_or(&[], |stretches| stretches)
    }
}

/// Makes them of the edges of all parts of a file, in order.
#[derive(Debug, Default)]
pub struct WindowsBuilder {
    parts: usize,
    threads: BTreeMap<usize, Thread>,
}

#[derive(Debug, Default)]
struct Thread {
    /// The part, the floor and the begin of each window.
    windows: Vec<(usize, u64, u64)>,
    last_end: u64,
    /// Long calls, with the number of the window in which they end.
    long: Vec<(Call, u32)>,
    /// When its first record was made.
    first: Option<u64>,
    /// The calls that were open then: when they began, and their tasks.
    open_at_first: Vec<(u64, u32)>,
}

impl WindowsBuilder {
    /// Takes the edges of the next part.
    pub fn add(&mut self, edges: Edges) {
        for edge in edges.0 {
            let thread = self.threads.entry(edge.thread).or_default();
            let number = thread.windows.len() as u32;
            let begin = edge.first_end.map_or(thread.last_end, |end| end.min(thread.last_end));
            thread.windows.push((self.parts, thread.last_end, begin));
            thread.last_end = thread.last_end.max(edge.last_end);
            let first = *thread.first.get_or_insert(edge.begin);
            // Those that are around others come later.
            let open = edge.early.iter().map(|call| (call.start, call.task)).filter(|(start, _)| *start < first);
            thread.open_at_first.extend(open);
            let long = edge.early.into_iter().rev().filter(|call| call.start < begin);
            thread.long.extend(long.map(|call| (call, number)));
        }
        self.parts += 1;
    }

    /// Takes the calls that never ended, and by thread the time in which all that ended was overwritten; tells what is
    /// open where.
    pub fn finish(
        mut self,
        unfinished: impl Iterator<Item = Call>,
        overwritten: impl Iterator<Item = (usize, Range<u64>)>,
    ) -> FileWindows {
        for call in unfinished {
            let thread = self.thread(call.thread);
            if call.start < *thread.first.get_or_insert(call.end) {
                thread.open_at_first.push((call.start, call.task));
            }
            thread.long.push((call, u32::MAX));
        }
        let parts = vec![Vec::new(); self.parts.max(1)];
        let mut windows = FileWindows { parts, ..FileWindows::default() };
        for (place, time) in overwritten {
            let stretches = self.thread(place).overwritten(time);
            windows.overwritten.insert(place, stretches);
        }
        for (place, thread) in self.threads {
            thread.finish(place, &mut windows);
        }
        windows
    }

    /// A thread; if no part has anything of it, it stands in the first one.
    fn thread(&mut self, place: usize) -> &mut Thread {
        let thread = self.threads.entry(place).or_default();
        if thread.windows.is_empty() {
            thread.windows.push((0, 0, 0));
        }
        thread
    }
}

impl Thread {
    fn overwritten(&mut self, time: Range<u64>) -> Vec<Stretch> {
        let end = self.first.map_or(time.end, |first| first.min(time.end));
        // Those found first are inside of others that began in the same moment.
        self.open_at_first.reverse();
        self.open_at_first.sort_by_key(|(start, _)| *start);
        let mut stretches = Vec::new();
        let mut now = Stretch { start: time.start, end, task: 0 };
        for (start, task) in self.open_at_first.iter().copied().take_while(|(start, _)| *start < end) {
            if start > now.start {
                stretches.push(Stretch { end: start, ..now });
            }
            now = Stretch { start: start.max(now.start), end, task };
        }
        stretches.extend((now.start < end).then_some(now));
        stretches
    }

    fn finish(mut self, thread: usize, file: &mut FileWindows) {
        // Outermost first: of calls that begin together, the one that ends later, or is recorded later, is around.
        self.long.sort_by(|(a, home_a), (b, home_b)| (a.start, b.end, home_b).cmp(&(b.start, a.end, home_a)));
        let mut long = self.long.into_iter().peekable();
        let mut open: Option<u32> = None;
        let last = self.windows.len() - 1;
        for (number, (part, floor, begin)) in self.windows.iter().copied().enumerate() {
            let (is_first, is_last) = (number == 0, number == last);
            let mut window = Window { thread, floor, begin, is_first, is_last, open, begun: Vec::new() };
            let next_begin = self.windows.get(number + 1).map_or(u64::MAX, |(_, _, begin)| *begin);
            while let Some(around) = open.map(|place| &file.calls[place as usize]).filter(|l| l.home <= number as u32) {
                open = around.around;
            }
            while let Some((call, home)) = long.next_if(|(call, _)| call.start < next_begin) {
                let place = file.calls.len() as u32;
                file.calls.push(Long { call, home, around: open });
                window.begun.push(place);
                open = Some(place);
            }
            if let Some(windows) = file.parts.get_mut(part) {
                windows.push(window);
            }
        }
    }
}
