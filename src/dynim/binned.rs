//! Binned sampling: which bin comes next, and inside it a pool of its own.
//!
//! Bin b has the target novelty / (non-empty bins) + (1 - novelty) * (its share of the candidates); the next pick goes
//! to the non-empty bin with the largest target * (N + 1) - count, the lowest of several, where count is what S holds
//! of the bin and N what it holds of the queue. Novelty 1 makes S flat over the bins, 0 makes it like the candidates.
//! Not here: where the bins lie ([`super::bins`]).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::bins::Bins;
use super::candidates::Taken;
use super::known::Row;
use super::layout::{Binning, Within};
use super::pool::{Importance, Key, Pool, Random, World};
use super::random::Generator;

/// A pool of pools.
#[derive(Debug, Clone)]
pub(super) struct Binned {
    bins: Bins,
    novelty: f64,
    within: Within,
    dim: usize,
    k: usize,
    salt: u64,
    /// The bins that hold or held something, by index.
    cells: BTreeMap<usize, Cell>,
    len: usize,
    /// Points of S of all bins.
    selected: u64,
}

#[derive(Debug, Clone)]
struct Cell {
    pool: Box<dyn Pool>,
    /// Points of S in this bin.
    selected: u64,
}

impl Binned {
    pub(super) fn new(dim: usize, k: usize, salt: u64, binning: &Binning) -> Self {
        Self {
            bins: binning.bins.clone(),
            novelty: binning.novelty,
            within: binning.within,
            dim,
            k,
            salt,
            cells: BTreeMap::new(),
            len: 0,
            selected: 0,
        }
    }

    /// The bin of a point of all coordinates; it is made when the first point falls into it.
    fn cell(&mut self, point: &[f32]) -> &mut Cell {
        let (dim, k, salt, within) = (self.dim, self.k, self.salt, self.within);
        self.cells.entry(self.bins.index(point)).or_insert_with(|| {
            let pool: Box<dyn Pool> = match within {
                Within::Rank => Box::new(Importance::new(dim, k)),
                Within::Random => Box::new(Random::new(dim, k, salt)),
            };
            Cell { pool, selected: 0 }
        })
    }

    /// The bin whose turn it is.
    fn next(&self) -> Option<usize> {
        let filled = || self.cells.iter().filter(|(_, cell)| cell.pool.len() > 0);
        let flat = self.novelty / filled().count() as f64;
        let mut best: Option<(f64, usize)> = None;
        for (&bin, cell) in filled() {
            let share = cell.pool.len() as f64 / self.len as f64;
            let target = flat + (1.0 - self.novelty) * share;
            let lack = target * (self.selected + 1) as f64 - cell.selected as f64;
            if best.is_none_or(|(most, _)| lack > most) {
                best = Some((lack, bin));
            }
        }
        best.map(|(_, bin)| bin)
    }

    /// Merges what goes first in each bin: how many of the first `n` each bin has, and what all of them go by.
    fn merge(&mut self, n: usize, world: World<'_>) -> (BTreeMap<usize, usize>, Vec<Key>) {
        let portion = n / self.cells.len().max(1) + 1;
        let (mut counts, mut merged) = (BTreeMap::new(), Vec::with_capacity(n));
        if n == 0 {
            return (counts, merged);
        }
        let mut fronts: BTreeMap<usize, Vec<Key>> = BTreeMap::new();
        let mut heads = BinaryHeap::with_capacity(self.cells.len());
        for (&bin, cell) in &mut self.cells {
            let front = cell.pool.next_to_go(portion, world);
            heads.extend(front.first().map(|&key| Reverse((key, bin))));
            fronts.insert(bin, front);
        }
        while merged.len() < n
            && let Some(Reverse((key, bin))) = heads.pop()
        {
            merged.push(key);
            let count = counts.entry(bin).or_insert(0);
            *count += 1;
            let (Some(front), Some(cell)) = (fronts.get_mut(&bin), self.cells.get_mut(&bin)) else { continue };
            if *count == front.len() && front.len() < cell.pool.len() {
                *front = cell.pool.next_to_go(2 * front.len(), world);
            }
            heads.extend(front.get(*count).map(|&key| Reverse((key, bin))));
        }
        (counts, merged)
    }
}

impl Pool for Binned {
    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, row: Row<'_>, nearest: &[f32], world: World<'_>) {
        self.len += 1;
        self.cell(row.point).pool.push(row, nearest, world);
    }

    fn pick(&mut self, world: World<'_>, generator: &mut Generator) -> Option<Taken> {
        let cell = self.next().and_then(|bin| self.cells.get_mut(&bin))?;
        self.len -= 1;
        cell.pool.pick(world, generator)
    }

    /// The bins' own orders, merged. A bin says its next ones in portions, and loses in one go what was taken of them.
    fn discard(&mut self, capacity: usize, world: World<'_>) -> Vec<Taken> {
        let surplus = self.len.saturating_sub(capacity);
        let (counts, keys) = self.merge(surplus, world);
        let mut discarded = Vec::with_capacity(keys.len());
        for (bin, count) in counts {
            let Some(Cell { pool, .. }) = self.cells.get_mut(&bin) else { continue };
            let keys = pool.next_to_go(count, world);
            discarded.extend(keys.into_iter().zip(pool.discard(pool.len() - count, world)));
        }
        discarded.sort_unstable_by_key(|(key, _): &(Key, Taken)| *key);
        self.len -= discarded.len();
        discarded.into_iter().map(|(_, taken)| taken).collect()
    }

    fn next_to_go(&mut self, n: usize, world: World<'_>) -> Vec<Key> {
        self.merge(n, world).1
    }

    fn take(&mut self, id: u64, world: World<'_>) -> Option<Taken> {
        let taken = self.cell(world.known.get(id)?.point).pool.take(id, world)?;
        self.len -= 1;
        Some(taken)
    }

    fn count(&mut self, point: &[f32], entered: bool) {
        let step = |count: &mut u64| *count = if entered { *count + 1 } else { *count - 1 };
        step(&mut self.selected);
        step(&mut self.cell(point).selected);
    }

    fn restart(&mut self, world: World<'_>) {
        for cell in self.cells.values_mut() {
            cell.pool.restart(world);
        }
    }

    fn boxed(&self) -> Box<dyn Pool> {
        Box::new(self.clone())
    }
}
