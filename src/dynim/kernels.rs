//! The inner loops of the sampler, compiled for several instruction sets and chosen at run time.
//!
//! Each is one plain function over a [`Vector`], with a version for each instruction set. Lanes are points, never
//! dimensions, no operation is contracted or reordered, so every version gives the same bits.
//! Not here: what the loops are for ([`super::candidates`], [`super::selected`]), queries of S ([`super::descent`]).

use super::lanes::{Lanes, WIDTH};
use super::vector::Vector;

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

/// Its name, for [`for_each_isa`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("popcnt")
            {
                all.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
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

    /// Which it is.
    pub(super) fn kind(self) -> Kind {
        self.0
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
            #[target_feature(enable = "avx2,popcnt")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                plain::<$crate::dynim::vector::Avx2>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,popcnt")]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                plain::<$crate::dynim::vector::Avx512>($($arg),*)
            }

            match isa.kind() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: such an `Isa` is made only where the processor has it.
                $crate::dynim::kernels::Kind::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::dynim::kernels::Kind::Avx2 => unsafe { avx2($($arg),*) },
                $crate::dynim::kernels::Kind::Portable => plain::<[f32; $crate::dynim::lanes::WIDTH]>($($arg),*),
            }
        }
    )*};
}

pub(super) use for_each_isa;

/// Has the processor fetch rows that will be needed soon. It changes no value.
#[inline]
pub(super) fn prefetch(rows: &[Lanes]) {
    #[cfg(target_arch = "x86_64")]
    for row in rows {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has the instruction, and it never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(row).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = rows;
}

/// Squared distances of the 16 points of `block` to `point`, summed over the dimensions in order.
#[inline(always)]
pub(super) fn squared_distances<V: Vector>(block: &[Lanes], point: &[f32]) -> V {
    let mut sum = V::splat(0.0);
    for (row, &x) in block.iter().zip(point) {
        let difference = V::load(row).sub(V::splat(x));
        sum = sum.add(difference.mul(difference));
    }
    sum
}

/// Points of S that candidates are held against at a time.
const TOGETHER: usize = 4;

/// As [`squared_distances`] to each of several points, rows of as many coordinates, whose sums do not wait for each other.
#[inline(always)]
fn squared_distances_of_several<V: Vector>(block: &[Lanes], points: &[f32]) -> [V; TOGETHER] {
    let dim = block.len();
    let points: [&[f32]; TOGETHER] = std::array::from_fn(|at| &points[at * dim..][..dim]);
    let mut sums = [V::splat(0.0); TOGETHER];
    for (d, row) in block.iter().enumerate() {
        let row = V::load(row);
        for (sum, point) in sums.iter_mut().zip(points) {
            let difference = row.sub(V::splat(point[d]));
            *sum = sum.add(difference.mul(difference));
        }
    }
    sums
}

/// Puts one value into each of the 16 ascending `lists` and drops the largest of each.
#[inline(always)]
pub(super) fn insert<V: Vector>(lists: &mut [Lanes], mut value: V) {
    // One step of an insertion sort a row: the smaller stays, the larger goes on down.
    for row in lists {
        let kept = V::load(row);
        value.min(kept).store(row);
        value = value.max(kept);
    }
}

/// The same if that changes any list; whether it does.
#[inline(always)]
fn insert_if_below<V: Vector>(lists: &mut [Lanes], value: V) -> bool {
    let changes = lists.last().is_some_and(|last| value.below(V::load(last)) != 0);
    if changes {
        insert(lists, value);
    }
    changes
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

/// Puts a distance into an ascending list and drops the largest.
#[inline(always)]
pub(super) fn put(list: &mut [f32], distance: f32) {
    let mut at = list.len();
    while at > 0 && distance < list[at - 1] {
        at -= 1;
    }
    if at < list.len() {
        list.copy_within(at..list.len() - 1, at + 1);
        list[at] = distance;
    }
}

for_each_isa! {
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
            let (unequal, rest) = s[first as usize * dim..].split_at((last - first) as usize * dim);
            for (at, pick) in (first..).zip(unequal.chunks_exact(dim)) {
                let mut distances = Lanes::all(0.0);
                squared_distances::<V>(points, pick).store(&mut distances);
                for (distance, &seen) in distances.0.iter_mut().zip(&*seen) {
                    if at < seen {
                        *distance = f32::INFINITY;
                    }
                }
                changed |= insert_if_below(lists, V::load(&distances));
            }
            let mut several = rest.chunks_exact(TOGETHER * dim);
            for picks in &mut several {
                let distances = squared_distances_of_several::<V>(points, picks);
                let furthest = V::load(&lists[k - 1]);
                // Most picks are near to nobody: one branch for several.
                if distances.iter().fold(0, |any, distances| any | distances.below(furthest)) != 0 {
                    for distances in distances {
                        changed |= insert_if_below(lists, distances);
                    }
                }
            }
            for pick in several.remainder().chunks_exact(dim) {
                changed |= insert_if_below(lists, squared_distances::<V>(points, pick));
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
