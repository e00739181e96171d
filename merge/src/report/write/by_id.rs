//! A map from the ids of a file's functions.

use std::collections::HashMap;

/// A value for each function id, usually a number. The recorder counts ids up, so a list holds nearly all of them.
#[derive(Debug)]
pub struct ById<T = u32> {
    near: Vec<Option<T>>,
    /// Ids of a damaged file that are far too large.
    far: HashMap<u32, T>,
    count: usize,
}

impl<T> Default for ById<T> {
    fn default() -> ById<T> {
        ById { near: Vec::new(), far: HashMap::new(), count: 0 }
    }
}

impl<T: Copy> ById<T> {
    /// Sets the value of an id.
    pub fn insert(&mut self, id: u32, value: T) {
        self.count += 1;
        let index = id as usize;
        if index <= self.count * 4 + 4096 {
            self.near.resize(self.near.len().max(index + 1), None);
            self.near[index] = Some(value);
        } else {
            self.far.insert(id, value);
        }
    }

    /// The value of an id.
    #[inline]
    pub fn get(&self, id: u32) -> Option<T> {
        match self.near.get(id as usize) {
            Some(Some(value)) => Some(*value),
            _ => self.far(id),
        }
    }

    #[cold]
    fn far(&self, id: u32) -> Option<T> {
        self.far.get(&id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::ById;

    #[test]
    fn ids_near_and_far() {
        let mut numbers = ById::default();
        for (id, number) in [(0, 7), (4100, 8), (9_000_000, 9), (u32::MAX, 0), (3, 1), (3, 2)] {
            numbers.insert(id, number);
        }
        let ids = [0, 1, 3, 4100, 4101, 9_000_000, u32::MAX];
        assert_eq!(ids.map(|id| numbers.get(id)), [Some(7), None, Some(2), Some(8), None, Some(9), Some(0)]);
        assert!(numbers.near.len() <= 4101);
    }
}
