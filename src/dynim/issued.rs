//! All picks that were told, by id, side by side in memory so that a snapshot of them is one copy.
//!
//! Not here: which state may follow which ([`super::state`]), their order in S ([`super::sampler`]).

use std::collections::HashMap;

use super::random::Mixed;
use super::state::Selection;

/// A map from an id to its pick.
#[derive(Debug, Clone, Default)]
pub(super) struct Picks {
    /// In no particular order.
    all: Vec<Selection>,
    /// Where in `all` each is.
    places: HashMap<u64, u32, Mixed>,
}

impl Picks {
    /// The picks, in no particular order.
    pub(super) fn as_slice(&self) -> &[Selection] {
        &self.all
    }

    pub(super) fn get(&self, id: u64) -> Option<&Selection> {
        self.places.get(&id).map(|&at| &self.all[at as usize])
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Selection> {
        self.places.get(&id).map(|&at| &mut self.all[at as usize])
    }

    /// Adds a pick, in the place of the one of the same id if there is one.
    pub(super) fn insert(&mut self, pick: Selection) {
        match self.get_mut(pick.id) {
            Some(there) => *there = pick,
            None => {
                self.places.insert(pick.id, self.all.len() as u32);
                self.all.push(pick);
            }
        }
    }

    /// Forgets the pick of `id`, if there is one.
    pub(super) fn remove(&mut self, id: u64) {
        let Some(at) = self.places.remove(&id) else { return };
        self.all.swap_remove(at as usize);
        if let Some(moved) = self.all.get(at as usize) {
            self.places.insert(moved.id, at);
        }
    }
}
