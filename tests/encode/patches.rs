//! Patches for tests and benches, `densities[(y * side + x) * 14 + c]`, nm^-2.
//!
//! Not here: what a network makes of them.

use crate::models::params::{SPECIES, SplitMix64};

/// A patch of `side` x `side` points as the DDFT makes them: a smooth hill or dip of each lipid somewhere, and noise on
/// each pixel.
pub fn random_patch(seed: u64, side: usize) -> Vec<f32> {
    let mut random = SplitMix64(seed);
    let mut densities = vec![0.0; side * side * 14];
    let last = (side - 1) as f64;
    for (c, (_, fraction, deviation)) in SPECIES.iter().enumerate() {
        let (x0, y0) = (random.uniform(0.0, last), random.uniform(0.0, last));
        let (height, width) = (random.uniform(-3.0, 3.0) * deviation, random.uniform(0.08, 0.33) * last);
        for p in 0..side * side {
            let (dx, dy) = ((p % side) as f64 - x0, (p / side) as f64 - y0);
            let hill = height / (1.0 + (dx * dx + dy * dy) / (width * width));
            densities[p * 14 + c] = (fraction / 0.60 + hill + random.uniform(-1.2, 1.2) * deviation) as f32;
        }
    }
    densities
}
