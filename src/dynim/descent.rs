//! The nearest points of S to another point: blocks scanned, and trees descended with the nearest boxes first.
//!
//! What costs here is not arithmetic but branches that the processor guesses wrong, so a distance goes into a list, and a
//! box to its place among 16, without any.
//! Not here: the trees and what they lie over ([`super::tree`], [`super::selected`]).

use super::kernels::{Isa, for_each_isa, put, squared_distances};
use super::known::Closest;
use super::lanes::{Lanes, WIDTH};
use super::vector::Vector;

/// The k smallest squared distances of a point to S so far, and which point of S is the nearest.
#[derive(Debug)]
pub(super) struct Nearest<'a> {
    /// Ascending; +infinity where there are fewer. Where k <= 16 it is filled by [`finish`](Self::finish) alone.
    list: &'a mut [f32],
    /// The list where k <= 16, in one register; lanes past k hold leftovers.
    few: Lanes,
    /// Squared distance of the nearest.
    pub distance: f32,
    /// Its position in S; of several the one with the smaller id. `u32::MAX` before the first.
    pub position: u32,
}

impl Nearest<'_> {
    /// Nothing has been looked at; `list` takes k distances.
    pub(super) fn start(list: &mut [f32]) -> Nearest<'_> {
        list.fill(f32::INFINITY);
        Nearest { list, few: Lanes::all(f32::INFINITY), distance: f32::INFINITY, position: u32::MAX }
    }

    /// Only what is nearer than `than`, or as near and of a smaller id, matters; `list` takes one distance.
    pub(super) fn nearer(list: &mut [f32; 1], than: Closest) -> Nearest<'_> {
        let Closest { position, distance } = than;
        Nearest { list, few: Lanes::all(distance), distance, position }
    }

    /// Everything has been looked at: fills the list that it was started with.
    pub(super) fn finish(&mut self) {
        if let Some(few) = self.few.0.get(..self.list.len()) {
            self.list.copy_from_slice(few);
        }
    }

    /// The k-th distance.
    #[inline(always)]
    fn last(&self) -> f32 {
        let at = self.list.len() - 1;
        if at < WIDTH { self.few.0[at] } else { self.list[at] }
    }

    /// The largest bound, as computed with rounding, at which points can still matter.
    #[inline(always)]
    fn reach(&self) -> f32 {
        // Both a bound and a distance are sums of up to 1,024 rounded squares, off by 2^-24 of the sum a term at most;
        // where squares underflow, by less than the smallest normal number altogether.
        (self.last() + f32::MIN_POSITIVE) * (1.0 + 3e-4)
    }

    /// Takes in a point of S.
    #[inline(always)]
    fn take<V: Vector>(&mut self, distance: f32, position: u32, ids: &[u64]) {
        let closer = distance < self.distance
            || distance == self.distance
                && (self.position == u32::MAX || ids[position as usize] < ids[self.position as usize]);
        if closer {
            (self.distance, self.position) = (distance, position);
        }
        if self.list.len() <= WIDTH {
            // Each lane keeps what it has, takes the distance, or takes what the lane before it had.
            let (few, distance) = (V::load(&self.few), V::splat(distance));
            few.min(few.after(distance).max(distance)).store(&mut self.few);
        } else {
            put(self.list, distance);
        }
    }

    /// Takes in the points of a block of S that lie at `distances`; their positions are the first 16 of `positions`, or as
    /// many as there are.
    #[inline(always)]
    fn take_block<V: Vector>(&mut self, distances: V, positions: &[u32], ids: &[u64]) {
        let mut near = distances.at_most(V::splat(self.last()));
        if near != 0 {
            let mut stored = Lanes::all(0.0);
            distances.store(&mut stored);
            while near != 0 {
                let lane = near.trailing_zeros() as usize;
                near &= near - 1;
                if let Some(&position) = positions.get(lane) {
                    self.take::<V>(stored.0[lane], position, ids);
                }
            }
        }
    }
}

/// Squared distances of a point to a group of 16 boxes, off by rounding: `dim` rows of lower edges, then of upper ones.
#[inline(always)]
fn bounds_of<V: Vector>(rows: &[Lanes], point: &[f32]) -> V {
    let (lower, upper) = rows.split_at(point.len());
    let mut sum = V::splat(0.0);
    for ((low, high), &x) in lower.iter().zip(upper).zip(point) {
        let x = V::splat(x);
        let outside = x.sub(x.max(V::load(low)).min(V::load(high)));
        sum = sum.add(outside.mul(outside));
    }
    sum
}

/// As [`squared_distances`] to two blocks, whose sums do not wait for each other.
#[inline(always)]
fn squared_distances_of_two<V: Vector>(one: &[Lanes], other: &[Lanes], point: &[f32]) -> (V, V) {
    let mut sums = (V::splat(0.0), V::splat(0.0));
    for ((one, other), &x) in one.iter().zip(other).zip(point) {
        let x = V::splat(x);
        let (one, other) = (V::load(one).sub(x), V::load(other).sub(x));
        sums = (sums.0.add(one.mul(one)), sums.1.add(other.mul(other)));
    }
    sums
}

/// A group of 16 boxes, those of them that are still to be visited.
#[derive(Clone, Copy)]
struct Visit {
    /// Lower bounds, by lane.
    bounds: Lanes,
    /// Lanes by ascending bound, the first `count` of them.
    order: [u8; WIDTH],
    count: usize,
    /// How many of `order` were visited.
    next: usize,
    /// Index of lane 0 in its level.
    first: usize,
}

/// Levels at most: 16^8 leaves are more than S can have.
const LEVELS: usize = 8;

impl Visit {
    const NOTHING: Self = Self { bounds: Lanes::all(0.0), order: [0; WIDTH], count: 0, next: 0, first: 0 };

    /// Starts on a group whose lane 0 is box `first` of `boxes` of its level; leaves out what is beyond `reach`.
    #[inline(always)]
    fn start<V: Vector>(&mut self, bounds: V, first: usize, boxes: usize, reach: f32) {
        bounds.store(&mut self.bounds);
        let there = boxes - first;
        let near = bounds.at_most(V::splat(reach)) & if there < WIDTH { (1 << there) - 1 } else { u16::MAX };
        (self.count, self.next, self.first) = (near.count_ones() as usize, 0, first);
        let mut left = near;
        while left != 0 {
            let lane = left.trailing_zeros() as usize;
            left &= left - 1;
            // Its place is the number of those before it; of equal ones the lower lane comes first.
            let bound = V::splat(self.bounds.0[lane]);
            let before = bounds.below(bound) | bounds.at_most(bound) & ((1 << lane) - 1);
            self.order[(before & near).count_ones() as usize] = lane as u8;
        }
    }

    /// The next box, while there is one within `reach`.
    #[inline(always)]
    fn step(&mut self, reach: f32) -> Option<usize> {
        if self.next == self.count {
            return None;
        }
        let lane = usize::from(self.order[self.next]);
        self.next += 1;
        (self.bounds.0[lane] <= reach).then_some(self.first + lane)
    }
}

for_each_isa! {
    /// Takes in all points in blocks of `dim` rows; the positions of each block's lanes, one list after the other, are
    /// `positions`.
    fn scan<V>(rows: &[Lanes], positions: &[u32], ids: &[u64], point: &[f32], nearest: &mut Nearest<'_>) {
        for (block, positions) in rows.chunks_exact(point.len()).zip(positions.chunks(WIDTH)) {
            nearest.take_block(squared_distances::<V>(block, point), positions, ids);
        }
    }

    /// Takes in those points of a tree that can matter: nearest boxes first, boxes out of reach left out.
    /// `boxes[level]` has for each group of 16 boxes `dim` rows of lower and `dim` rows of upper edges, `counts[level]`
    /// says how many boxes there are; a box of level 0 is a leaf, a block of `leaves`.
    fn descend<V>(
        boxes: &[Vec<Lanes>], counts: &[usize], leaves: &[Lanes], positions: &[u32], ids: &[u64], point: &[f32],
        nearest: &mut Nearest<'_>,
    ) {
        let dim = point.len();
        let mut visits = [Visit::NOTHING; LEVELS];
        let top = boxes.len() - 1;
        let (mut level, mut group) = (top, 0);
        loop {
            let bounds = bounds_of::<V>(&boxes[level][group * 2 * dim..][..2 * dim], point);
            visits[level].start(bounds, group * WIDTH, counts[level], nearest.reach());
            if level == 0 {
                let block = |leaf: usize| &leaves[leaf * dim..][..dim];
                while let Some(leaf) = visits[0].step(nearest.reach()) {
                    let Some(other) = visits[0].step(nearest.reach()) else {
                        let distances = squared_distances::<V>(block(leaf), point);
                        nearest.take_block(distances, &positions[leaf * WIDTH..], ids);
                        break;
                    };
                    let (one, two) = squared_distances_of_two::<V>(block(leaf), block(other), point);
                    nearest.take_block(one, &positions[leaf * WIDTH..], ids);
                    nearest.take_block(two, &positions[other * WIDTH..], ids);
                }
                level = 1;
            }
            // Up to the first level that has a box within reach, and down into that.
            loop {
                if level > top {
                    return;
                }
                if let Some(index) = visits[level].step(nearest.reach()) {
                    (level, group) = (level - 1, index);
                    break;
                }
                level += 1;
            }
        }
    }

    /// The box of level `to` that a point comes to when it goes into the nearest box, level by level from the top; 0 where
    /// there is no such level.
    fn place<V>(boxes: &[Vec<Lanes>], counts: &[usize], to: usize, point: &[f32]) -> usize {
        let dim = point.len();
        let mut index = 0;
        for level in (to..boxes.len()).rev() {
            let mut bounds = Lanes::all(0.0);
            bounds_of::<V>(&boxes[level][index * 2 * dim..][..2 * dim], point).store(&mut bounds);
            let there = &bounds.0[..WIDTH.min(counts[level] - index * WIDTH)];
            let nearest = (0..there.len()).fold(0, |best, lane| if there[lane] < there[best] { lane } else { best });
            index = index * WIDTH + nearest;
        }
        index
    }

    /// The nearest of `than` and of the points of a tree, for a bound that is about as tight as it will get and boxes so
    /// few that it is faster to look at all of level 0 than to go down to it.
    fn nearer<V>(
        boxes: &[Lanes], count: usize, leaves: &[Lanes], positions: &[u32], ids: &[u64], point: &[f32],
        nearest: &mut Nearest<'_>,
    ) {
        let dim = point.len();
        for (group, rows) in boxes.chunks_exact(2 * dim).enumerate() {
            let first = group * WIDTH;
            let there = if count - first < WIDTH { (1 << (count - first)) - 1 } else { u16::MAX };
            let mut near = bounds_of::<V>(rows, point).at_most(V::splat(nearest.reach())) & there;
            while near != 0 {
                let leaf = first + near.trailing_zeros() as usize;
                near &= near - 1;
                let distances = squared_distances::<V>(&leaves[leaf * dim..][..dim], point);
                nearest.take_block(distances, &positions[leaf * WIDTH..], ids);
            }
        }
    }
}
