//! The encoder `radial`: the radial profiles of the metric paper (section 4 and appendix A.1), 38 values a channel.
//!
//! For a reference pixel, the profile at `r` is the maximum of the density over the pixels whose distance from it,
//! rounded to the nearest whole number of pixels, is `r`, for `0 <= r < 19`. A channel has the profile of the centre
//! pixel, then the mean of the profiles of the four corners, each within its own quadrant. The quadrants are 19 x 19
//! pixels and share the centre row and column, so that every distance occurs in each.
//!
//! The paper takes profiles of standardised channels of its training set. There is no training set here, so densities
//! are taken as they are, nm^-2. The first 8 channels count (by default the inner leaflet), or all if there are fewer.
//!
//! Not here: normalisation; grids other than 37 x 37, the only odd square one whose incircle is `r < 19`.

use crate::error::{Result, unsupported};
use crate::patch::Shape;

/// Grid points along each side.
const SIDE: usize = 37;

/// Distances of a profile: 0 .. 19 pixels.
const RADII: usize = 19;

/// Channels that have profiles, at most.
const CHANNELS: usize = 8;

/// The reference pixels: the centre, then the four corners, as `[x, y]`.
const REFERENCES: [[usize; 2]; 5] = [[18, 18], [0, 0], [36, 0], [0, 36], [36, 36]];

/// Which pixels each entry of a profile looks at.
pub(super) struct Radial {
    /// `(pixel, slot)`: pixel `y * 37 + x` counts in slot `reference * 19 + r`; by pixel, so that memory is read once.
    entries: Vec<(u16, u8)>,
    /// Channels of a patch, at least `channels`.
    stride: usize,
    /// Channels that have profiles.
    channels: usize,
}

impl Radial {
    /// The profiles of patches of `shape`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::error::ErrorKind::Unsupported) unless the grid is 37 x 37.
    pub fn new(shape: Shape) -> Result<Self> {
        if shape.nx != SIDE || shape.ny != SIDE {
            return Err(unsupported(format!(
                "radial profiles are defined for {SIDE} x {SIDE} points, not {} x {}: cut patches of that size, or use the encoder `mean`",
                shape.nx, shape.ny
            )));
        }
        let mut entries = Vec::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                for (reference, [rx, ry]) in REFERENCES.into_iter().enumerate() {
                    let (dx, dy) = (x.abs_diff(rx), y.abs_diff(ry));
                    let r = rounded_root(dx * dx + dy * dy);
                    // From a corner, dx and dy up to 18 are the quadrant; from the centre they always are.
                    if r < RADII && dx < RADII && dy < RADII {
                        entries.push(((y * SIDE + x) as u16, (reference * RADII + r) as u8));
                    }
                }
            }
        }
        Ok(Self { entries, stride: shape.channels, channels: shape.channels.min(CHANNELS) })
    }

    /// Coordinates of a point: 38 for each channel that counts.
    pub fn dim(&self) -> usize {
        2 * RADII * self.channels
    }

    /// Writes `point[c * 38 + r]`, the centre's profile, and `point[c * 38 + 19 + r]`, the mean of the corners'.
    pub fn profiles(&self, densities: &[f32], point: &mut [f32]) {
        let mut highest = [[f32::NEG_INFINITY; CHANNELS]; REFERENCES.len() * RADII];
        for &(pixel, slot) in &self.entries {
            let values = &densities[usize::from(pixel) * self.stride..][..self.channels];
            for (high, &value) in highest[usize::from(slot)].iter_mut().zip(values) {
                *high = if value > *high { value } else { *high };
            }
        }
        for (c, profile) in point.chunks_exact_mut(2 * RADII).enumerate() {
            let (centre, corners) = profile.split_at_mut(RADII);
            for r in 0..RADII {
                centre[r] = highest[r][c];
                let sum: f64 = (1..REFERENCES.len()).map(|q| f64::from(highest[q * RADII + r][c])).sum();
                corners[r] = (sum / 4.0) as f32;
            }
        }
    }
}

/// The root of `squared` rounded to the nearest whole number. Never a tie: `(k + 1/2)^2` is not a whole number.
fn rounded_root(squared: usize) -> usize {
    (0..).find(|k| squared <= k * k + k).unwrap_or(usize::MAX)
}
