//! Which densities a network may see: finite, and within bounds given for each channel.
//!
//! relu turns what is not a number into 0, so nothing after the input would notice it.
//! Not here: the message about a density that is not sound ([`super::super::network`]).

use super::lanes::{Lanes, WIDTH};

/// Bounds of densities, nm^-2.
#[derive(Debug)]
pub(super) struct Sound {
    /// A sum of squares of densities below this proves that each of them is sound.
    pub squares: f32,
    /// Lowest sound value of each density of 16 pixels: value `i` of them is lane `i % 16` of line `i / 16`.
    pub low: Vec<Lanes>,
    /// Highest, likewise.
    pub high: Vec<Lanes>,
}

impl Sound {
    /// Of one lowest and one highest value a channel, none of them NaN.
    pub fn new(low: &[f32], high: &[f32]) -> Self {
        let spread = |bounds: &[f32]| {
            let line = |k: usize| {
                let lanes: [f32; WIDTH] = std::array::from_fn(|lane| bounds[(k * WIDTH + lane) % bounds.len()]);
                // An infinite bound would let an infinite density pass.
                Lanes(lanes.map(|bound| bound.clamp(f32::MIN, f32::MAX)))
            };
            (0..bounds.len()).map(line).collect()
        };
        // Whatever is no farther from 0 than `least` is sound.
        let least = low.iter().zip(high).fold(f32::MAX, |least, (low, high)| least.min(-low).min(*high));
        // However a sum of squares is rounded, it is not less than the largest of them, rounded; squares below the least
        // normal number may be lost.
        let squares = if least > 1e-15 { (f64::from(least).powi(2) * 0.99).min(f64::from(f32::MAX)) } else { 0.0 };
        Self { squares: squares as f32, low: spread(low), high: spread(high) }
    }
}
