//! The networks as the papers describe them, their cards included, one number at a time in float64.
//!
//! Not here: the params ([`crate::models`]).

use crate::models::convolutions::Convolutions;
use crate::models::params::{EPSILON, Norm, SPECIES};
use crate::models::{fingerprint, metric, vae};

/// An image in float64, `at(c, y, x)`.
struct Image {
    channels: usize,
    side: usize,
    values: Vec<f64>,
}

impl Image {
    /// A patch, `densities[(y * side + x) * 14 + c]`, by what `normalise` makes of a channel's densities.
    fn of(densities: &[f32], normalise: impl Fn(usize, f64) -> f64) -> Self {
        let side = (densities.len() / 14).isqrt();
        let at = |i: usize| normalise(i / (side * side), densities[i % (side * side) * 14 + i / (side * side)].into());
        Self { channels: 14, side, values: (0..densities.len()).map(at).collect() }
    }

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

    /// The shared convolutions, their depthwise one first.
    fn convolved(&self, params: &Convolutions) -> Self {
        let mut channels84 = Self { channels: 84, side: self.side, values: Vec::new() };
        for c in 0..84 {
            let plane = &self.values[c / 6 * self.side * self.side..][..self.side * self.side];
            channels84.values.extend(plane.iter().map(|value| f64::from(params.depthwise[c]) * value));
        }
        let stage1 = channels84.stage(&params.pointwise, 1, 1, &params.pointwise_bias, &params.norm1);
        let stage2 = stage1.stage(&params.conv2, 3, 2, &params.conv2_bias, &params.norm2);
        stage2.stage(&params.conv3, 3, 2, &params.conv3_bias, &params.norm3)
    }

    /// Its values in the order y, x, channel.
    fn channels_last(&self) -> Vec<f64> {
        let pixels = self.side * self.side;
        (0..self.values.len()).map(|i| self.values[i % self.channels * pixels + i / self.channels]).collect()
    }
}

fn normalised(value: f64, norm: &Norm, c: usize) -> f64 {
    let [scale, shift, mean, variance] =
        [&norm.scale, &norm.shift, &norm.mean, &norm.variance].map(|list| f64::from(list[c]));
    scale * (value - mean) / (variance + f64::from(EPSILON)).sqrt() + shift
}

/// A dense layer; `param(output, input)`.
fn dense(input: &[f64], bias: &[f32], param: impl Fn(usize, usize) -> f32) -> Vec<f64> {
    let output = |(o, bias): (usize, &f32)| {
        f64::from(*bias) + input.iter().enumerate().map(|(i, x)| f64::from(param(o, i)) * x).sum::<f64>()
    };
    bias.iter().enumerate().map(output).collect()
}

/// A number as a card states it, with so many digits behind the point.
fn stated(value: f64, digits: i32) -> f64 {
    (value * 10_f64.powi(digits)).round() / 10_f64.powi(digits)
}

/// As the cards of the convolutional networks say.
fn standardised(c: usize, density: f64) -> f64 {
    (density - stated(SPECIES[c].1 / 0.60, 4)) / SPECIES[c].2
}

/// The metric network's point.
pub fn naive_metric(params: &metric::Params, densities: &[f32]) -> Vec<f64> {
    let image = Image::of(densities, standardised).convolved(&params.convolutions);
    assert_eq!((image.channels, image.side), (16, 8));
    let flat = image.channels_last();
    let linear = dense(&flat, &params.dense_bias, |o, i| params.dense[o * flat.len() + i]);
    linear.iter().enumerate().map(|(o, value)| normalised(*value, &params.norm4, o)).collect()
}

/// The classifier's probabilities.
pub fn naive_fingerprint(params: &fingerprint::Params, densities: &[f32]) -> Vec<f64> {
    let flat = Image::of(densities, standardised).convolved(&params.convolutions).channels_last();
    let [wide, k] = [params.dense1_bias.len(), params.dense2_bias.len()];
    let mut hidden = dense(&flat, &params.dense1_bias, |o, i| params.dense1[i * wide + o]);
    hidden.iter_mut().for_each(|value| *value = value.max(0.0));
    let logits = dense(&hidden, &params.dense2_bias, |o, i| params.dense2[i * k + o]);
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.iter().map(|logit| logit.exp() / sum).collect()
}

/// The autoencoder's mean.
pub fn naive_vae(params: &vae::Params, densities: &[f32]) -> Vec<f64> {
    let range = |c: usize, density: f64| {
        let (_, fraction, deviation) = SPECIES[c];
        (density - stated(fraction / 0.60 - 2.0 * deviation, 4)) / stated(4.0 * deviation, 3)
    };
    let image = Image::of(densities, range).stage(&params.conv, 1, 1, &params.conv_bias, &params.conv_norm);
    let mut values = image.values;
    for layer in &params.dense {
        values = dense(&values, &layer.bias, |o, i| layer.params[o * values.len() + i]);
        if let Some(norm) = &layer.norm {
            values = values.iter().enumerate().map(|(o, value)| normalised(value.max(0.0), norm, o)).collect();
        }
    }
    values
}
