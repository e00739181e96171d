//! The coroutines of a task that are suspended, and which of them goes on.

use super::life::Life;
use std::collections::VecDeque;

/// The suspended coroutines of a task, outermost first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    coroutines: VecDeque<Life>,
    /// Whether an exception was thrown into the task, which enters the innermost coroutine and leaves the others alone.
    is_thrown: bool,
    /// Whether the call that began the slice may be the outermost coroutine or the innermost one. The next step tells.
    is_ambiguous: bool,
}

impl Waiting {
    /// A slice begins with a call of this function. Returns the coroutine that goes on, if it is one of these.
    pub fn enter_root(&mut self, function: u32) -> Option<Life> {
        let is = |life: Option<&Life>| life.is_some_and(|life| life.function == Some(function));
        let (is_outermost, is_innermost) = (is(self.coroutines.front()), is(self.coroutines.back()));
        self.is_ambiguous = is_outermost && is_innermost && self.coroutines.len() > 1;
        self.is_thrown = is_innermost && !is_outermost;
        resumed(match (is_outermost, is_innermost) {
            (true, _) => self.coroutines.pop_front(),
            (false, true) => self.coroutines.pop_back(),
            (false, false) => None,
        })
    }

    /// A call of this function begins directly inside of a coroutine that goes on. Returns the next coroutine, if it is
    /// that.
    pub fn enter_next(&mut self, function: u32) -> Option<Life> {
        let is_next = self.coroutines.front().is_some_and(|next| next.function == Some(function));
        if !is_next || self.is_thrown {
            return None;
        }
        self.is_ambiguous = false;
        resumed(self.coroutines.pop_front())
    }

    /// The coroutine that began the slice does not enter the next one. If it may be the innermost one of the same
    /// function, it is: an exception was thrown into that.
    pub fn settle(&mut self, root: Option<&mut Life>) {
        if std::mem::take(&mut self.is_ambiguous)
            && let Some(root) = root
            && let Some(mut innermost) = self.coroutines.pop_back()
        {
            innermost.resumes += 1;
            let mut outermost = std::mem::replace(root, innermost);
            outermost.resumes -= 1;
            self.coroutines.push_front(outermost);
            self.is_thrown = true;
        }
    }

    /// The outermost call of a slice has ended. Returns the coroutines that its task has gone on without.
    pub fn leave(&mut self) -> impl Iterator<Item = Life> {
        let lost = if self.is_thrown { VecDeque::new() } else { std::mem::take(&mut self.coroutines) };
        self.is_ambiguous = false;
        lost.into_iter()
    }

    /// Adds a coroutine that is suspended inside of the others.
    pub fn suspend(&mut self, life: Life) {
        self.coroutines.push_back(life);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.coroutines.len()
    }

    /// The innermost one.
    pub fn innermost(&self) -> Option<&Life> {
        self.coroutines.back()
    }

    /// Takes all of them.
    pub fn take(&mut self) -> impl Iterator<Item = Life> {
        std::mem::take(&mut self.coroutines).into_iter()
    }
}

/// A coroutine that goes on.
fn resumed(life: Option<Life>) -> Option<Life> {
    life.map(|life| Life { resumes: life.resumes + 1, ..life })
}
