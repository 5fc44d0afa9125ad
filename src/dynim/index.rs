//! From an id to the row that holds it: open addressing over row numbers, four bytes a slot.
//!
//! The ids themselves lie with the rows; the caller shows them by a function from row to id. A lookup costs the same
//! however many rows there are. The table is in many parts that grow each by itself, so that no insertion waits for all
//! rows to find new slots.
//! Not here: the rows ([`super::known`]).

use super::random::mix;

/// Parts: at 2,000,000 rows one has about 2,000.
const PARTS: usize = 1024;

/// A slot that holds no row.
const EMPTY: u32 = u32::MAX;

/// The parts; the top bits of an id's hash say which one it is in.
#[derive(Debug, Clone)]
pub(super) struct Index(Vec<Part>);

impl Default for Index {
    fn default() -> Self {
        Self(vec![Part::default(); PARTS])
    }
}

impl Index {
    /// Makes room for so many ids altogether, so that none of them has to wait for more.
    pub(super) fn reserve(&mut self, ids: usize) {
        // Parts are filled by a hash: most hold a few per cent more or less than their share, and the others grow.
        let share = ids / PARTS * 33 / 32;
        for part in self.0.iter_mut().filter(|part| part.slots.is_empty()) {
            part.slots = vec![EMPTY; (share * 8).div_ceil(7).next_power_of_two().max(8)];
        }
    }

    /// The row of `id`.
    pub(super) fn find(&self, id: u64, id_at: impl Fn(u32) -> u64) -> Option<u32> {
        self.0[part(id)].find(id, id_at)
    }

    /// Adds an id that is not there; `row` is not `u32::MAX`.
    pub(super) fn insert(&mut self, id: u64, row: u32, id_at: impl Fn(u32) -> u64) {
        self.0[part(id)].insert(id, row, id_at);
    }

    /// Removes `id` and gives its row.
    pub(super) fn remove(&mut self, id: u64, id_at: impl Fn(u32) -> u64) -> Option<u32> {
        self.0[part(id)].remove(id, id_at)
    }
}

/// The part that `id` is in.
fn part(id: u64) -> usize {
    (mix(id) >> (u64::BITS - PARTS.ilog2())) as usize
}

/// Linear probing; a power of two of slots, at most 7/8 of them in use.
#[derive(Debug, Clone, Default)]
struct Part {
    slots: Vec<u32>,
    len: usize,
}

impl Part {
    fn find(&self, id: u64, id_at: impl Fn(u32) -> u64) -> Option<u32> {
        self.slot(id, id_at).map(|slot| self.slots[slot])
    }

    fn insert(&mut self, id: u64, row: u32, id_at: impl Fn(u32) -> u64) {
        if (self.len + 1) * 8 > self.slots.len() * 7 {
            let rows = std::mem::take(&mut self.slots);
            self.slots = vec![EMPTY; (rows.len() * 2).max(8)];
            for row in rows.into_iter().filter(|&row| row != EMPTY) {
                self.put(id_at(row), row);
            }
        }
        self.put(id, row);
        self.len += 1;
    }

    fn remove(&mut self, id: u64, id_at: impl Fn(u32) -> u64) -> Option<u32> {
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
