//! From densities (nm^-2) to a network's input: `(density - offset[c]) * factor[c]`, float32, and which densities a
//! network may see.
//!
//! In: `densities[(y * nx + x) * channels + c]`. Out: the layout of the network's input.
//! Not here: which constants ([`super::Card`]).

use super::card::Card;
#[cfg(feature = "tract")]
use super::card::Layout;

/// Pixels that are turned from interleaved to planes together; 64 pixels of 14 channels stay in the L1 cache.
#[cfg(feature = "tract")]
const BLOCK: usize = 64;

/// The largest normalised value, in deviations or ranges, that is taken for a density; beyond it float32 sums overflow.
const LIMIT: f64 = 1e6;

/// The constants of one model.
pub(super) struct Normaliser {
    /// What is subtracted from channel `c`, nm^-2.
    offset: Vec<f64>,
    /// What the difference is multiplied by: channel weight over deviation or range, nm^2.
    factor: Vec<f64>,
    /// The lowest and the highest density of channel `c` that the network may see, nm^-2.
    low: Vec<f32>,
    high: Vec<f32>,
}

impl Normaliser {
    /// The normaliser of a card that has been checked.
    pub fn new(card: &Card) -> Self {
        let [(_, offset), (_, divisor)] = card.normalise.constants();
        let weight = |c: usize| card.input.channel_weights.as_ref().map_or(1.0, |w| w[c]);
        let factor: Vec<f64> = divisor.iter().enumerate().map(|(c, d)| weight(c) / d).collect();
        // Nothing is known of what a network without a card was trained on; a channel of weight 0 has no bounds either.
        let limit = if card.sha256.is_empty() { f64::INFINITY } else { LIMIT };
        let bound = |c: usize, sign: f64| {
            (offset[c] + sign * limit / factor[c].abs()).clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
        };
        let channels = 0..offset.len();
        let (low, high) =
            (channels.clone().map(|c| bound(c, -1.0)).collect(), channels.map(|c| bound(c, 1.0)).collect());
        Self { offset: offset.to_vec(), factor, low, high }
    }

    /// Offset and factor of each channel.
    pub fn constants(&self) -> (&[f64], &[f64]) {
        (&self.offset, &self.factor)
    }

    /// Whether it leaves densities as they are.
    pub fn is_idle(&self) -> bool {
        self.offset.iter().all(|&offset| offset == 0.0) && self.factor.iter().all(|&factor| factor == 1.0)
    }

    /// The lowest and the highest density of each channel that a network may see.
    pub fn bounds(&self) -> (&[f32], &[f32]) {
        (&self.low, &self.high)
    }

    /// Densities of average patches, one a channel: what is normalised to 0.
    pub fn average(&self) -> impl Iterator<Item = f32> + Clone {
        self.offset.iter().map(|&offset| offset as f32)
    }

    /// Index of the first density that is not a number within 10^6 deviations or ranges.
    pub fn first_unsound(&self, densities: &[f32]) -> Option<usize> {
        let mut pixels = densities.chunks_exact(self.low.len()).enumerate();
        pixels.find_map(|(pixel, values)| {
            let bounds = self.low.iter().zip(&self.high);
            let at = values.iter().zip(bounds).position(|(d, (low, high))| !(low..=high).contains(&d))?;
            Some(pixel * self.low.len() + at)
        })
    }
}

/// Fills `input`, of `layout`, with `densities`, normalised by offset and factor of each channel.
#[cfg(feature = "tract")]
pub(super) fn apply((offset, factor): (&[f32], &[f32]), layout: Layout, densities: &[f32], input: &mut [f32]) {
    let channels = offset.len();
    match layout {
        Layout::Hwc => {
            for (to, from) in input.chunks_exact_mut(channels).zip(densities.chunks_exact(channels)) {
                for (((v, d), offset), factor) in to.iter_mut().zip(from).zip(offset).zip(factor) {
                    *v = (d - offset) * factor;
                }
            }
        }
        Layout::Chw => {
            let pixels = densities.len() / channels;
            for (block, from) in densities.chunks(BLOCK * channels).enumerate() {
                for (c, (offset, factor)) in offset.iter().zip(factor).enumerate() {
                    let to = &mut input[c * pixels + block * BLOCK..][..from.len() / channels];
                    for (v, pixel) in to.iter_mut().zip(from.chunks_exact(channels)) {
                        *v = (pixel[c] - offset) * factor;
                    }
                }
            }
        }
    }
}
