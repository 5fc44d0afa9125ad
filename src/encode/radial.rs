//! The encoder `radial`: the radial profiles of the metric paper (section 4 and appendix A.1), 38 values a channel for
//! 37 x 37 points.
//!
//! For a reference pixel, the profile at `r` is the maximum of the standardised density over the pixels whose distance
//! from it, rounded to the nearest whole number of pixels, is `r`, for `0 <= r < (n + 1) / 2` on an n x n grid. A channel
//! has the profile of the centre pixel, then the mean of the profiles of the four corners, each within its own quadrant.
//! Quadrants share the centre row and column, so that every distance occurs in each. The first 8 channels count (by
//! default the inner leaflet), or all if there are fewer.
//!
//! In: `densities[(y * n + x) * channels + c]`, nm^-2. Out: deviations from the mean.
//! Not here: where the means and deviations come from ([`super::model`]); grids without a centre pixel.

use crate::error::{Result, unsupported};
use crate::patch::Shape;

/// Channels that have profiles, at most.
const CHANNELS: usize = 8;

/// Which pixels each entry of a profile looks at, and how densities are standardised.
pub(super) struct Radial {
    /// `(pixel, slot)`: pixel `y * n + x` counts in slot `reference * radii + r`; by pixel, so that memory is read once.
    entries: Vec<(u32, u32)>,
    /// Distances of a profile.
    radii: usize,
    /// Channels of a patch, at least as many as there are `constants`.
    stride: usize,
    /// What is subtracted from a density and what the difference is multiplied by, for each channel that counts.
    constants: Vec<(f32, f32)>,
}

/// The reference pixels: the centre, then the four corners.
const REFERENCES: usize = 5;

impl Radial {
    /// Coordinates of a point for patches of `shape`: for each channel that counts two profiles.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::error::ErrorKind::Unsupported) unless the grid is an odd square.
    pub fn dim_of(shape: Shape) -> Result<usize> {
        if shape.nx != shape.ny || shape.nx.is_multiple_of(2) {
            return Err(unsupported(format!(
                "radial profiles are defined for odd squares, 37 x 37 points say, not {} x {}: cut such patches, or use the encoder `mean`",
                shape.nx, shape.ny
            )));
        }
        Ok((shape.nx + 1) * shape.channels.min(CHANNELS))
    }

    /// The profiles of patches of `shape`; `mean` and `deviation` have an entry for each channel at least that counts.
    ///
    /// # Errors
    /// As [`dim_of`](Self::dim_of).
    pub fn new(shape: Shape, mean: &[f64], deviation: &[f64]) -> Result<Self> {
        Self::dim_of(shape)?;
        let n = shape.nx;
        let (radii, end) = (n.div_ceil(2), n - 1);
        let references = [[end / 2, end / 2], [0, 0], [end, 0], [0, end], [end, end]];
        let mut entries = Vec::new();
        for y in 0..n {
            for x in 0..n {
                for (reference, [rx, ry]) in references.into_iter().enumerate() {
                    let (dx, dy) = (x.abs_diff(rx), y.abs_diff(ry));
                    let r = rounded_root(dx * dx + dy * dy);
                    // From a corner, dx and dy up to the centre are the quadrant; from the centre they always are.
                    if r < radii && dx < radii && dy < radii {
                        entries.push(((y * n + x) as u32, (reference * radii + r) as u32));
                    }
                }
            }
        }
        let counted = shape.channels.min(CHANNELS);
        let constants = mean.iter().zip(deviation).take(counted).map(|(m, d)| (*m as f32, (1.0 / d) as f32)).collect();
        Ok(Self { entries, radii, stride: shape.channels, constants })
    }

    /// Writes `point[c * 2 * radii + r]`, the centre's profile, and `point[(c * 2 + 1) * radii + r]`, the mean of the
    /// corners'.
    pub fn profiles(&self, densities: &[f32], point: &mut [f32]) {
        let (radii, channels) = (self.radii, self.constants.len());
        let mut highest = vec![[f32::NEG_INFINITY; CHANNELS]; REFERENCES * radii];
        for &(pixel, slot) in &self.entries {
            let values = &densities[pixel as usize * self.stride..][..channels];
            for (high, &value) in highest[slot as usize].iter_mut().zip(values) {
                *high = if value > *high { value } else { *high };
            }
        }
        for (c, (profile, (mean, factor))) in point.chunks_exact_mut(2 * radii).zip(&self.constants).enumerate() {
            // The factor is positive, so the highest density has the highest standardised value.
            let standard = |slot: usize| (highest[slot][c] - mean) * factor;
            let (centre, corners) = profile.split_at_mut(radii);
            for r in 0..radii {
                centre[r] = standard(r);
                let sum: f64 = (1..REFERENCES).map(|q| f64::from(standard(q * radii + r))).sum();
                corners[r] = (sum / 4.0) as f32;
            }
        }
    }
}

/// The root of `squared` rounded to the nearest whole number. Never a tie: `(k + 1/2)^2` is not a whole number.
fn rounded_root(squared: usize) -> usize {
    (0..).find(|k| squared <= k * k + k).unwrap_or(usize::MAX)
}
