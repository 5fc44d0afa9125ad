//! S, the selected points in the order of their picks, and the nearest of them to a new point.
//!
//! Not here: the weights of its points ([`super::weights`]).

use super::lanes::{Blocks, Lanes, squared_distances};

/// S. It only grows.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    /// In the order of S.
    ids: Vec<u64>,
    /// Of `dim` rows, in the order of S.
    points: Blocks,
}

impl Selected {
    pub(super) fn new(dim: usize) -> Self {
        Self { ids: Vec::new(), points: Blocks::new(dim) }
    }

    /// Appends a point and gives its position in S.
    pub(super) fn push(&mut self, id: u64, point: &[f32]) -> usize {
        self.ids.push(id);
        self.points.push(point);
        self.ids.len() - 1
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The ids in the order of S.
    pub(super) fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Fills `list`, which is not empty, with the smallest squared distances of `point` to S, ascending, and with
    /// +infinity where S is too small.
    pub(super) fn nearest(&self, point: &[f32], list: &mut [f32]) {
        list.fill(f32::INFINITY);
        for block in 0..self.points.blocks() {
            let distances = squared_distances(self.points.block(block), point);
            if distances.any_below(&Lanes::all(list[list.len() - 1])) {
                for &distance in &distances.0[..self.points.span(block).len()] {
                    insert(list, distance);
                }
            }
        }
    }
}

/// Puts `value` into the ascending `list` and drops its largest.
fn insert(list: &mut [f32], value: f32) {
    let mut at = list.len();
    while at > 0 && value < list[at - 1] {
        at -= 1;
    }
    if at < list.len() {
        list[at..].rotate_right(1);
        list[at] = value;
    }
}
