//! What stands for a file's functions, by their ids.

use std::collections::HashMap;

/// A number for each function. Ids are counted up by the recorder, so a list serves.
#[derive(Debug, Default)]
pub struct ById {
    /// Numbers by id, one more each; 0 where there is none.
    near: Vec<u32>,
    /// Ids that a damaged file has beyond any count.
    far: HashMap<u32, u32>,
    count: usize,
}

impl ById {
    /// Sets the number of an id.
    pub fn insert(&mut self, id: u32, number: u32) {
        self.count += 1;
        let index = id as usize;
        if index <= self.count * 4 + 4096 {
            self.near.resize(self.near.len().max(index + 1), 0);
            self.near[index] = number + 1;
        } else {
            self.far.insert(id, number);
        }
    }

    /// The number of an id.
    #[inline]
    pub fn get(&self, id: u32) -> Option<u32> {
        match self.near.get(id as usize) {
            Some(number) if *number > 0 => Some(*number - 1),
            _ => self.far(id),
        }
    }

    #[cold]
    fn far(&self, id: u32) -> Option<u32> {
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
