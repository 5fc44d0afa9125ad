//! The slow obvious twin of the plan: one value after the other, in float64.
//!
//! Grids are `values[(y * nx + x) * channels + c]`.

use crate::encode::chain::{Chain, Layer};

/// The output of `chain` for a patch.
pub fn run(chain: &Chain, densities: &[f32]) -> Vec<f64> {
    let (mut ny, mut nx, mut channels) = (chain.ny, chain.nx, chain.channels);
    let mut values: Vec<f64> = densities.iter().map(|&density| f64::from(density)).collect();
    if let Some((offset, factor)) = &chain.normalise {
        for (i, value) in values.iter_mut().enumerate() {
            *value = (*value - offset[i % channels]) * factor[i % channels];
        }
    }
    for layer in &chain.layers {
        match layer {
            Layer::Conv { inputs, outputs, kernel, stride, weights, bias, relu } => {
                let (my, mx) = ((ny - kernel[0]) / stride[0] + 1, (nx - kernel[1]) / stride[1] + 1);
                let mut next = Vec::new();
                for (y, x, o) in cells(my, mx, *outputs) {
                    let mut sum = bias[o];
                    for (ky, kx, i) in cells(kernel[0], kernel[1], *inputs) {
                        let value = values[((y * stride[0] + ky) * nx + x * stride[1] + kx) * channels + i];
                        sum += weights[((o * inputs + i) * kernel[0] + ky) * kernel[1] + kx] * value;
                    }
                    next.push(if *relu { sum.max(0.0) } else { sum });
                }
                (ny, nx, channels, values) = (my, mx, *outputs, next);
            }
            Layer::Dense { inputs, outputs, weights, bias, relu } => {
                let mut flat = vec![0.0; values.len()];
                for (y, x, c) in cells(ny, nx, channels) {
                    flat[(c * ny + y) * nx + x] = values[(y * nx + x) * channels + c];
                }
                let sum = |o: usize| (0..*inputs).fold(bias[o], |sum, i| sum + weights[o * inputs + i] * flat[i]);
                values = (0..*outputs).map(|o| if *relu { sum(o).max(0.0) } else { sum(o) }).collect();
                (ny, nx, channels) = (1, 1, *outputs);
            }
            Layer::Softmax => {
                let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = values.iter().map(|value| (value - most).exp()).sum();
                values.iter_mut().for_each(|value| *value = (*value - most).exp() / sum);
            }
        }
    }
    values
}

/// All (y, x, c), c running fastest.
fn cells(ny: usize, nx: usize, channels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..ny * nx * channels).map(move |i| (i / channels / nx, i / channels % nx, i % channels))
}
