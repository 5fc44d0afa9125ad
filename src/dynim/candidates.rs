//! The candidates with their exact ranks: the top to pick, the end to discard.
//!
//! Each keeps its k smallest squared distances to S, ascending and +infinity where S is smaller than k. When S grows
//! by a point, one pass inserts its distances; a block of 16 in which no list changes costs the distances only.
//! Not here: what becomes of a removed candidate ([`super::Sampler`]).

use std::cmp::Ordering;

use super::lanes::{Blocks, insert, mean_of_roots, squared_distances};

/// A set whose indices change when one is removed: nobody keeps an index over a removal.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    k: usize,
    ids: Vec<u64>,
    /// Exact against the S of the last call. Never NaN or negative.
    ranks: Vec<f32>,
    /// Of `dim` rows.
    points: Blocks,
    /// Of `k` rows: squared distances, ascending from row 0.
    nearest: Blocks,
}

impl Candidates {
    pub(super) fn new(dim: usize, k: usize) -> Self {
        Self { k, ids: Vec::new(), ranks: Vec::new(), points: Blocks::new(dim), nearest: Blocks::new(k) }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Appends a candidate; `nearest` are its k smallest squared distances to S, which has `selected` points.
    pub(super) fn push(&mut self, id: u64, point: &[f32], nearest: &[f32], selected: usize) {
        self.ids.push(id);
        self.ranks.push(f32::INFINITY);
        self.points.push(point);
        self.nearest.push(nearest);
        self.rank_block(self.points.blocks() - 1, selected);
    }

    /// Takes in that S has grown by `point`, to `selected` points.
    pub(super) fn absorb(&mut self, point: &[f32], selected: usize) {
        // Up to the k-th point of S each rank is a mean over one distance more, whatever that distance is.
        let longer = selected <= self.k;
        for block in 0..self.points.blocks() {
            let distances = squared_distances(self.points.block(block), point);
            let lists = self.nearest.block_mut(block);
            if longer || distances.any_below(&lists[self.k - 1]) {
                insert(lists, distances);
                self.rank_block(block, selected);
            }
        }
    }

    /// Removes the first in the total order; gives its id and rank.
    pub(super) fn take_top(&mut self) -> Option<(u64, f32)> {
        // Ranks are neither negative nor NaN, so their bits order as they do, and integers make a quick maximum.
        let top = self.ranks.iter().map(|rank| rank.to_bits()).max()?;
        let ties = (0..self.len()).filter(|&at| self.ranks[at].to_bits() == top);
        let at = ties.min_by_key(|&at| self.ids[at])?;
        Some(self.swap_remove(at))
    }

    /// Removes the last in the total order until `capacity` remain; gives ids and ranks, the last one first.
    pub(super) fn take_below(&mut self, capacity: usize) -> Vec<(u64, f32)> {
        if self.len() <= capacity {
            return Vec::new();
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.select_nth_unstable_by(capacity, |&a, &b| self.compare(a, b));
        let mut below = order.split_off(capacity);
        below.sort_unstable_by(|&a, &b| self.compare(b, a));
        let taken = below.iter().map(|&at| (self.ids[at], self.ranks[at])).collect();
        // From the largest index down, so that what a removal moves is never one that is still to go.
        below.sort_unstable_by(|a, b| b.cmp(a));
        for at in below {
            self.swap_remove(at);
        }
        taken
    }

    /// The total order: rank descending, then id ascending.
    fn compare(&self, a: usize, b: usize) -> Ordering {
        self.ranks[b].total_cmp(&self.ranks[a]).then(self.ids[a].cmp(&self.ids[b]))
    }

    fn rank_block(&mut self, block: usize, selected: usize) {
        let ranks = mean_of_roots(&self.nearest.block(block)[..selected.min(self.k)]);
        let span = self.points.span(block);
        let live = span.len();
        self.ranks[span].copy_from_slice(&ranks.0[..live]);
    }

    fn swap_remove(&mut self, at: usize) -> (u64, f32) {
        self.points.swap_remove(at);
        self.nearest.swap_remove(at);
        (self.ids.swap_remove(at), self.ranks.swap_remove(at))
    }
}
