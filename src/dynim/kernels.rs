//! The inner loops of the sampler, compiled for several instruction sets and chosen at run time.
//!
//! Each is one plain function over a [`Vector`], with a version for each instruction set. Lanes are points, never
//! dimensions, no operation is contracted or reordered, so every version gives the same bits.
//! Not here: what the loops are for ([`super::candidates`], [`super::selected`], [`super::tree`]).

use super::lanes::{Lanes, WIDTH};
use super::vector::{self, Vector};

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// All that this processor has, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                all.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") {
                all.push(Self(Kind::Avx2));
            }
        }
        all.push(Self(Kind::Portable));
        all
    }

    /// The fastest.
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// Its name: `avx512`, `avx2` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Portable => "portable",
        }
    }
}

/// Defines functions of an [`Isa`] and the arguments given, with a version for each instruction set. In the body `$v` is
/// that set's [`Vector`].
macro_rules! for_each_isa {
    ($($(#[$doc:meta])* fn $name:ident<$v:ident>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "flat arguments, so that each version is one plain loop")]
        pub(super) fn $name(isa: Isa, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn plain<$v: Vector>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                plain::<vector::Avx2>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl")]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                plain::<vector::Avx512>($($arg),*)
            }

            match isa.0 {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: such an `Isa` is made only where the processor has it.
                Kind::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                Kind::Avx2 => unsafe { avx2($($arg),*) },
                Kind::Portable => plain::<[f32; WIDTH]>($($arg),*),
            }
        }
    )*};
}

/// Squared distances of the 16 points of `block` to `point`, summed over the dimensions in order.
#[inline(always)]
fn squared_distances<V: Vector>(block: &[Lanes], point: &[f32]) -> V {
    let mut sum = V::splat(0.0);
    for (row, &x) in block.iter().zip(point) {
        let difference = V::load(row).sub(V::splat(x));
        sum = sum.add(difference.mul(difference));
    }
    sum
}

/// Puts one value into each of the 16 ascending `lists` and drops the largest of each.
#[inline(always)]
fn insert<V: Vector>(lists: &mut [Lanes], mut value: V) {
    // One step of an insertion sort a row: the smaller stays, the larger goes on down.
    for row in lists {
        let kept = V::load(row);
        value.min(kept).store(row);
        value = value.max(kept);
    }
}

/// The mean of the roots of each of 16 lists, taken from the first row down; +infinity if there are no rows.
#[inline(always)]
fn mean_of_roots<V: Vector>(lists: &[Lanes]) -> V {
    if lists.is_empty() {
        return V::splat(f32::INFINITY);
    }
    let sum = lists.iter().fold(V::splat(0.0), |sum, row| sum.add(V::load(row).sqrt()));
    sum.div(V::splat(lists.len() as f32))
}

/// The k smallest squared distances of a point to S so far, and which point of S is the nearest.
#[derive(Debug)]
pub(super) struct Nearest<'a> {
    /// Ascending; +infinity where there are fewer.
    pub list: &'a mut [f32],
    /// Squared distance of the nearest.
    pub distance: f32,
    /// Its position in S; of several the one with the smaller id. `u32::MAX` before the first.
    pub position: u32,
}

impl Nearest<'_> {
    /// Nothing has been looked at.
    pub fn start(list: &mut [f32]) -> Nearest<'_> {
        list.fill(f32::INFINITY);
        Nearest { list, distance: f32::INFINITY, position: u32::MAX }
    }

    /// Whether points in a box whose lower bound, as computed with rounding, is `bound` can still matter.
    #[inline(always)]
    fn reaches(&self, bound: f32) -> bool {
        bound <= self.reach()
    }

    /// The largest bound at which points can still matter.
    #[inline(always)]
    fn reach(&self) -> f32 {
        // Both a bound and a distance are sums of up to 1,024 rounded squares, off by 2^-24 of the sum a term at most;
        // where squares underflow, by less than the smallest normal number altogether.
        (self.list[self.list.len() - 1] + f32::MIN_POSITIVE) * (1.0 + 3e-4)
    }

    /// Takes in a point of S.
    #[inline(always)]
    fn take(&mut self, distance: f32, position: u32, ids: &[u64]) {
        let closer = distance < self.distance
            || distance == self.distance
                && (self.position == u32::MAX || ids[position as usize] < ids[self.position as usize]);
        if closer {
            (self.distance, self.position) = (distance, position);
        }
        put(self.list, distance);
    }
}

/// Puts a distance into an ascending list and drops the largest.
#[inline(always)]
fn put(list: &mut [f32], distance: f32) {
    let mut at = list.len();
    while at > 0 && distance < list[at - 1] {
        at -= 1;
    }
    if at < list.len() {
        list.copy_within(at..list.len() - 1, at + 1);
        list[at] = distance;
    }
}

/// Takes in the points of a block of S; their positions are `positions`, as many as there are points.
#[inline(always)]
fn take_block<V: Vector>(block: &[Lanes], point: &[f32], positions: &[u32], ids: &[u64], nearest: &mut Nearest<'_>) {
    let distances = squared_distances::<V>(block, point);
    let mut near = distances.at_most(V::splat(nearest.list[nearest.list.len() - 1]));
    if near != 0 {
        let mut stored = Lanes::all(0.0);
        distances.store(&mut stored);
        while near != 0 {
            let lane = near.trailing_zeros() as usize;
            near &= near - 1;
            if let Some(&position) = positions.get(lane)
                && stored.0[lane] <= nearest.list[nearest.list.len() - 1]
            {
                nearest.take(stored.0[lane], position, ids);
            }
        }
    }
}

/// Entries of a [`super::tree::Tree`]'s descent: a bound, a level above the leaves, an index in it.
type Entry = (f32, u32, u32);

/// Entries at most: 16 a level, one of which is taken off again before the next level; 2^32 points have 8 levels.
const STACK: usize = 128;

for_each_isa! {
    /// Takes in all points in blocks of `dim` rows; the positions of each block's lanes, one list after the other, are
    /// `positions`.
    fn scan<V>(rows: &[Lanes], positions: &[u32], ids: &[u64], point: &[f32], nearest: &mut Nearest<'_>) {
        for (block, positions) in rows.chunks_exact(point.len()).zip(positions.chunks(WIDTH)) {
            take_block::<V>(block, point, positions, ids, nearest);
        }
    }

    /// Puts the squared distances of `point` to elements `from .. to` of blocks of `dim` rows into an ascending list.
    fn catch_up<V>(rows: &[Lanes], from: usize, to: usize, point: &[f32], list: &mut [f32]) {
        let dim = point.len();
        for block in from / WIDTH..to.div_ceil(WIDTH) {
            let distances = squared_distances::<V>(&rows[block * dim..][..dim], point);
            if distances.below(V::splat(list[list.len() - 1])) != 0 {
                let mut stored = Lanes::all(0.0);
                distances.store(&mut stored);
                let first = block * WIDTH;
                for at in from.max(first)..to.min(first + WIDTH) {
                    put(list, stored.0[at - first]);
                }
            }
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
        let zero = V::splat(0.0);
        let mut stack: [Entry; STACK] = [(0.0, boxes.len() as u32, 0); STACK];
        let mut height = 1;
        while height > 0 {
            height -= 1;
            let (bound, level, index) = stack[height];
            if !nearest.reaches(bound) {
                continue;
            }
            let index = index as usize;
            let Some(below) = (level as usize).checked_sub(1) else {
                let block = &leaves[index * dim..][..dim];
                take_block::<V>(block, point, &positions[index * WIDTH..], ids, nearest);
                continue;
            };
            let (lower, upper) = boxes[below][index * 2 * dim..][..2 * dim].split_at(dim);
            let mut sum = zero;
            for ((low, high), &x) in lower.iter().zip(upper).zip(point) {
                let x = V::splat(x);
                let outside = V::load(low).sub(x).max(x.sub(V::load(high))).max(zero);
                sum = sum.add(outside.mul(outside));
            }
            let mut bounds = Lanes::all(0.0);
            sum.store(&mut bounds);
            let mut near = sum.at_most(V::splat(nearest.reach()));
            let boxes_left = counts[below] - index * WIDTH;
            if boxes_left < WIDTH {
                near &= (1 << boxes_left) - 1;
            }
            let first = height;
            while near != 0 {
                let lane = near.trailing_zeros() as usize;
                near &= near - 1;
                // Descending from the bottom up, so that the nearest is on top.
                let entry = (bounds.0[lane], below as u32, (index * WIDTH + lane) as u32);
                let mut at = height;
                height += 1;
                while at > first && stack[at - 1].0 < entry.0 {
                    stack[at] = stack[at - 1];
                    at -= 1;
                }
                stack[at] = entry;
            }
        }
    }

    /// Brings blocks of candidates up to date with S: `points` has `dim` rows a block, `lists` `k`. A candidate has seen
    /// the first `seen` points of S, whose coordinates are `s`, and sees them all afterwards; its rank, times its
    /// factor, is made exact.
    fn absorb<V>(
        points: &[Lanes], lists: &mut [Lanes], ranks: &mut [f32], factors: &[f32], seen: &mut [u32], s: &[f32], dim: usize,
        k: usize,
    ) {
        let len = s.len() / dim;
        let blocks = points.chunks_exact(dim).zip(lists.chunks_exact_mut(k));
        let ranks = ranks.chunks_mut(WIDTH).zip(factors.chunks(WIDTH));
        for (((points, lists), (ranks, factors)), seen) in blocks.zip(ranks).zip(seen.chunks_mut(WIDTH)) {
            let (first, last) = seen.iter().fold((u32::MAX, 0), |(low, high), &n| (low.min(n), high.max(n)));
            if first as usize == len {
                continue;
            }
            // Up to the k-th point of S each rank is a mean over one distance more, whatever that distance is.
            let mut changed = (first as usize) < k;
            for (at, pick) in s.chunks_exact(dim).enumerate().skip(first as usize) {
                let mut distances = squared_distances::<V>(points, pick);
                if at < last as usize {
                    let mut unseen = Lanes::all(f32::INFINITY);
                    distances.store(&mut unseen);
                    for (distance, &seen) in unseen.0.iter_mut().zip(&*seen) {
                        if (at as u32) < seen {
                            *distance = f32::INFINITY;
                        }
                    }
                    distances = V::load(&unseen);
                }
                if distances.below(V::load(&lists[k - 1])) != 0 {
                    insert(lists, distances);
                    changed = true;
                }
            }
            if changed {
                let mut means = Lanes::all(0.0);
                mean_of_roots::<V>(&lists[..len.min(k)]).store(&mut means);
                for ((rank, mean), factor) in ranks.iter_mut().zip(means.0).zip(factors) {
                    *rank = mean * factor;
                }
            }
            seen.fill(len as u32);
        }
    }
}
