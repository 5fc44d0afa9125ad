//! The encoder `mean`: the mean concentration of each channel, nm^-2, so the latent dimension is the channel count.
//!
//! One of the two alternatives without a network that the metric paper compares with (section 5).
//! Not here: radial profiles ([`super::radial`]).

/// Channels summed together; 16 float64 sums fit in registers.
const LANES: usize = 16;

/// Writes the mean over all pixels of each channel to `point[c]`: summed in float64 pixel by pixel, then float32.
pub(super) fn mean_concentrations(densities: &[f32], point: &mut [f32]) {
    let channels = point.len();
    let pixels = densities.len() / channels;
    for (group, out) in point.chunks_mut(LANES).enumerate() {
        let mut sums = [0.0_f64; LANES];
        for pixel in densities.chunks_exact(channels) {
            for (sum, &density) in sums.iter_mut().zip(&pixel[group * LANES..][..out.len()]) {
                *sum += f64::from(density);
            }
        }
        for (value, sum) in out.iter_mut().zip(sums) {
            *value = (sum / pixels as f64) as f32;
        }
    }
}
