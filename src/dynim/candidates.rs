//! The candidates: the top to pick, the end to discard.
//!
//! Each keeps its k smallest squared distances to the first `seen` points of S, ascending, and the rank that they give.
//! Once it has seen k points its rank can only fall, so a stored rank is an upper bound: a pick makes only the top exact,
//! again and again until the top is. A discard makes all exact, in one pass over the picks since the last one.
//! A rank is multiplied by its candidate's factor, once, in float32, and is ordered so.
//! Not here: what becomes of a removed candidate ([`super::pool`]).

use super::kernels::{absorb, prefetch};
use super::known::Row;
use super::lanes::{Blocks, WIDTH, mean_of_roots_of};
use super::selected::Selected;

/// A set whose indices change when one is removed: nobody keeps an index over a removal.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    dim: usize,
    k: usize,
    ids: Vec<u64>,
    /// Where each lies among all points.
    rows: Vec<u32>,
    /// What ranks are multiplied by.
    factors: Vec<f32>,
    /// At least the rank against all of S; exact where `seen` is the size of S. Never NaN or negative.
    ranks: Vec<f32>,
    /// How many points of S are in `nearest`.
    seen: Vec<u32>,
    /// Of `dim` rows.
    points: Blocks,
    /// Of `k` rows: squared distances, ascending from row 0.
    nearest: Blocks,
    /// A candidate may have seen fewer than k points: then its rank is no bound, since it may rise.
    early: bool,
    /// Size of S when all were made exact. It never grows back to this after a loss unseen: a loss restarts.
    absorbed: usize,
    /// A point and a list that are being made exact.
    one: Vec<f32>,
    /// A tournament: `tree[leaves + at]` is candidate `at`, `tree[i]` the first in the total order of `tree[2 i]` and
    /// `tree[2 i + 1]`, by stored ranks. A node is the rank's bits (never negative, so they order as it does) above the
    /// index, or [`NOBODY`]. Empty where it has to be made anew.
    tree: Vec<u64>,
}

/// A candidate that is none any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub id: u64,
    /// Where it lies among all points.
    pub row: u32,
    /// Its rank, exact, scaled.
    pub rank: f32,
}

/// An empty place: below every candidate, whose index is at most 2^32 - 2.
const NOBODY: u64 = 0;

impl Candidates {
    pub(super) fn new(dim: usize, k: usize) -> Self {
        Self {
            dim,
            k,
            ids: Vec::new(),
            rows: Vec::new(),
            factors: Vec::new(),
            ranks: Vec::new(),
            seen: Vec::new(),
            points: Blocks::new(dim),
            nearest: Blocks::new(k),
            early: false,
            absorbed: 0,
            one: Vec::new(),
            tree: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Appends a candidate whose rank is multiplied by `factor`, positive and finite; `nearest` are its k smallest squared
    /// distances to the first `seen` points of S.
    pub(super) fn push(&mut self, row: Row<'_>, nearest: &[f32], seen: usize, factor: f32) {
        self.ids.push(row.id);
        self.rows.push(row.at);
        self.factors.push(factor);
        self.ranks.push(mean_of_roots_of(&nearest[..seen.min(self.k)]) * factor);
        self.seen.push(seen as u32);
        self.points.push(&row.point[..self.dim]);
        self.nearest.push(nearest);
        self.early |= seen < self.k;
        self.tree.clear();
    }

    /// Removes the first in the total order.
    pub(super) fn take_top(&mut self, s: &Selected) -> Option<Taken> {
        if self.early && self.absorbed != s.len() {
            self.absorb_all(s);
        }
        self.plant();
        loop {
            let top = *self.tree.get(1)?;
            if top == NOBODY {
                return None;
            }
            let at = index_of(top);
            if self.seen[at] as usize == s.len() {
                let taken = self.remove_planted(at);
                self.prefetch_top();
                return Some(taken);
            }
            self.refine(at, s);
            self.replay(at);
        }
    }

    /// Removes the last in the total order until `capacity` remain; the last one comes first.
    pub(super) fn take_below(&mut self, capacity: usize, s: &Selected) -> Vec<Taken> {
        let surplus = self.len().saturating_sub(capacity);
        let below = self.lowest(surplus, s);
        self.take_all(below, s)
    }

    /// The places of the `n` last in the total order, or of all if there are fewer, the last one first.
    pub(super) fn lowest(&mut self, n: usize, s: &Selected) -> Vec<usize> {
        let n = n.min(self.len());
        if n == 0 {
            return Vec::new();
        }
        self.absorb_all(s);
        // Ranks are neither negative nor NaN, so their bits order as they do.
        let mut ranks: Vec<u32> = self.ranks.iter().map(|rank| rank.to_bits()).collect();
        let edge = *ranks.select_nth_unstable(n - 1).1;
        let mut below: Vec<usize> = (0..self.len()).filter(|&at| self.ranks[at].to_bits() <= edge).collect();
        below.sort_unstable_by_key(|&at| self.key(at));
        below.truncate(n);
        below
    }

    /// What the candidate in a place is discarded by: the smallest first, which is the last in the total order.
    pub(super) fn key(&self, at: usize) -> (u64, u64) {
        (self.ranks[at].to_bits().into(), !self.ids[at])
    }

    /// The ids in the order of their places.
    pub(super) fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Removes the candidates in `places`, each once, and gives them in that order.
    pub(super) fn take_all(&mut self, mut places: Vec<usize>, s: &Selected) -> Vec<Taken> {
        if places.is_empty() {
            return Vec::new();
        }
        self.absorb_all(s);
        let taken =
            places.iter().map(|&at| Taken { id: self.ids[at], row: self.rows[at], rank: self.ranks[at] }).collect();
        // From the largest index down, so that what a removal moves is never one that is still to go.
        places.sort_unstable_by(|a, b| b.cmp(a));
        for at in places {
            self.swap_remove(at);
        }
        self.tree.clear();
        taken
    }

    /// Removes `id`, if it is there.
    pub(super) fn take(&mut self, id: u64, s: &Selected) -> Option<Taken> {
        let at = self.ids.iter().position(|&other| other == id)?;
        self.refine(at, s);
        self.tree.clear();
        Some(self.swap_remove(at))
    }

    /// Takes in that S has lost a point, also where there is no candidate: everything from scratch.
    pub(super) fn restart<'a>(&mut self, s: &Selected, point_of: impl Fn(u32) -> &'a [f32]) {
        let mut nearest = vec![0.0; self.k];
        for at in 0..self.len() {
            s.nearest(point_of(self.rows[at]), &mut nearest);
            self.nearest.set(at, &nearest);
            self.ranks[at] = mean_of_roots_of(&nearest[..s.len().min(self.k)]) * self.factors[at];
        }
        self.seen.fill(s.len() as u32);
        self.early = s.len() < self.k;
        self.absorbed = s.len();
        self.tree.clear();
    }

    /// Makes all ranks exact.
    fn absorb_all(&mut self, s: &Selected) {
        let Self { dim, k, ranks, factors, seen, points, nearest, .. } = self;
        absorb(s.isa(), points.rows(), nearest.rows_mut(), ranks, factors, seen, s.rows(), *dim, *k);
        self.early = s.len() < self.k;
        self.absorbed = s.len();
        self.tree.clear();
    }

    /// Makes the rank of candidate `at` exact.
    fn refine(&mut self, at: usize, s: &Selected) {
        self.one.clear();
        self.one.extend(self.points.element(at));
        self.one.extend(self.nearest.element(at));
        let (point, list) = self.one.split_at_mut(self.dim);
        s.catch_up(self.seen[at] as usize, point, list);
        self.ranks[at] = mean_of_roots_of(&list[..s.len().min(self.k)]) * self.factors[at];
        self.nearest.set(at, list);
        self.seen[at] = s.len() as u32;
    }

    /// Has the processor fetch what the next pick looks at first, while the caller puts this one into S.
    fn prefetch_top(&self) {
        if let Some(&top) = self.tree.get(1).filter(|&&top| top != NOBODY) {
            let block = index_of(top) / WIDTH;
            prefetch(self.points.block(block));
            prefetch(self.nearest.block(block));
        }
    }

    /// Makes the tournament, if it has to be made anew.
    fn plant(&mut self) {
        if !self.tree.is_empty() {
            return;
        }
        let leaves = self.len().next_power_of_two().max(2);
        self.tree.resize(2 * leaves, NOBODY);
        for at in 0..self.len() {
            self.tree[leaves + at] = self.node(at);
        }
        for node in (1..leaves).rev() {
            self.tree[node] = self.first_of(self.tree[2 * node], self.tree[2 * node + 1]);
        }
    }

    /// Candidate `at` as the tournament has it.
    fn node(&self, at: usize) -> u64 {
        u64::from(self.ranks[at].to_bits()) << 32 | (at as u64 + 1)
    }

    /// The first of two in the total order of stored ranks: rank descending, then id ascending.
    #[inline]
    fn first_of(&self, a: u64, b: u64) -> u64 {
        if a >> 32 != b >> 32 || a == NOBODY || b == NOBODY {
            return a.max(b);
        }
        if self.ids[index_of(a)] < self.ids[index_of(b)] { a } else { b }
    }

    /// Plays the matches of place `at` again, in which there is a candidate or nobody any more.
    fn replay(&mut self, at: usize) {
        let mut node = self.tree.len() / 2 + at;
        self.tree[node] = if at < self.len() { self.node(at) } else { NOBODY };
        while node > 1 {
            node /= 2;
            self.tree[node] = self.first_of(self.tree[2 * node], self.tree[2 * node + 1]);
        }
    }

    /// Removes a candidate and keeps the tournament.
    fn remove_planted(&mut self, at: usize) -> Taken {
        let last = self.len() - 1;
        let taken = self.swap_remove(at);
        self.replay(last);
        if at != last {
            self.replay(at);
        }
        taken
    }

    fn swap_remove(&mut self, at: usize) -> Taken {
        self.points.swap_remove(at);
        self.nearest.swap_remove(at);
        self.seen.swap_remove(at);
        self.factors.swap_remove(at);
        Taken { id: self.ids.swap_remove(at), row: self.rows.swap_remove(at), rank: self.ranks.swap_remove(at) }
    }
}

/// The index of a candidate in a node that is not [`NOBODY`].
fn index_of(node: u64) -> usize {
    (node as u32 - 1) as usize
}
