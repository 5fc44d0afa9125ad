//! What a patch costs in a back-end, and how far two back-ends differ.
//!
//! Random patches: densities around those that the card normalises by; for a network without a card, values around 0 of
//! deviation 1. The same ones each time.
//! Not here: which back-ends there are ([`super::check`]).

use std::hint::black_box;
use std::time::{Duration, Instant};

use patchstream::encode::{Model, Normalise};
use patchstream::error::Result;
use patchstream::patch::PatchView;

use crate::clock::quantile;

/// Random patches that back-ends are compared on.
const PATCHES: usize = 32;
/// Patches of a batch.
pub const BATCH: usize = 16;
/// How long each measurement may take, and the most calls of one.
const LONGEST: Duration = Duration::from_millis(250);
const MOST_CALLS: usize = 20_000;

/// Random patches of one model.
pub struct Sample {
    patches: Vec<Vec<f32>>,
}

/// What one patch costs on one thread, in us.
pub struct Latency {
    /// The fastest call of one patch.
    pub fastest: f32,
    /// Half of these calls are within.
    pub p50: f32,
    /// 99 of 100 are within.
    pub p99: f32,
    /// Half of the calls of `BATCH` patches are within, divided by their number.
    pub batched: f32,
}

impl Sample {
    /// Random patches of what the model takes.
    pub fn of(model: &Model) -> Self {
        let length = model.shape().len();
        let mut random = Random(1);
        let card = model.card();
        let mut value = |i: usize| {
            if model.is_bare() {
                return random.normal();
            }
            match &card.normalise {
                Normalise::Standardise { mean, deviation } => {
                    mean[i % mean.len()] + deviation[i % mean.len()] * random.normal()
                }
                Normalise::Range { offset, range } => {
                    offset[i % offset.len()] + range[i % offset.len()] * (0.5 + 0.25 * random.normal())
                }
            }
        };
        Self { patches: (0..PATCHES).map(|_| (0..length).map(|i| value(i) as f32).collect()).collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.patches.len()
    }

    /// The points of all, one after another.
    pub fn points(&self, model: &Model) -> Result<Vec<f32>> {
        let mut points = vec![0.0; self.len() * model.dim()];
        for (patch, point) in self.patches.iter().zip(points.chunks_exact_mut(model.dim())) {
            encode(model, patch, point)?;
        }
        Ok(points)
    }
}

/// What a patch of the sample costs, its densities being in the cache.
pub fn latency(model: &Model, sample: &Sample) -> Result<Latency> {
    let mut point = vec![0.0; model.dim()];
    let patch = &sample.patches[0];
    let mut one = times(|| encode(model, black_box(patch), black_box(&mut point)))?;

    let mut points = vec![0.0; BATCH * model.dim()];
    let shape = model.shape();
    let views = sample.patches[..BATCH].iter().map(|densities| PatchView { shape, densities, proteins: &[] });
    let views: Vec<PatchView> = views.collect();
    let mut many = times(|| model.encode_many(black_box(&views), black_box(&mut points)))?;
    let us = |time: Option<f32>| time.unwrap_or(f32::NAN);
    Ok(Latency {
        fastest: us(quantile(&mut one, 0)),
        p50: us(quantile(&mut one, 50)),
        p99: us(quantile(&mut one, 99)),
        batched: us(quantile(&mut many, 50)) / BATCH as f32,
    })
}

/// The largest absolute difference of two values at one place.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).fold(0.0, |most, (a, b)| (f64::from(*a) - f64::from(*b)).abs().max(most))
}

fn encode(model: &Model, patch: &[f32], point: &mut [f32]) -> Result<()> {
    model.encode(PatchView { shape: model.shape(), densities: patch, proteins: &[] }, point)
}

/// The times of calls in us, after some that warm the cache.
fn times(mut call: impl FnMut() -> Result<()>) -> Result<Vec<f32>> {
    for _ in 0..3 {
        call()?;
    }
    let mut times = Vec::new();
    let started = Instant::now();
    while times.is_empty() || (started.elapsed() < LONGEST && times.len() < MOST_CALLS) {
        let begin = Instant::now();
        call()?;
        times.push(begin.elapsed().as_secs_f32() * 1e6);
    }
    Ok(times)
}

/// Random numbers by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    /// Within 0 and 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Of mean 0 and deviation 1, nearly normal: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_have_the_deviation_that_they_should() {
        let mut random = Random(3);
        let values: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn the_largest_difference_is_found_wherever_it_is() {
        assert_eq!(largest_difference(&[1.0, 2.0, 3.0], &[1.0, 2.5, 2.0]), 1.0);
        assert_eq!(largest_difference(&[], &[]), 0.0);
    }
}
