//! Seeded params, of about the size that trained ones have, and the lipid species that the networks are made for.
//!
//! Densities in nm^-2. Params are float32, in row-major order of their ONNX axes.
//! Not here: which of them a network has.

/// Epsilon of every batch normalisation, Keras' default.
pub const EPSILON: f32 = 1e-3;

/// Name, fraction within its leaflet, and standard deviation (nm^-2) of each channel, inner leaflet first. The DDFT
/// example's: the fractions are its own, the deviations those of one of its fields after 1,500 steps, rounded.
pub const SPECIES: [(&str, f64, f64); 14] = [
    ("POPC", 0.14, 0.060),
    ("PAPC", 0.075, 0.043),
    ("POPE", 0.055, 0.035),
    ("DIPE", 0.16, 0.065),
    ("DPSM", 0.11, 0.054),
    ("PAPS", 0.16, 0.096),
    ("PAP6", 0.02, 0.020),
    ("CHOL", 0.28, 0.091),
    ("POPC_outer", 0.24, 0.078),
    ("PAPC_outer", 0.12, 0.055),
    ("POPE_outer", 0.02, 0.017),
    ("DIPE_outer", 0.06, 0.037),
    ("DPSM_outer", 0.25, 0.080),
    ("CHOL_outer", 0.31, 0.091),
];

/// Area per lipid, nm^2: a species of fraction `f` has the mean density `f / 0.60`.
pub const AREA_PER_LIPID_NM2: f64 = 0.60;

/// Params of one batch normalisation: `scale * (x - mean) / sqrt(variance + epsilon) + shift` a channel.
pub struct Norm {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}

/// splitmix64 (Steele, Lea and Flood, 2014): every seed gives a full-period stream of 64-bit numbers.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low .. high`, from the top 53 bits.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.bits() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// So many numbers in `low .. high`.
    pub fn list(&mut self, count: usize, low: f64, high: f64) -> Vec<f32> {
        (0..count).map(|_| self.uniform(low, high) as f32).collect()
    }

    /// Glorot uniform: within `sqrt(6 / (fan_in + fan_out))` of 0.
    pub fn glorot(&mut self, count: usize, fan_in: usize, fan_out: usize) -> Vec<f32> {
        let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
        self.list(count, -limit, limit)
    }

    /// Statistics that no training gave, near those of `centre` and `spread`: each channel differs, so that leaving
    /// one out or swapping two shows.
    pub fn norm(&mut self, channels: usize, centre: f64, spread: f64) -> Norm {
        Norm {
            scale: self.list(channels, 0.9, 1.1),
            shift: self.list(channels, -0.1, 0.1),
            mean: self.list(channels, centre - 0.2 * spread, centre + 0.2 * spread),
            variance: self.list(channels, 0.8 * spread * spread, 1.2 * spread * spread),
        }
    }
}
