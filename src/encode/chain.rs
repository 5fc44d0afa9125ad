//! A network as a list of layers, each of which takes what the one before gives: what the fused plan is compiled from.
//!
//! All numbers are float64. Patches come as `densities[(y * nx + x) * channels + c]`, nm^-2.
//! Not here: how a graph becomes a chain ([`super::fold`]), and how a chain runs.

/// The largest summand, in deviations, of an affine of the densities that is folded: the first layer then adds up numbers
/// as large as that which cancel, and 128 of them are 8e-6 in float32.
pub(super) const MAX_CANCELLING: f64 = 128.0;

/// A network as a list of layers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    /// Grid points along y, 1 or more.
    pub ny: usize,
    /// Grid points along x, 1 or more.
    pub nx: usize,
    /// Channels of a patch, 1 or more.
    pub channels: usize,
    /// What the first layer's input is made of a density by: `(density - offset[c]) * factor[c]`, offsets in nm^-2 and
    /// factors in nm^2, one a channel. `None` where it was folded into the first layer.
    pub normalise: Option<(Vec<f64>, Vec<f64>)>,
    /// One or more. The last one gives a vector.
    pub layers: Vec<Layer>,
}

/// One layer. A grid of one pixel and a vector are the same thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Layer {
    /// An unpadded convolution.
    Conv {
        /// Channels that go in.
        inputs: usize,
        /// Channels that come out.
        outputs: usize,
        /// Points along y and x.
        kernel: [usize; 2],
        /// Pixels from one place of the kernel to the next, y and x, 1 or more.
        stride: [usize; 2],
        /// `weights[((o * inputs + i) * ky + y) * kx + x]`.
        weights: Vec<f64>,
        /// One an output.
        bias: Vec<f64>,
        /// Whether what is below 0 becomes 0.
        relu: bool,
    },
    /// A matrix on a vector. After a grid the vector is that grid as `i = (c * ny + y) * nx + x`.
    Dense {
        /// Values that go in.
        inputs: usize,
        /// Values that come out.
        outputs: usize,
        /// `weights[o * inputs + i]`.
        weights: Vec<f64>,
        /// One an output.
        bias: Vec<f64>,
        /// Whether what is below 0 becomes 0.
        relu: bool,
    },
    /// Exponentials over their sum, of all values; the last layer only.
    Softmax,
}
