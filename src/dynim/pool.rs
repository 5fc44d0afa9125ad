//! The one trait of samplers, and the two that need no bins: by importance, and at random.
//!
//! A pool holds the candidates of a queue (or of one bin) and says which comes next and which goes first.
//! Not here: binned sampling ([`super::binned`]), gates and the first random picks ([`super::queue`]).

use std::fmt::Debug;

use super::candidates::{Candidates, Taken};
use super::known::{Closest, Known, Row};
use super::random::{Generator, Ids, hash};
use super::selected::Selected;

/// What a pool looks at and never changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct World<'a> {
    /// The S that the queue's ranks are taken against.
    pub s: &'a Selected,
    pub known: &'a Known,
    /// How many leading coordinates of a point distances are taken over.
    pub dim: usize,
    /// How many nearest points of S a rank is the mean over.
    pub k: usize,
}

impl World<'_> {
    /// The k smallest squared distances of a point of all coordinates to S, and the nearest.
    pub(super) fn nearest(&self, point: &[f32]) -> (Vec<f32>, Closest) {
        let mut nearest = vec![0.0; self.k];
        let closest = self.s.nearest(&point[..self.dim], &mut nearest);
        (nearest, closest)
    }
}

/// What candidates are discarded by.
pub(super) type Key = (u64, u64);

/// A sampler: the candidates of one queue or bin, and its rule for the next one. Ranks it gives are exact and scaled.
pub(super) trait Pool: Debug + Send + Sync {
    fn len(&self) -> usize;

    /// Takes in a candidate and its k smallest squared distances to S.
    fn push(&mut self, row: Row<'_>, nearest: &[f32], world: World<'_>);

    /// Removes the next pick.
    fn pick(&mut self, world: World<'_>, generator: &mut Generator) -> Option<Taken>;

    /// Removes the first to be discarded until `capacity` remain, in that order.
    fn discard(&mut self, capacity: usize, world: World<'_>) -> Vec<Taken>;

    /// What the first `n` that a discard would remove go by, in that order, the smallest first: comparable among pools of
    /// one kind and seed.
    fn next_to_go(&mut self, n: usize, world: World<'_>) -> Vec<Key>;

    /// Removes `id`, if it is there.
    fn take(&mut self, id: u64, world: World<'_>) -> Option<Taken>;

    /// Takes in that `point` (all its coordinates), of this pool's queue, went into S or left it.
    fn count(&mut self, point: &[f32], entered: bool);

    /// Takes in that S has lost a point.
    fn restart(&mut self, world: World<'_>);

    /// A copy.
    fn boxed(&self) -> Box<dyn Pool>;
}

impl Clone for Box<dyn Pool> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// The highest rank is picked, the lowest is discarded: the total order.
#[derive(Debug, Clone)]
pub(super) struct Importance {
    candidates: Candidates,
}

impl Importance {
    pub(super) fn new(dim: usize, k: usize) -> Self {
        Self { candidates: Candidates::new(dim, k) }
    }
}

impl Pool for Importance {
    fn len(&self) -> usize {
        self.candidates.len()
    }

    fn push(&mut self, row: Row<'_>, nearest: &[f32], world: World<'_>) {
        self.candidates.push(row, nearest, world.s.len(), world.known.factor(row.at));
    }

    fn pick(&mut self, world: World<'_>, _: &mut Generator) -> Option<Taken> {
        self.candidates.take_top(world.s)
    }

    fn discard(&mut self, capacity: usize, world: World<'_>) -> Vec<Taken> {
        self.candidates.take_below(capacity, world.s)
    }

    fn next_to_go(&mut self, n: usize, world: World<'_>) -> Vec<Key> {
        self.candidates.lowest(n, world.s).into_iter().map(|at| self.candidates.key(at)).collect()
    }

    fn take(&mut self, id: u64, world: World<'_>) -> Option<Taken> {
        self.candidates.take(id, world.s)
    }

    fn count(&mut self, _: &[f32], _: bool) {}

    fn restart(&mut self, world: World<'_>) {
        self.candidates.restart(world.s, |row| &world.known.row(row).point[..world.dim]);
    }

    fn boxed(&self) -> Box<dyn Pool> {
        Box::new(self.clone())
    }
}

/// Every candidate is as likely to be picked as the others. Discards are those with the largest hash of seed and id:
/// so the candidates stay a uniform sample of all that arrived, whenever and in whatever portions they came.
#[derive(Debug, Clone)]
pub(super) struct Random {
    /// For the ranks that the picks are told with.
    inner: Importance,
    ids: Ids,
    /// Seed of the hash.
    salt: u64,
}

impl Random {
    pub(super) fn new(dim: usize, k: usize, salt: u64) -> Self {
        Self { inner: Importance::new(dim, k), ids: Ids::default(), salt }
    }
}

impl Pool for Random {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn push(&mut self, row: Row<'_>, nearest: &[f32], world: World<'_>) {
        self.ids.insert(row.id);
        self.inner.push(row, nearest, world);
    }

    fn pick(&mut self, world: World<'_>, generator: &mut Generator) -> Option<Taken> {
        let id = self.ids.draw(generator)?;
        self.inner.take(id, world)
    }

    fn discard(&mut self, capacity: usize, world: World<'_>) -> Vec<Taken> {
        let surplus = self.len().saturating_sub(capacity);
        let keys = self.next_to_go(surplus, world);
        let Some(&edge) = keys.last() else { return Vec::new() };
        let salt = self.salt;
        self.ids.retain(|&id| key(salt, id) > edge);
        let candidates = &self.inner.candidates;
        let mut places: Vec<usize> =
            (0..).zip(candidates.ids()).filter(|(_, id)| key(self.salt, **id) <= edge).map(|(at, _)| at).collect();
        places.sort_unstable_by_key(|&at| key(self.salt, candidates.ids()[at]));
        self.inner.candidates.take_all(places, world.s)
    }

    fn next_to_go(&mut self, n: usize, _: World<'_>) -> Vec<Key> {
        let n = n.min(self.len());
        if n == 0 {
            return Vec::new();
        }
        // The hash is a bijection of the ids: no ties.
        let mut keys: Vec<Key> = self.ids.as_slice().iter().map(|&id| key(self.salt, id)).collect();
        keys.select_nth_unstable(n - 1);
        keys.truncate(n);
        keys.sort_unstable();
        keys
    }

    fn take(&mut self, id: u64, world: World<'_>) -> Option<Taken> {
        if self.ids.remove(id) { self.inner.take(id, world) } else { None }
    }

    fn count(&mut self, _: &[f32], _: bool) {}

    fn restart(&mut self, world: World<'_>) {
        self.inner.restart(world);
    }

    fn boxed(&self) -> Box<dyn Pool> {
        Box::new(self.clone())
    }
}

/// What a random sampler discards by: the largest hash first.
fn key(salt: u64, id: u64) -> Key {
    (!hash(salt, id), 0)
}
