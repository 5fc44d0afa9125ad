//! One experiment: a data set, sampled at random and by DynIm, and the divergences at each size of the samples.
//!
//! Source: the dynim paper, "Convergence study using synthetic data" and its Figure 6.
//! Not here: how densities are estimated ([`crate::density`]).

use patchstream::dynim::{Config, Sampler};
use patchstream::error::Result;

use crate::data::{Random, data_set};
use crate::density::{Mesh, divergence, uniform};

/// Points that an event selects.
const PICKS: usize = 2;
/// Sizes of the samples that are looked at: every 20th up to 500 events of two.
pub const SIZES: [usize; 50] = {
    let mut sizes = [0; 50];
    let mut at = 0;
    while at < sizes.len() {
        sizes[at] = 20 * (at + 1);
        at += 1;
    }
    sizes
};

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    RandomUniform,
    RandomTrue,
    DynimUniform,
    WeightedTrue,
}

impl Curve {
    /// In the order of their numbers.
    pub const ALL: [Self; 4] = [Self::RandomUniform, Self::RandomTrue, Self::DynimUniform, Self::WeightedTrue];

    /// Its column in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::RandomUniform => "random_vs_uniform",
            Self::RandomTrue => "random_vs_true",
            Self::DynimUniform => "dynim_vs_uniform",
            Self::WeightedTrue => "weighted_dynim_vs_true",
        }
    }
}

/// The divergences at one size, by the number of the [`Curve`].
pub type Divergences = [f64; 4];

/// The divergences at each of [`SIZES`].
///
/// All 10,000 points are candidates from the start. *True* is the density of all of them, estimated as any other.
///
/// # Errors
/// Those of the sampler: none with this data set.
pub fn run(seed: u64) -> Result<Vec<Divergences>> {
    let mut random = Random::new(seed);
    let points = data_set(&mut random);
    let mut order = points.clone();
    random.shuffle(&mut order);
    let mut sampler = Sampler::new(Config::new(2))?;
    for (id, point) in (1..).zip(&points) {
        sampler.add(id, 0, point)?;
    }

    let mesh = Mesh::around(&points);
    let even = uniform();
    let truth = mesh.density(&points, &vec![1.0; points.len()]);
    let mut selected = Vec::new();
    let mut curves = Vec::new();
    for size in SIZES {
        while selected.len() < size {
            selected.extend(sampler.select(0, PICKS).picks.iter().map(|pick| points[pick.id as usize - 1]));
        }
        let equal = vec![1.0; size];
        let weights: Vec<f64> = sampler.weights().iter().map(|weight| weight.weight).collect();
        let by_chance = mesh.density(&order[..size], &equal);
        curves.push([
            divergence(&by_chance, &even),
            divergence(&by_chance, &truth),
            divergence(&mesh.density(&selected, &equal), &even),
            divergence(&mesh.density(&selected, &weights), &truth),
        ]);
    }
    Ok(curves)
}

/// The size from which on `DynimUniform` lies above `WeightedTrue`, between two of [`SIZES`] by a straight line. None
/// if it starts or ends on the other side.
pub fn crossing(curves: &[Divergences]) -> Option<f64> {
    let above = |at: usize| curves[at][Curve::DynimUniform as usize] - curves[at][Curve::WeightedTrue as usize];
    let last_below = (0..curves.len()).rev().find(|&at| above(at) <= 0.0)?;
    if last_below + 1 == curves.len() {
        return None;
    }
    let (from, to) = (SIZES[last_below] as f64, SIZES[last_below + 1] as f64);
    let (below, above) = (-above(last_below), above(last_below + 1));
    Some(from + (to - from) * below / (below + above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_where_the_lines_meet_for_the_last_time() {
        let curves = |uniform: [f64; 4]| uniform.map(|of| [9.0, 9.0, of, 0.5]);
        assert_eq!(crossing(&curves([0.0, 0.25, 0.75, 1.0])), Some(50.0));
        assert_eq!(crossing(&curves([0.0, 1.0, 0.25, 1.5])), Some(64.0));
        assert_eq!(crossing(&curves([0.0, 1.0, 0.5, 1.0])), Some(60.0));
        assert_eq!(crossing(&curves([0.0, 1.0, 1.0, 0.25])), None);
        assert_eq!(crossing(&curves([0.75, 1.0, 1.0, 1.0])), None);
    }

    #[test]
    fn sizes_are_reached_by_whole_events() {
        assert!(SIZES.iter().all(|size| size % PICKS == 0));
        assert_eq!((SIZES[0], SIZES[49]), (20, 500 * PICKS));
    }
}
