//! Chains with seeded params: the networks of the papers, and random ones.

use crate::encode::chain::{Chain, Layer};

/// Pseudo-random numbers, splitmix64.
pub struct Random(pub u64);

impl Random {
    /// From -1 to 1.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// `count` weights that keep values of order 1 through a layer with so many inputs.
    fn weights(&mut self, count: usize, inputs: usize) -> Vec<f64> {
        (0..count).map(|_| self.next() * (6.0 / inputs as f64).sqrt()).collect()
    }

    /// A convolution.
    pub fn conv(&mut self, inputs: usize, outputs: usize, kernel: [usize; 2], stride: [usize; 2], relu: bool) -> Layer {
        let area = kernel[0] * kernel[1];
        let weights = self.weights(inputs * outputs * area, inputs * area);
        Layer::Conv { inputs, outputs, kernel, stride, weights, bias: self.weights(outputs, 60), relu }
    }

    /// A dense layer.
    pub fn dense(&mut self, inputs: usize, outputs: usize, relu: bool) -> Layer {
        let weights = self.weights(inputs * outputs, inputs);
        Layer::Dense { inputs, outputs, weights, bias: self.weights(outputs, 60), relu }
    }

    /// A patch of densities between 0 and 0.6 nm^-2, some slightly negative.
    pub fn patch(&mut self, chain: &Chain) -> Vec<f32> {
        (0..chain.ny * chain.nx * chain.channels).map(|_| (0.29 + 0.31 * self.next()) as f32).collect()
    }
}

/// Offsets and factors that densities are standardised with.
pub fn standardise(channels: usize) -> (Vec<f64>, Vec<f64>) {
    let offsets = (0..channels).map(|c| 0.2 + 0.01 * c as f64).collect();
    (offsets, (0..channels).map(|c| 6.0 - 0.1 * c as f64).collect())
}

/// The convolutions of the metric network and the classifier, and their features.
fn convs(random: &mut Random, n: usize) -> (Vec<Layer>, usize) {
    let layers = vec![
        random.conv(14, 6, [1, 1], [1, 1], true),
        random.conv(6, 16, [3, 3], [2, 2], true),
        random.conv(16, 16, [3, 3], [2, 2], true),
    ];
    let side = ((n - 3) / 2 + 1 - 3) / 2 + 1;
    (layers, 16 * side * side)
}

/// The metric network on 37 x 37 pixels.
pub fn metric() -> Chain {
    let mut random = Random(1);
    let (mut layers, features) = convs(&mut random, 37);
    layers.push(random.dense(features, 9, false));
    Chain { ny: 37, nx: 37, channels: 14, normalise: Some(standardise(14)), layers }
}

/// The fingerprint classifier of `k` classes on n x n pixels.
pub fn classifier(n: usize, k: usize) -> Chain {
    let mut random = Random(2);
    let (mut layers, features) = convs(&mut random, n);
    layers.push(random.dense(features, 4 * k, true));
    layers.push(random.dense(4 * k, k, false));
    layers.push(Layer::Softmax);
    Chain { ny: n, nx: n, channels: 14, normalise: Some(standardise(14)), layers }
}

/// The VAE's mean on 5 x 5 pixels.
pub fn vae() -> Chain {
    let mut random = Random(3);
    let mut layers = vec![random.conv(14, 14, [1, 1], [1, 1], true)];
    let sizes = [350, 700, 350, 175, 80, 40, 20, 15];
    for (at, pair) in sizes.windows(2).enumerate() {
        layers.push(random.dense(pair[0], pair[1], at < 6));
    }
    Chain { ny: 5, nx: 5, channels: 14, normalise: Some(standardise(14)), layers }
}
