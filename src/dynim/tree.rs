//! A tree of boxes over some points of S, for exact nearest-neighbour queries that look at few of them.
//!
//! Points lie in leaves of 16, lane by lane. Leaves come from halving the points along their widest dimension; 16
//! neighbouring leaves make a box of the next level, and so on, so that one step down tests 16 boxes at once. A tree
//! never changes: [`super::selected`] makes new ones as S grows.
//! Not here: the descent itself ([`super::descent`]).

use super::descent::{Nearest, descend, nearer, place};
use super::kernels::Isa;
use super::lanes::{Blocks, Lanes, WIDTH};

/// The level whose boxes are places: of 16^3 points, which a processor's second cache holds.
const PLACE: usize = 2;
/// Bytes of leaves that lie in that cache whatever the order of queries.
const CACHED: usize = 1 << 20;

/// Leaves at most whose boxes are all looked at, without a descent.
const FLAT: usize = 64;

/// A static tree.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// Of `dim` rows.
    leaves: Blocks,
    /// Position in S of each point of the leaves, in their order.
    positions: Vec<u32>,
    /// From the leaves' own boxes (level 0) to the top, which is one group of 16: for each group `dim` rows of lower and
    /// `dim` rows of upper edges.
    boxes: Vec<Vec<Lanes>>,
    /// Boxes of each level.
    counts: Vec<usize>,
}

impl Tree {
    /// A tree over the points at `positions` of S, at least one; `s` has their coordinates, `s[position * dim + d]`.
    pub(super) fn new(mut positions: Vec<u32>, s: &[f32], dim: usize) -> Self {
        halve(&mut positions, s, dim);
        let mut leaves = Blocks::new(dim);
        let row = |position: u32| &s[position as usize * dim..][..dim];
        positions.iter().for_each(|&position| leaves.push(row(position)));

        let mut edges: Vec<Vec<(f32, f32)>> = positions
            .chunks(WIDTH)
            .map(|leaf| around(dim, leaf.iter().map(|&position| row(position).iter().map(|&x| (x, x)))))
            .collect();
        let (mut boxes, mut counts) = (Vec::new(), Vec::new());
        loop {
            counts.push(edges.len());
            boxes.push(edges.chunks(WIDTH).flat_map(|group| rows_of(group, dim)).collect());
            if edges.len() <= WIDTH {
                break;
            }
            edges = edges.chunks(WIDTH).map(|group| around(dim, group.iter().map(|b| b.iter().copied()))).collect();
        }
        Self { leaves, positions, boxes, counts }
    }

    /// The positions in S of its points.
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Takes in those of its points that can matter to `nearest`.
    pub(super) fn search(&self, isa: Isa, point: &[f32], ids: &[u64], nearest: &mut Nearest<'_>) {
        let Self { leaves, positions, boxes, counts } = self;
        descend(isa, boxes, counts, leaves.rows(), positions, ids, point, nearest);
    }

    /// As [`search`](Self::search), where the nearest so far is almost certainly nearer than all of this tree.
    pub(super) fn search_nearer(&self, isa: Isa, point: &[f32], ids: &[u64], nearest: &mut Nearest<'_>) {
        let Self { leaves, positions, boxes, counts } = self;
        if counts[0] > FLAT {
            return self.search(isa, point, ids, nearest);
        }
        nearer(isa, &boxes[0], counts[0], leaves.rows(), positions, ids, point, nearest);
    }

    /// A number that points have in common which look at much the same leaves; 0 for all if the tree is small.
    pub(super) fn place(&self, isa: Isa, point: &[f32]) -> usize {
        if size_of_val(self.leaves.rows()) <= CACHED {
            return 0;
        }
        place(isa, &self.boxes, &self.counts, PLACE, point)
    }
}

/// Points at most that the widest dimension is told from.
const SAMPLE: usize = 256;

/// Orders points so that any aligned run of 16, 32, 64 .. of them is compact: halves them along the widest dimension, or
/// one about as wide, the first half as many whole leaves as a power of two has, and goes on with each half.
fn halve(positions: &mut [u32], s: &[f32], dim: usize) {
    if positions.len() <= WIDTH {
        return;
    }
    let row = |position: u32| &s[position as usize * dim..][..dim];
    let sample = positions.iter().step_by(positions.len().div_ceil(SAMPLE));
    let edges = around(dim, sample.map(|&position| row(position).iter().map(|&x| (x, x))));
    let width = |&(low, high): &(f32, f32)| high - low;
    let widest = (0..dim).max_by(|&a, &b| width(&edges[a]).total_cmp(&width(&edges[b]))).unwrap_or(0);
    let middle = positions.len().div_ceil(WIDTH).next_power_of_two() / 2 * WIDTH;
    let key = |&position: &u32| (row(position)[widest], position);
    positions.select_nth_unstable_by(middle, |a, b| {
        let (a, b) = (key(a), key(b));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    });
    let (first, second) = positions.split_at_mut(middle);
    halve(first, s, dim);
    halve(second, s, dim);
}

/// The box around boxes, each a lower and an upper edge a dimension.
fn around<B: Iterator<Item = (f32, f32)>>(dim: usize, boxes: impl Iterator<Item = B>) -> Vec<(f32, f32)> {
    let mut edges = vec![(f32::INFINITY, f32::NEG_INFINITY); dim];
    for one in boxes {
        for (edge, (low, high)) in edges.iter_mut().zip(one) {
            *edge = (edge.0.min(low), edge.1.max(high));
        }
    }
    edges
}

/// The rows of a group of at most 16 boxes: lower edges, then upper ones.
fn rows_of(group: &[Vec<(f32, f32)>], dim: usize) -> Vec<Lanes> {
    let mut rows = vec![Lanes::all(0.0); 2 * dim];
    for (lane, edges) in group.iter().enumerate() {
        for (d, &(low, high)) in edges.iter().enumerate() {
            rows[d].0[lane] = low;
            rows[dim + d].0[lane] = high;
        }
    }
    rows
}
