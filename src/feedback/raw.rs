//! The raw sums of one observable of one simulation, and how far its windows differ.
//!
//! Sums are kept in the narrowest type that holds all of them exactly: pair counts are whole numbers, and mostly small.
//! Layout: as the sample's. Not here: whose they are ([`super::collected`]).

use std::ops::Range;

use crate::error::{Result, value};

/// Sums over all windows so far.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) sums: Sums,
    /// Sum over windows of frames * (rate of the window - rate of all)^2, a value each; empty unless blocks are wanted. A
    /// rate is a sum over frames. Float32: it goes into error bars alone.
    pub(super) spread: Vec<f32>,
    /// Frames of all windows.
    pub(super) frames: u64,
    /// Windows that were added, ranges that do not touch, in order.
    seen: Vec<Range<u64>>,
    /// The last window, if it is the largest there can be, which no range holds.
    seen_last: bool,
    /// How many windows there are.
    pub(super) windows: u64,
}

/// Sums in one of three widths, all exact.
#[derive(Debug, Clone)]
pub(super) enum Sums {
    /// Whole numbers below 2^16.
    Short(Vec<u16>),
    /// Whole numbers below 2^32.
    Word(Vec<u32>),
    /// Anything finite.
    Double(Vec<f64>),
}

impl Raw {
    pub(super) fn new(values: usize, blocks: bool) -> Self {
        Self {
            sums: Sums::Short(vec![0; values]),
            spread: if blocks { vec![0.0; values] } else { Vec::new() },
            frames: 0,
            seen: Vec::new(),
            seen_last: false,
            windows: 0,
        }
    }

    /// Whether a window was added before.
    pub(super) fn has(&self, window: u64) -> bool {
        if window == u64::MAX {
            return self.seen_last;
        }
        let after = self.seen.partition_point(|range| range.start <= window);
        after > 0 && self.seen[after - 1].contains(&window)
    }

    /// Adds a new window. After an error nothing has changed.
    pub(super) fn add(&mut self, window: u64, frames: u64, sums: &[f64]) -> Result<()> {
        let all = self.frames.checked_add(frames).filter(|&all| all <= 1 << 53);
        let (Some(all), Some(after)) = (all, self.sums.plus(sums)) else {
            return Err(value(format!(
                "window {window} overflows the sums of {} before it: end the job",
                self.windows
            )));
        };
        if self.frames > 0 && !self.spread.is_empty() {
            let before = self.sums.to_doubles();
            // Chan, Golub and LeVeque (1983): the spread of two groups from their means.
            let (old, new) = (self.frames as f64, frames as f64);
            let share = old * new / (old + new);
            for ((spread, before), sum) in self.spread.iter_mut().zip(&before).zip(sums) {
                let apart = sum / new - before / old;
                *spread = (f64::from(*spread) + share * apart * apart) as f32;
            }
        }
        self.sums = after;
        self.frames = all;
        self.windows += 1;
        self.mark(window);
        Ok(())
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        let sums = match &self.sums {
            Sums::Short(sums) => size_of_val(&sums[..]),
            Sums::Word(sums) => size_of_val(&sums[..]),
            Sums::Double(sums) => size_of_val(&sums[..]),
        };
        sums + size_of_val(&self.spread[..]) + self.seen.capacity() * size_of::<Range<u64>>()
    }

    fn mark(&mut self, window: u64) {
        if window == u64::MAX {
            self.seen_last = true;
            return;
        }
        let at = self.seen.partition_point(|range| range.start <= window);
        let joins_before = at > 0 && self.seen[at - 1].end == window;
        let joins_after = self.seen.get(at).is_some_and(|range| range.start == window + 1);
        match (joins_before, joins_after) {
            (true, true) => self.seen[at - 1].end = self.seen.remove(at).end,
            (true, false) => self.seen[at - 1].end = window + 1,
            (false, true) => self.seen[at].start = window,
            (false, false) => self.seen.insert(at, window..window + 1),
        }
    }
}

impl Sums {
    /// These and others; none if one of them is beyond all numbers.
    fn plus(&self, others: &[f64]) -> Option<Self> {
        if let Self::Short(sums) = self
            && let Some(after) = short(sums, others)
        {
            return Some(Self::Short(after));
        }
        let after: Vec<f64> = self.to_doubles().iter().zip(others).map(|(sum, other)| sum + other).collect();
        after.iter().all(|sum| sum.is_finite()).then(|| Self::of(after))
    }

    /// `values` in the narrowest type that holds them.
    fn of(values: Vec<f64>) -> Self {
        // -0.0 is kept as 0.0 in a whole type, and a sum is the same with either.
        // All are looked at, without a branch for each: mostly all fit.
        let fits = |most: f64| {
            let fits = |x: f64| (0.0 <= x) & (x <= most) & (f64::from(x as u32) == x);
            values.iter().fold(true, |all, &x| all & fits(x))
        };
        if fits(f64::from(u16::MAX)) {
            Self::Short(values.iter().map(|&x| x as u16).collect())
        } else if fits(f64::from(u32::MAX)) {
            Self::Word(values.iter().map(|&x| x as u32).collect())
        } else {
            Self::Double(values)
        }
    }

    /// The sums as they were given.
    pub(super) fn to_doubles(&self) -> Vec<f64> {
        match self {
            Self::Short(sums) => sums.iter().map(|&x| f64::from(x)).collect(),
            Self::Word(sums) => sums.iter().map(|&x| f64::from(x)).collect(),
            Self::Double(sums) => sums.clone(),
        }
    }
}

/// Sums of whole numbers below 2^16 and others, if they are such too: as most are, in one pass without a branch for each.
fn short(sums: &[u16], others: &[f64]) -> Option<Vec<u16>> {
    let (mut after, mut fits) = (vec![0; sums.len()], true);
    for ((after, &sum), other) in after.iter_mut().zip(sums).zip(others) {
        let exact = f64::from(sum) + other;
        // What is no such number becomes another one.
        *after = exact as u16;
        fits &= f64::from(*after) == exact;
    }
    fits.then_some(after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_of_any_width_match_naive(
            rounds in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![
                        6 => (0..30_000_u32).prop_map(f64::from),
                        1 => Just(-0.0),
                        1 => prop::sample::select(vec![65_535.0, 65_536.0, 4_294_967_295.0, 0.5, -3.0, 1e300, f64::MAX]),
                    ],
                    5,
                ),
                1..6,
            ),
        ) {
            let (mut sums, mut naive) = (Sums::Short(vec![0; 5]), vec![0.0; 5]);
            for round in rounds {
                let after: Vec<f64> = naive.iter().zip(&round).map(|(a, b)| a + b).collect();
                let Some(plus) = sums.plus(&round) else {
                    prop_assert!(after.iter().any(|sum| !sum.is_finite()));
                    continue;
                };
                prop_assert_eq!(plus.to_doubles(), &after[..]);
                let whole = |most: f64| after.iter().all(|&x| (0.0..=most).contains(&x) && x.fract() == 0.0);
                match &plus {
                    Sums::Short(_) => prop_assert!(whole(65_535.0)),
                    Sums::Word(_) => prop_assert!(whole(4_294_967_295.0) && !whole(65_535.0)),
                    Sums::Double(_) => prop_assert!(!whole(4_294_967_295.0)),
                }
                (sums, naive) = (plus, after);
            }
        }
    }
}
