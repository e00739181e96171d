//! Which calls are open where: what each part must know of the other ones.
//!
//! A thread's *window* in a part reaches from its last end in an earlier part to its last end in this part. A call is
//! recorded in the window of its end. A call that began in an earlier window is *long*.
//!
//! ```text
//!                   window 0        window 1        window 2
//!                |---------------|---------------|---------------|  time
//!                  a |===============================|              long
//!                    b |==|                                         not long: recorded where it began
//!                          c |========|                             long
//!                                        d |======|                 long
//! open at begin    none            a, c            a, d
//! ending later     a, c            d               none
//! ```
//!
//! Long calls are few: at most as many as the stack was deep at each border between windows. They form a tree, each one
//! with the long call around it as its parent, so that a window holds only the innermost call that is open at its
//! begin.

use super::call::Call;
use super::edges::{Edge, Edges};
use std::collections::BTreeMap;
use std::ops::Range;

/// The windows and the long calls of a file.
#[derive(Clone, Debug, Default)]
pub struct FileWindows {
    /// The windows of each part.
    parts: Vec<Vec<Window>>,
    calls: Vec<LongCall>,
    /// By thread, the time in which calls were overwritten.
    overwritten: BTreeMap<usize, Vec<Stretch>>,
}

/// Time of a thread in which events were overwritten, while the same known calls were open.
///
/// A thread's records stand in the order of their ends, and the oldest are overwritten. So there is a time before which
/// no end is known, and after which every end is. In the time before, only the calls that ended later are known;
/// whether the innermost of them ran, or called another function, is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// When it begins, in nanoseconds: with the overwritten time, or with a known call.
    pub start: u64,
    /// When it ends: where the next known call begins, or with the overwritten time.
    pub end: u64,
    /// The task of the innermost known call, 0 if it is of none.
    pub task: u32,
}

/// A thread's time in one part.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// The index of the thread in the file's plan.
    pub thread: usize,
    /// The thread's last end in an earlier part: no stack event of the window has an earlier time.
    pub floor: u64,
    /// When the last event of the part ended.
    pub end: u64,
    /// Calls that started before this are open when the window begins. It is the floor, or the first end in the window
    /// if that is earlier, since the clocks of two processors may differ by a few ticks.
    pub begin: u64,
    /// Whether no earlier part has anything of this thread.
    pub is_first: bool,
    /// Whether no later part has anything of this thread.
    pub is_last: bool,
    /// The innermost long call that is open at the begin, by its index in `FileWindows::calls`.
    open: Option<u32>,
    /// Calls that begin here and end in a later window, innermost first, by their index in `FileWindows::calls`.
    ending_later: Vec<u32>,
}

/// A call that ends in a later window than it began.
#[derive(Clone, Debug)]
struct LongCall {
    call: Call,
    /// The number of the window in which it ends, `u32::MAX` if it never ended.
    end_window: u32,
    /// The innermost long call around it, by its index.
    parent: Option<u32>,
}

impl FileWindows {
    /// The windows of a part.
    pub fn of_part(&self, part: usize) -> &[Window] {
        self.parts.get(part).map_or(&[], |windows| windows)
    }

    /// Fills `into` with the calls that are open when a window begins, outermost first.
    pub fn open(&self, window: &Window, into: &mut Vec<Call>) {
        into.clear();
        let mut next = window.open;
        while let Some(long) = next.and_then(|index| self.calls.get(index as usize)) {
            into.push(long.call);
            next = long.parent;
        }
        into.reverse();
    }

    /// The calls that begin in a window and end in a later one, innermost first.
    pub fn ending_later<'a>(&'a self, window: &'a Window) -> impl Iterator<Item = &'a Call> {
        window.ending_later.iter().map(|index| &self.calls[*index as usize].call)
    }

    /// The call at this index of [`ending_later`](FileWindows::ending_later).
    pub fn ending_later_at(&self, window: &Window, index: usize) -> Option<&Call> {
        window.ending_later.get(index).and_then(|index| self.calls.get(*index as usize)).map(|long| &long.call)
    }

    /// The overwritten time of a thread, in the order of time.
    pub fn overwritten(&self, thread: usize) -> &[Stretch] {
        self.overwritten.get(&thread).map_or(&[], |stretches| stretches)
    }

    fn add_long(&mut self, call: LongCall) -> u32 {
        self.calls.push(call);
        self.calls.len() as u32 - 1
    }

    /// The innermost of a call and the long calls around it that ends after this window.
    fn ending_after(&self, window: u32, innermost: Option<u32>) -> Option<u32> {
        let mut next = innermost;
        while let Some(long) = next.and_then(|index| self.calls.get(index as usize)) {
            if long.end_window > window {
                break;
            }
            next = long.parent;
        }
        next
    }
}

/// Makes the windows of a file from the edges of all of its parts, in order.
#[derive(Debug, Default)]
pub struct WindowsBuilder {
    parts: usize,
    threads: BTreeMap<usize, ThreadWindows>,
}

/// The windows of one thread.
#[derive(Debug, Default)]
struct ThreadWindows {
    /// The window in each part that has one, after the number of the part.
    windows: Vec<(usize, Window)>,
    last_end: u64,
    /// Long calls, each with the number of the window in which it ends.
    long: Vec<(Call, u32)>,
    /// When the thread's first record was made.
    first_record: Option<u64>,
    /// The start and the task of each known call that was open then.
    open_at_first_record: Vec<(u64, u32)>,
}

impl WindowsBuilder {
    /// Adds the edges of the next part.
    pub fn add(&mut self, edges: Edges) {
        for edge in edges.0 {
            self.threads.entry(edge.thread).or_default().add(self.parts, edge);
        }
        self.parts += 1;
    }

    /// Adds the calls that never ended and the overwritten time of threads, and makes the windows.
    pub fn finish(
        mut self,
        unfinished: impl Iterator<Item = Call>,
        overwritten: impl Iterator<Item = (usize, Range<u64>)>,
    ) -> FileWindows {
        for call in unfinished {
            self.thread(call.thread).add_unfinished(call);
        }
        let parts = vec![Vec::new(); self.parts.max(1)];
        let mut file = FileWindows { parts, ..FileWindows::default() };
        for (thread, time) in overwritten {
            let stretches = self.thread(thread).stretches(time);
            file.overwritten.insert(thread, stretches);
        }
        for thread in self.threads.into_values() {
            thread.finish(&mut file);
        }
        file
    }

    /// The windows of a thread. A thread that no part has anything of gets a window in the first one.
    fn thread(&mut self, index: usize) -> &mut ThreadWindows {
        let thread = self.threads.entry(index).or_default();
        if thread.windows.is_empty() {
            thread.windows.push((0, Window { thread: index, ..Window::default() }));
        }
        thread
    }
}

impl ThreadWindows {
    fn add(&mut self, part: usize, edge: Edge) {
        let number = self.windows.len() as u32;
        let floor = self.last_end;
        let begin = edge.first_end.map_or(floor, |end| end.min(floor));
        self.windows.push((
            part,
            Window { thread: edge.thread, floor, begin, end: floor.max(edge.last_end), ..Window::default() },
        ));
        self.last_end = floor.max(edge.last_end);
        let first_record = *self.first_record.get_or_insert(edge.first_record);
        // Calls that are around others come later.
        let open = edge.early.iter().map(|call| (call.start, call.task)).filter(|(start, _)| *start < first_record);
        self.open_at_first_record.extend(open);
        let long = edge.early.into_iter().rev().filter(|call| call.start < begin);
        self.long.extend(long.map(|call| (call, number)));
    }

    fn add_unfinished(&mut self, call: Call) {
        if call.start < *self.first_record.get_or_insert(call.end) {
            self.open_at_first_record.push((call.start, call.task));
        }
        self.long.push((call, u32::MAX));
    }

    /// Divides overwritten time where a known call begins.
    fn stretches(&mut self, time: Range<u64>) -> Vec<Stretch> {
        let end = self.first_record.map_or(time.end, |first| first.min(time.end));
        // Of calls that began at the same time, those found first are the inner ones.
        self.open_at_first_record.reverse();
        self.open_at_first_record.sort_by_key(|(start, _)| *start);
        let mut stretches = Vec::new();
        let mut now = Stretch { start: time.start, end, task: 0 };
        for (start, task) in self.open_at_first_record.iter().copied().take_while(|(start, _)| *start < end) {
            if start > now.start {
                stretches.push(Stretch { end: start, ..now });
            }
            now = Stretch { start: start.max(now.start), end, task };
        }
        stretches.extend((now.start < end).then_some(now));
        stretches
    }

    /// Finds the long calls that are open when each window begins, and puts the windows into their parts.
    fn finish(mut self, file: &mut FileWindows) {
        // Outermost first: of calls that begin together, the one that ends later, or is recorded later, is around.
        self.long.sort_by(|(a, a_window), (b, b_window)| (a.start, b.end, b_window).cmp(&(b.start, a.end, a_window)));
        let mut long = self.long.into_iter().peekable();
        let next_begins: Vec<u64> = self.windows.iter().skip(1).map(|(_, window)| window.begin).collect();
        let mut innermost = None;
        for (number, (part, mut window)) in self.windows.into_iter().enumerate() {
            let next_begin = next_begins.get(number).copied();
            (window.is_first, window.is_last) = (number == 0, next_begin.is_none());
            window.open = innermost;
            // A call that begins here and ends later does not lie in one that ends here.
            innermost = file.ending_after(number as u32, innermost);
            while let Some((call, end_window)) =
                long.next_if(|(call, _)| next_begin.is_none_or(|next| call.start < next))
            {
                let index = file.add_long(LongCall { call, end_window, parent: innermost });
                window.ending_later.push(index);
                innermost = Some(index);
            }
            window.ending_later.reverse();
            if let Some(windows) = file.parts.get_mut(part) {
                windows.push(window);
            }
        }
    }
}
