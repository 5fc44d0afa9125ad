//! From densities (nm^-2) to a network's input: `(density - offset[c]) * factor[c]`, float32, and a look for values that
//! no density has.
//!
//! In: `densities[(y * nx + x) * channels + c]`. Out: the layout of the model's card.
//! Not here: which constants ([`super::Card`]).

use super::card::{Card, Layout};

/// Pixels that are turned from interleaved to planes together; 64 pixels of 14 channels stay in the L1 cache.
const BLOCK: usize = 64;

/// The largest normalised value, in deviations or ranges, that is taken for a density; beyond it float32 sums overflow.
const LIMIT: f32 = 1e6;

/// The constants of one model, ready for float32.
pub(super) struct Normaliser {
    /// What is subtracted from channel `c`, nm^-2.
    offset: Vec<f32>,
    /// What the difference is multiplied by: channel weight over deviation or range, nm^2.
    factor: Vec<f32>,
    layout: Layout,
}

impl Normaliser {
    /// The normaliser of a card that has been checked.
    pub fn new(card: &Card) -> Self {
        let [(_, offset), (_, divisor)] = card.normalise.constants();
        let weight = |c: usize| card.input.channel_weights.as_ref().map_or(1.0, |w| w[c]);
        Self {
            offset: offset.iter().map(|&v| v as f32).collect(),
            factor: divisor.iter().enumerate().map(|(c, d)| (weight(c) / d) as f32).collect(),
            layout: card.input.layout,
        }
    }

    /// Fills `input` from `densities`; both hold pixels x channels values. Whether all of it is a number within 10^6.
    pub fn apply(&self, densities: &[f32], input: &mut [f32]) -> bool {
        let channels = self.offset.len();
        match self.layout {
            Layout::Hwc => {
                for (to, from) in input.chunks_exact_mut(channels).zip(densities.chunks_exact(channels)) {
                    for (((v, d), offset), factor) in to.iter_mut().zip(from).zip(&self.offset).zip(&self.factor) {
                        *v = (d - offset) * factor;
                    }
                }
            }
            Layout::Chw => {
                let pixels = densities.len() / channels;
                for (block, from) in densities.chunks(BLOCK * channels).enumerate() {
                    for (c, (offset, factor)) in self.offset.iter().zip(&self.factor).enumerate() {
                        let to = &mut input[c * pixels + block * BLOCK..][..from.len() / channels];
                        for (v, pixel) in to.iter_mut().zip(from.chunks_exact(channels)) {
                            *v = (pixel[c] - offset) * factor;
                        }
                    }
                }
            }
        }
        input.iter().fold(true, |sound, v| sound & (v.abs() <= LIMIT))
    }

    /// Index of the first density whose normalised value is no number within 10^6.
    pub fn first_unsound(&self, densities: &[f32]) -> Option<usize> {
        let constants = self.offset.iter().zip(&self.factor).cycle();
        densities.iter().zip(constants).position(|(d, (offset, factor))| {
            let value = (d - offset) * factor;
            value.is_nan() || value.abs() > LIMIT
        })
    }
}
