//! Which ids are taken, and by what content: a known id is found in constant time.
//!
//! Not here: the range that ids lie in ([`crate::ids`]).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use parking_lot::Mutex;

use crate::error::{Result, conflict};

/// Ids of all patches that were accepted, with the hash of their content. Shared by all producers of a stream.
#[derive(Default)]
pub(super) struct Registry {
    content: Mutex<HashMap<u64, u64>>,
}

impl Registry {
    /// Takes `id` for `content`. `false`: the same was there already.
    pub(super) fn take(&self, id: u64, content: u64) -> Result<bool> {
        match self.content.lock().entry(id) {
            Entry::Vacant(place) => {
                place.insert(content);
                Ok(true)
            }
            Entry::Occupied(known) if *known.get() == content => Ok(false),
            Entry::Occupied(_) => Err(conflict(format!(
                "patch {id} is known with other content: give every patch an id of its own, the same one only to the \
                 same densities, step, time, place and proteins"
            ))),
        }
    }

    /// Whether `id` is taken.
    pub(super) fn contains(&self, id: u64) -> bool {
        self.content.lock().contains_key(&id)
    }

    /// Frees `id`, whose patch was not committed after all.
    pub(super) fn free(&self, id: u64) {
        self.content.lock().remove(&id);
    }
}
