//! Merges calls that are too short to be seen one by one, before they are nested.
//!
//! Records stand in the order of their ends, so a call stands behind the calls that it made. Of a short call these are
//! left out and counted. Of a long call, and of the whole part, neighbours become one if they are short, and the gap
//! between them is short, too. So what is left is few calls, however many there were.
//!
//! ```text
//! a |=====================================|     a            a |=====================================|
//! b  |=======| |=| |=|            |=|           b, e, f, g   b  |=======| *===*            |=|
//! c   |==|                                      c            c   |==|
//! ```
//!
//! A call that reaches over the begin of the part is never short: other parts know it. Nor is one that never ended.
//! Instants, and the calls that a short call made on the track of another task, stay as they are.

use super::compact::CompactEvent;

/// What an event stands for. The events that are left inside of it stand before it.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// How many events it is, with those inside of it.
    size: u32,
    /// How many calls it stands for; 0 for an instant.
    calls: u32,
    /// The duration of the longest one.
    longest: u64,
}

/// Merges the short calls of one thread in a part.
#[derive(Debug, Default)]
pub struct ShortCalls {
    /// One for each event.
    nodes: Vec<Node>,
    /// The last events of neighbours, the last one first.
    roots: Vec<u32>,
    /// For each event, how many before it are left.
    left: Vec<u32>,
}

impl ShortCalls {
    /// Begins a part.
    pub fn begin(&mut self) {
        self.nodes.clear();
    }

    /// Takes the event that was just added to the others. `begin`: calls that began before it are known elsewhere.
    #[inline(always)]
    pub fn take(&mut self, events: &mut Vec<CompactEvent>, shortest: u64, begin: u64) {
        let Some(event) = events.last().copied() else { return };
        let mut node = Node { size: 1, calls: 1, longest: event.duration() };
        if !event.kind.is_call() {
            self.nodes.push(Node { calls: 0, ..node });
            return;
        }
        let first = self.first_inside(events, event.start);
        if first < self.nodes.len() {
            match event.is_short(shortest) && event.start >= begin {
                true => node.calls += self.leave_out(events, first, event.task),
                false => self.merge_neighbours(events, first, shortest, begin, &[]),
            }
            node.size += (self.nodes.len() - first) as u32;
            events.truncate(self.nodes.len());
            events.push(event);
        }
        self.nodes.push(node);
    }

    /// Merges what stands beside each other when the part ends; `borders` are the begins of calls that end later. Calls
    /// `merged` with each event that stands for several calls, and with their number.
    pub fn finish(
        &mut self,
        events: &mut Vec<CompactEvent>,
        (shortest, begin): (u64, u64),
        borders: &[u64],
        mut merged: impl FnMut(&mut CompactEvent, u32),
    ) {
        self.merge_neighbours(events, 0, shortest, begin, borders);
        events.truncate(self.nodes.len());
        let several = events.iter_mut().zip(&self.nodes).filter(|(_, node)| node.calls > 1);
        several.for_each(|(event, node)| merged(event, node.calls));
    }

    /// The index of the first event inside of a call that began at `start` and comes next.
    #[inline(always)]
    fn first_inside(&self, events: &[CompactEvent], start: u64) -> usize {
        let mut first = self.nodes.len();
        while let Some(last) = first.checked_sub(1).filter(|last| events[*last].start >= start) {
            first -= self.nodes[last].size as usize;
        }
        first
    }

    /// Leaves out the calls of a task from the event `first` on; returns how many calls these stand for.
    #[inline(always)]
    fn leave_out(&mut self, events: &mut [CompactEvent], first: usize, task: u32) -> u32 {
        let mut calls = 0;
        let mut all = true;
        for (event, node) in events[first..].iter().zip(&self.nodes[first..]) {
            let is_left_out = event.task == task && node.calls > 0;
            all &= is_left_out;
            calls += if is_left_out { node.calls } else { 0 };
        }
        match all {
            true => self.nodes.truncate(first),
            false => self.keep_others(events, first, task),
        }
        calls
    }

    /// Keeps what is no call of this task from the event `first` on.
    #[cold]
    fn keep_others(&mut self, events: &mut [CompactEvent], first: usize, task: u32) {
        self.left.clear();
        let mut to = first;
        for from in first..self.nodes.len() {
            self.left.push((to - first) as u32);
            let (event, node) = (events[from], self.nodes[from]);
            if event.task == task && node.calls > 0 {
                continue;
            }
            let before = self.left[from + 1 - node.size as usize - first];
            events[to] = event;
            self.nodes[to] = Node { size: (to - first) as u32 - before + 1, ..node };
            to += 1;
        }
        self.nodes.truncate(to);
    }

    /// Merges neighbours from the event `first` on.
    fn merge_neighbours(
        &mut self,
        events: &mut [CompactEvent],
        first: usize,
        shortest: u64,
        begin: u64,
        borders: &[u64],
    ) {
        self.find_roots(first);
        let mut borders = borders.iter().copied().peekable();
        // The next neighbour begins at `from`, and goes to `to`.
        let (mut from, mut to) = (first, first);
        let mut before: Option<usize> = None;
        while let Some(root) = self.roots.pop() {
            let root = root as usize;
            let (event, node) = (events[root], self.nodes[root]);
            let (size, is_call) = (root + 1 - from, node.calls > 0);
            let mut is_bordered = false;
            while borders.next_if(|border| *border <= event.start).is_some() {
                is_bordered = true;
            }
            if from != to {
                events.copy_within(from..=root, to);
                self.nodes.copy_within(from..=root, to);
            }
            (from, to) = (root + 1, to + size);
            if !is_call {
                before = before.filter(|_| !is_bordered);
                continue;
            }
            let is_short = event.is_short(shortest) && event.start >= begin;
            let merges = |other: &usize| events[*other].meets(&event, shortest) && !is_bordered;
            match before.filter(|_| is_short).filter(merges) {
                Some(other) => {
                    self.merge(events, other, to);
                    to -= 1;
                    before = Some(to - 1);
                }
                None => before = is_short.then_some(to - 1),
            }
        }
        self.nodes.truncate(to);
    }

    /// Merges the event at `other` into the last one before `end`; what is between them is inside of both.
    fn merge(&mut self, events: &mut [CompactEvent], other: usize, end: usize) {
        let (one, node) = (events[other], self.nodes[other]);
        events.copy_within(other + 1..end, other);
        self.nodes.copy_within(other + 1..end, other);
        let last = end - 2;
        let own = self.nodes[last];
        let begin = other + 1 - node.size as usize;
        self.nodes[last] = Node {
            size: (last + 1 - begin) as u32,
            calls: node.calls + own.calls,
            longest: node.longest.max(own.longest),
        };
        let event = &mut events[last];
        if node.longest > own.longest {
            event.function = one.function;
        }
        event.start = one.start;
        event.end = event.end.max(one.end);
    }

    /// Finds the neighbours from the event `first` on, the last one first.
    fn find_roots(&mut self, first: usize) {
        self.roots.clear();
        let mut end = self.nodes.len();
        while let Some(last) = end.checked_sub(1).filter(|last| *last >= first) {
            self.roots.push(last as u32);
            end -= self.nodes[last].size as usize;
        }
    }
}
