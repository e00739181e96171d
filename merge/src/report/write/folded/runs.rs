//! Sorted runs of stacks, and their merge into lines.

use super::stacks::{OrderedStack, Stacks};
use crate::error::MergeError;
use crate::report::write::spool::Spool;
use crate::report::write::text::Text;
use crate::storage::store::Region;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Stacks that are written or read at once.
const CHUNK: usize = 4096;
/// Bytes of one: depth, name, own time.
const STACK_SIZE: usize = 24;

/// Stacks in order, in the spool.
#[derive(Debug)]
pub struct SortedRun {
    chunks: VecDeque<Region>,
}

impl SortedRun {
    /// Writes all stacks into a run.
    pub fn of(stacks: &Stacks, spool: &Spool) -> SortedRun {
        let mut chunks = VecDeque::new();
        let mut bytes = Vec::with_capacity(CHUNK * STACK_SIZE);
        for OrderedStack { depth, name, own } in stacks.in_order() {
            bytes.extend_from_slice(&depth.to_le_bytes());
            bytes.extend_from_slice(&name.to_le_bytes());
            bytes.extend_from_slice(&own.to_le_bytes());
            if bytes.len() == CHUNK * STACK_SIZE {
                chunks.push_back(spool.write(&bytes));
                bytes.clear();
            }
        }
        chunks.push_back(spool.write(&bytes));
        SortedRun { chunks }
    }

    fn read(&mut self, spool: &Spool) -> Result<Vec<OrderedStack>, MergeError> {
        let Some(chunk) = self.chunks.pop_front() else { return Ok(Vec::new()) };
        let bytes = spool.read(chunk)?;
        let taken = |bytes: &[u8; STACK_SIZE]| {
            let (words, own) = bytes.as_chunks::<4>().0.split_at(2);
            let number = |index: usize| words.get(index).map_or(0, |word: &[u8; 4]| u32::from_le_bytes(*word));
            let own = own.as_flattened().try_into().map_or(0, i128::from_le_bytes);
            OrderedStack { depth: number(0), name: number(1), own }
        };
        Ok(bytes.as_chunks().0.iter().map(taken).collect())
    }
}

/// Stacks in order, from memory or from a run.
struct Source<'a> {
    read: std::vec::IntoIter<OrderedStack>,
    memory: Box<dyn Iterator<Item = OrderedStack> + 'a>,
    run: SortedRun,
}

impl Source<'_> {
    fn next(&mut self, spool: &Spool) -> Result<Option<OrderedStack>, MergeError> {
        if self.read.len() == 0 {
            self.read = self.run.read(spool)?.into_iter();
        }
        Ok(self.read.next().or_else(|| self.memory.next()))
    }
}

/// The lines of all sources together.
///
/// The next stack of a source lies inside of the stack that was taken last from any source, or beside one that is
/// around that. So the deepest of the next stacks comes first, and of those of one depth the one with the first name.
/// Where both are the same, it is the same stack.
pub struct Lines<'a> {
    spool: &'a Spool,
    names: Vec<&'a str>,
    /// The rank of each name, by its number.
    ranks: Vec<u32>,
    sources: Vec<Source<'a>>,
    /// The next stack of each source.
    next: BinaryHeap<Reverse<Next>>,
    /// The stack that was taken last, and its length up to the end of each frame.
    stack: String,
    lengths: Vec<usize>,
}

/// The depth, the deepest first; the rank of the name; the source; the own time; the name.
type Next = (Reverse<u32>, u32, usize, i128, u32);

impl<'a> Lines<'a> {
    /// Merges the stacks in memory and in these runs. Numbers of names are the same in all of them.
    pub fn new(stacks: &'a Stacks, runs: Vec<SortedRun>, spool: &'a Spool) -> Result<Lines<'a>, MergeError> {
        let names = stacks.names();
        let mut order: Vec<u32> = (0..names.len() as u32).collect();
        order.sort_unstable_by_key(|name| names[*name as usize]);
        let mut ranks = vec![0; names.len()];
        order.iter().enumerate().for_each(|(rank, name)| ranks[*name as usize] = rank as u32);
        let nothing = || Box::new(std::iter::empty()) as Box<dyn Iterator<Item = OrderedStack>>;
        let of_run = |run| Source { read: Vec::new().into_iter(), memory: nothing(), run };
        let mut sources: Vec<Source<'a>> = runs.into_iter().map(of_run).collect();
        let run = SortedRun { chunks: VecDeque::new() };
        sources.push(Source { read: Vec::new().into_iter(), memory: Box::new(stacks.in_order()), run });
        let (next, stack, lengths) = (BinaryHeap::new(), String::new(), Vec::new());
        let mut lines = Lines { spool, names, ranks, sources, next, stack, lengths };
        (0..lines.sources.len()).try_for_each(|source| lines.advance(source))?;
        Ok(lines)
    }

    fn advance(&mut self, source: usize) -> Result<(), MergeError> {
        if let Some(OrderedStack { depth, name, own }) = self.sources[source].next(self.spool)? {
            let rank = self.ranks.get(name as usize).copied().unwrap_or_default();
            self.next.push(Reverse((Reverse(depth), rank, source, own, name)));
        }
        Ok(())
    }

    /// Appends the line of the next stack, if it has a time of its own; false if there is no more.
    pub fn next(&mut self, text: &mut Text) -> Result<bool, MergeError> {
        let Some(Reverse((Reverse(depth), rank, source, mut own, name))) = self.next.pop() else { return Ok(false) };
        let mut taken = vec![source];
        let is_same = |next: &Reverse<Next>| (next.0.0, next.0.1) == (Reverse(depth), rank);
        while let Some(Reverse((_, _, source, more, _))) = self.next.peek().copied().filter(is_same) {
            self.next.pop();
            own += more;
            taken.push(source);
        }
        taken.into_iter().try_for_each(|source| self.advance(source))?;
        self.enter(depth as usize, name as usize);
        if own > 0 {
            text.put(self.stack.as_bytes());
            text.put(format!(" {own}\n").as_bytes());
        }
        Ok(true)
    }

    fn enter(&mut self, depth: usize, name: usize) {
        self.lengths.truncate(depth);
        self.stack.truncate(self.lengths.last().copied().unwrap_or(0));
        if depth > 0 {
            self.stack.push(';');
        }
        self.stack.push_str(self.names.get(name).copied().unwrap_or_default());
        self.lengths.push(self.stack.len());
    }
}
