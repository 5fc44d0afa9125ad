//! The metric network as the paper describes it (A.2), its card included, one number at a time in float64.
//!
//! Not here: the params ([`crate::metric_graph`]).

use crate::metric_graph::{EPSILON, Norm, Params, SPECIES};

/// An image in float64, `at(c, y, x)`.
struct Image {
    channels: usize,
    side: usize,
    values: Vec<f64>,
}

impl Image {
    fn at(&self, c: usize, y: usize, x: usize) -> f64 {
        self.values[(c * self.side + y) * self.side + x]
    }

    /// An unpadded convolution, then relu, then batch normalisation.
    fn stage(&self, kernel: &[f32], side: usize, stride: usize, bias: &[f32], norm: &Norm) -> Self {
        let mut out = Self { channels: bias.len(), side: (self.side - side) / stride + 1, values: Vec::new() };
        for o in 0..out.channels {
            for y in 0..out.side {
                for x in 0..out.side {
                    let mut sum = f64::from(bias[o]);
                    for c in 0..self.channels {
                        for ky in 0..side {
                            for kx in 0..side {
                                let param = kernel[((o * self.channels + c) * side + ky) * side + kx];
                                sum += f64::from(param) * self.at(c, y * stride + ky, x * stride + kx);
                            }
                        }
                    }
                    out.values.push(normalised(sum.max(0.0), norm, o));
                }
            }
        }
        out
    }
}

fn normalised(value: f64, norm: &Norm, c: usize) -> f64 {
    let [scale, shift, mean, variance] =
        [&norm.scale, &norm.shift, &norm.mean, &norm.variance].map(|list| f64::from(list[c]));
    scale * (value - mean) / (variance + f64::from(EPSILON)).sqrt() + shift
}

/// The point of one patch, `densities[(y * 37 + x) * 14 + c]`.
pub fn naive_metric(params: &Params, densities: &[f32]) -> Vec<f64> {
    let mut channels84 = Image { channels: 84, side: 37, values: Vec::new() };
    for c in 0..14 {
        let mean = (SPECIES[c].1 / 0.60 * 1e4).round() / 1e4;
        for m in 0..6 {
            for p in 0..37 * 37 {
                let standardised = (f64::from(densities[p * 14 + c]) - mean) / SPECIES[c].2;
                channels84.values.push(f64::from(params.depthwise[c * 6 + m]) * standardised);
            }
        }
    }
    let stage1 = channels84.stage(&params.pointwise, 1, 1, &params.pointwise_bias, &params.norm1);
    let stage2 = stage1.stage(&params.conv2, 3, 2, &params.conv2_bias, &params.norm2);
    let stage3 = stage2.stage(&params.conv3, 3, 2, &params.conv3_bias, &params.norm3);
    assert_eq!((stage2.side, stage3.side), (18, 8));
    (0..9)
        .map(|j| {
            let mut sum = f64::from(params.dense_bias[j]);
            for y in 0..8 {
                for x in 0..8 {
                    for c in 0..16 {
                        sum += f64::from(params.dense[j * 1024 + (y * 8 + x) * 16 + c]) * stage3.at(c, y, x);
                    }
                }
            }
            normalised(sum, &params.norm4, j)
        })
        .collect()
}
