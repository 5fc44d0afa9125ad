//! Binned sampling: which bin comes next, and inside it a pool of its own.
//!
//! Bin b has the target novelty / (non-empty bins) + (1 - novelty) * (its share of the candidates); the next pick goes
//! to the non-empty bin with the largest target * (N + 1) - count, the lowest of several, where count is what S holds
//! of the bin and N what it holds of the queue. Novelty 1 makes S flat over the bins, 0 makes it like the candidates.
//! Not here: where the bins lie ([`super::bins`]).

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, VecDeque};

use super::bins::Bins;
use super::candidates::Taken;
use super::known::Row;
use super::layout::{Binning, Within};
use super::pool::{Importance, Pool, Random, World};
use super::random::{Generator, hash};

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

    /// Which of two candidates of different bins is discarded first.
    fn discard_order(&self, a: Taken, b: Taken) -> Ordering {
        match self.within {
            Within::Rank => a.rank.total_cmp(&b.rank).then(b.id.cmp(&a.id)),
            Within::Random => Reverse(hash(self.salt, a.id)).cmp(&Reverse(hash(self.salt, b.id))),
        }
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

    /// The bins' own orders, merged. A bin gives its next ones in portions, and takes back what was too many.
    fn discard(&mut self, capacity: usize, world: World<'_>) -> Vec<Taken> {
        let excess = self.len.saturating_sub(capacity);
        let portion = excess / self.cells.len().max(1) + 1;
        let mut fronts: BTreeMap<usize, VecDeque<Taken>> = BTreeMap::new();
        let mut discarded = Vec::with_capacity(excess);
        while discarded.len() < excess {
            for (&bin, cell) in &mut self.cells {
                let front = fronts.entry(bin).or_default();
                if front.is_empty() {
                    front.extend(cell.pool.discard(cell.pool.len().saturating_sub(portion), world));
                }
            }
            let heads = fronts.iter().filter_map(|(&bin, front)| Some((bin, *front.front()?)));
            let Some((bin, _)) = heads.min_by(|a, b| self.discard_order(a.1, b.1)) else { break };
            discarded.extend(fronts.get_mut(&bin).and_then(VecDeque::pop_front));
        }
        for taken in fronts.into_values().flatten() {
            let row = world.known.row(taken.row);
            self.cell(row.point).pool.push(row, &world.nearest(row.point).0, world);
        }
        self.len -= discarded.len();
        discarded
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
