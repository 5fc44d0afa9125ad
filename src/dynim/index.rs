//! From an id to the row that holds it: open addressing over row numbers, four bytes a slot.
//!
//! The ids themselves lie with the rows; the caller shows them by a function from row to id. A lookup costs the same
//! however many rows there are, and a slot less than a general hash map that keeps the ids a second time.
//! Not here: the rows ([`super::known`]).

use super::random::mix;

/// A slot that holds no row.
const EMPTY: u32 = u32::MAX;

/// Linear probing; a power of two of slots, at most 7/8 of them in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    slots: Vec<u32>,
    len: usize,
}

impl Index {
    /// The row of `id`.
    pub(super) fn find(&self, id: u64, id_at: impl Fn(u32) -> u64) -> Option<u32> {
        self.slot(id, id_at).map(|slot| self.slots[slot])
    }

    /// Adds an id that is not there; `row` is not `u32::MAX`.
    pub(super) fn insert(&mut self, id: u64, row: u32, id_at: impl Fn(u32) -> u64) {
        if (self.len + 1) * 8 > self.slots.len() * 7 {
            let rows = std::mem::take(&mut self.slots);
            self.slots = vec![EMPTY; (rows.len() * 2).max(16)];
            for row in rows.into_iter().filter(|&row| row != EMPTY) {
                self.put(id_at(row), row);
            }
        }
        self.put(id, row);
        self.len += 1;
    }

    /// Removes `id` and gives its row.
    pub(super) fn remove(&mut self, id: u64, id_at: impl Fn(u32) -> u64) -> Option<u32> {
        let mut hole = self.slot(id, &id_at)?;
        let row = self.slots[hole];
        // What a probe would no longer reach over the hole moves into it, and leaves the next hole.
        let mut slot = hole;
        loop {
            slot = (slot + 1) & self.mask();
            if self.slots[slot] == EMPTY {
                break;
            }
            let home = self.home(id_at(self.slots[slot]));
            let from_home = slot.wrapping_sub(home) & self.mask();
            let from_hole = slot.wrapping_sub(hole) & self.mask();
            if from_home >= from_hole {
                self.slots[hole] = self.slots[slot];
                hole = slot;
            }
        }
        self.slots[hole] = EMPTY;
        self.len -= 1;
        Some(row)
    }

    fn slot(&self, id: u64, id_at: impl Fn(u32) -> u64) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.home(id);
        while self.slots[slot] != EMPTY {
            if id_at(self.slots[slot]) == id {
                return Some(slot);
            }
            slot = (slot + 1) & self.mask();
        }
        None
    }

    fn put(&mut self, id: u64, row: u32) {
        let mut slot = self.home(id);
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) & self.mask();
        }
        self.slots[slot] = row;
    }

    fn home(&self, id: u64) -> usize {
        mix(id) as usize & self.mask()
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }
}
