//! Stacks as a tree: stacks share the nodes of their outer frames.

use std::collections::HashMap;

/// The number of the stack around the outermost frame.
pub const OUTSIDE: u32 = u32::MAX;

/// A tree of stacks.
#[derive(Debug, Default)]
pub struct Stacks {
    names: HashMap<Box<str>, u32>,
    nodes: Vec<Node>,
    nodes_by_frame: HashMap<(u32, u32), u32>,
}

#[derive(Debug)]
struct Node {
    outer: u32,
    name: u32,
    own: i128,
}

/// A stack in the order of all stacks: its innermost frame, and its own time. The stacks before it give the outer
/// frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderedStack {
    /// Frames around it.
    pub depth: u32,
    /// The number of the frame's name.
    pub name: u32,
    /// Nanoseconds; those of a part may be less than none.
    pub own: i128,
}

impl Stacks {
    /// How many stacks there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Removes all stacks. Names keep their numbers.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.nodes_by_frame.clear();
    }

    /// The stack of this frame inside another stack.
    pub fn of(&mut self, outer: u32, frame: &str) -> u32 {
        let name = match self.names.get(frame) {
            Some(name) => *name,
            None => {
                let name = self.names.len() as u32;
                self.names.insert(frame.into(), name);
                name
            }
        };
        self.of_name(outer, name)
    }

    fn of_name(&mut self, outer: u32, name: u32) -> u32 {
        *self.nodes_by_frame.entry((outer, name)).or_insert_with(|| {
            self.nodes.push(Node { outer, name, own: 0 });
            self.nodes.len() as u32 - 1
        })
    }

    /// Adds the time of a call to its stack, and takes it off the stack of its caller, if it has one.
    pub fn spend(&mut self, stack: u32, time: u64, has_caller: bool) {
        let Some(node) = self.nodes.get_mut(stack as usize) else { return };
        node.own += i128::from(time);
        let outer = node.outer;
        if let Some(around) = self.nodes.get_mut(outer as usize).filter(|_| has_caller) {
            around.own -= i128::from(time);
        }
    }

    /// Adds the stacks of a part.
    pub fn append(&mut self, other: &Stacks) {
        let mut here = Vec::with_capacity(other.nodes.len());
        let names = other.names();
        for node in &other.nodes {
            let outer = here.get(node.outer as usize).copied().unwrap_or(OUTSIDE);
            let stack = self.of(outer, names.get(node.name as usize).copied().unwrap_or_default());
            self.nodes[stack as usize].own += node.own;
            here.push(stack);
        }
    }

    /// The names, by number.
    pub fn names(&self) -> Vec<&str> {
        let mut names = vec![""; self.names.len()];
        self.names.iter().for_each(|(name, number)| names[*number as usize] = name);
        names
    }

    /// All stacks in the order of their frames' names, each before those inside of it.
    pub fn in_order(&self) -> impl Iterator<Item = OrderedStack> + '_ {
        let names = self.names();
        let of = |node: &u32| &self.nodes[*node as usize];
        let mut order: Vec<u32> = (0..self.nodes.len() as u32).collect();
        order.sort_unstable_by_key(|node| (of(node).outer, names.get(of(node).name as usize).copied()));
        let mut traversal = Traversal { order, waiting: Vec::new() };
        traversal.wait(self, OUTSIDE, 0);
        std::iter::from_fn(move || {
            let (node, depth) = traversal.next()?;
            traversal.wait(self, node, depth + 1);
            let Node { name, own, .. } = self.nodes[node as usize];
            Some(OrderedStack { depth, name, own })
        })
    }
}

/// Stacks that were not visited yet.
struct Traversal {
    /// All of them, those that have the same one around them together.
    order: Vec<u32>,
    /// Ranges of `order`, and the depth of what is in them.
    waiting: Vec<(usize, usize, u32)>,
}

impl Traversal {
    fn wait(&mut self, stacks: &Stacks, outer: u32, depth: u32) {
        let around = |node: &u32| stacks.nodes[*node as usize].outer;
        let first = self.order.partition_point(|node| around(node) < outer);
        let count = self.order[first..].partition_point(|node| around(node) == outer);
        self.waiting.push((first, first + count, depth));
    }

    fn next(&mut self) -> Option<(u32, u32)> {
        loop {
            let (first, end, depth) = self.waiting.last_mut()?;
            if *first < *end {
                *first += 1;
                return Some((self.order[*first - 1], *depth));
            }
            self.waiting.pop();
        }
    }
}
