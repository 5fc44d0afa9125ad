//! S, the selected points in the order of their picks, and the nearest of them to any other point.
//!
//! A query is exact: it scans the latest points and descends two trees of boxes, a small one that is made anew every few
//! picks and a large one that takes the small one in now and then, so that S may grow by a point at a time.
//! Not here: the weights of its points ([`super::weights`]).

use super::descent::{Nearest, scan};
use super::kernels::{Isa, catch_up};
use super::known::Closest;
use super::lanes::Blocks;
use super::tree::Tree;

/// Points that are scanned before they go into the small tree.
const LATEST: usize = 256;
/// Points of the small tree before it goes into the large one.
const SMALL: usize = 4096;

/// S. It grows at its end; a point that is returned leaves it, and the later ones move up.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    isa: Isa,
    dim: usize,
    /// In the order of S.
    ids: Vec<u64>,
    /// `rows[position * dim + d]`.
    rows: Vec<f32>,
    /// The same, sixteen positions side by side.
    blocks: Blocks,
    large: Option<Tree>,
    small: Option<Tree>,
    /// The points that are in no tree, the last ones of S, of `dim` rows.
    latest: Blocks,
    /// Their positions.
    latest_positions: Vec<u32>,
    /// How many of its points every unselected one was held against: see [`super::weights`].
    pub weighed: usize,
}

impl Selected {
    pub(super) fn new(dim: usize, isa: Isa) -> Self {
        Self {
            isa,
            dim,
            ids: Vec::new(),
            rows: Vec::new(),
            blocks: Blocks::new(dim),
            large: None,
            small: None,
            latest: Blocks::new(dim),
            latest_positions: Vec::new(),
            weighed: 0,
        }
    }

    /// Appends a point and gives its position in S.
    pub(super) fn push(&mut self, id: u64, point: &[f32]) -> usize {
        let position = self.ids.len();
        self.ids.push(id);
        self.rows.extend_from_slice(point);
        self.blocks.push(point);
        self.latest.push(point);
        self.latest_positions.push(position as u32);
        position
    }

    /// Removes a point; gives the position that it had. Rare: everything but the rows is made anew.
    pub(super) fn remove(&mut self, id: u64) -> Option<usize> {
        let at = self.ids.iter().position(|&other| other == id)?;
        self.ids.remove(at);
        self.weighed -= usize::from(at < self.weighed);
        self.rows.drain(at * self.dim..(at + 1) * self.dim);
        (self.large, self.small) = (None, None);
        self.blocks.clear();
        self.rows.chunks_exact(self.dim).for_each(|row| self.blocks.push(row));
        self.latest = self.blocks.clone();
        self.latest_positions = (0..self.ids.len() as u32).collect();
        Some(at)
    }

    /// The instruction set of its queries.
    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// Before queries: takes the latest points into trees, if there are many.
    pub(super) fn settle(&mut self) {
        if self.latest_positions.len() >= LATEST {
            let mut positions = std::mem::take(&mut self.latest_positions);
            self.latest.clear();
            positions.extend(self.small.take().iter().flat_map(Tree::positions));
            if positions.len() < SMALL {
                self.small = Some(Tree::new(positions, &self.rows, self.dim));
            } else {
                positions.extend(self.large.take().iter().flat_map(Tree::positions));
                self.large = Some(Tree::new(positions, &self.rows, self.dim));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The ids in the order of S.
    pub(super) fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// The coordinates in the order of S, `[position * dim + d]`.
    pub(super) fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// Puts the squared distances of `point` to all of S but the first `seen` into `list`, ascending, and drops as many of
    /// the largest.
    pub(super) fn catch_up(&self, seen: usize, point: &[f32], list: &mut [f32]) {
        catch_up(self.isa, self.blocks.rows(), seen, self.len(), point, list);
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// A tree over those at `positions`, at least one.
    pub(super) fn tree_over(&self, positions: Vec<u32>) -> Tree {
        Tree::new(positions, &self.rows, self.dim)
    }

    /// The nearest to `point` of what is in `tree`, if that is nearer than `than`, or as near and of a smaller id;
    /// otherwise `than`.
    pub(super) fn nearer_in(&self, tree: &Tree, point: &[f32], than: Closest) -> Closest {
        let mut list = [0.0];
        let mut nearest = Nearest::nearer(&mut list, than);
        tree.search_nearer(self.isa, point, &self.ids, &mut nearest);
        Closest { position: nearest.position, distance: nearest.distance }
    }

    /// A number that points have in common whose queries are faster one after the other.
    pub(super) fn place(&self, point: &[f32]) -> usize {
        self.large.as_ref().map_or(0, |tree| tree.place(self.isa, point))
    }

    /// Fills `list`, which is not empty, with the smallest squared distances of `point` to S, ascending, and with
    /// +infinity where S is too small. Gives the nearest; while S is empty it is unknown.
    pub(super) fn nearest(&self, point: &[f32], list: &mut [f32]) -> Closest {
        let mut nearest = Nearest::start(list);
        for tree in [&self.large, &self.small].into_iter().flatten() {
            tree.search(self.isa, point, &self.ids, &mut nearest);
        }
        scan(self.isa, self.latest.rows(), &self.latest_positions, &self.ids, point, &mut nearest);
        nearest.finish();
        Closest { position: nearest.position, distance: nearest.distance }
    }
}
