//! Tests of feedback, and what several of them need.
//!
//! Not here: the sampler's weights on a field with known statistics (`tests/feedback.rs`).

mod means;
mod potentials;
mod rdf;
mod samples;
mod tables;

use super::*;

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(f64::MIN_POSITIVE).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A simulation of state 0 with one reference bead and a density of 1 of each lipid.
pub(super) fn simulation(job: u64, lipids: usize) -> Simulation {
    Simulation { job, state: Some(0), alone: true, references: 1, densities_nm2: vec![1.0; lipids] }
}

/// A window of RDFs.
pub(super) fn rdf<'a>(job: u64, window: u64, frames: u64, shape: &'a [u32], sums: &'a [f64]) -> Sample<'a> {
    Sample { job, observable: RDF, window, frames, shape, sums }
}
