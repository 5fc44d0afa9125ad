//! The three convolutions of the metric network and of the fingerprint classifier, which have them in common.
//!
//! Source: the metric paper, appendix A.2; the fingerprint paper, section 2.2. SeparableConv2D(6, depth multiplier 6,
//! kernel 1) - relu - BN - Conv(16, 3 x 3, stride 2) - relu - BN - Conv(16, 3 x 3, stride 2) - relu - BN, unpadded.
//! In: a channels-first image of 14 channels. Out: 16 channels.
//! Not here: what comes before and after.

use super::graph::Graph;
use super::params::{Norm, SplitMix64};

/// Their params.
pub struct Convolutions {
    /// (84, 1, 1, 1): channel `c` becomes `c * 6 + m`, for m in 0 .. 6.
    pub depthwise: Vec<f32>,
    /// (6, 84, 1, 1), and a bias.
    pub pointwise: Vec<f32>,
    pub pointwise_bias: Vec<f32>,
    pub norm1: Norm,
    /// (16, 6, 3, 3), and a bias.
    pub conv2: Vec<f32>,
    pub conv2_bias: Vec<f32>,
    pub norm2: Norm,
    /// (16, 16, 3, 3), and a bias.
    pub conv3: Vec<f32>,
    pub conv3_bias: Vec<f32>,
    pub norm3: Norm,
}

impl Convolutions {
    /// Grid points a side that are left of `side`.
    pub const fn side_left(side: usize) -> usize {
        ((side - 3) / 2 + 1 - 3) / 2 + 1
    }

    /// The next params of `random`: Glorot kernels as in Keras (the depthwise kernel's fans are 14 and 6), biases
    /// within 0.05 of 0, and batch statistics of about the size that random patches show.
    pub fn seeded(random: &mut SplitMix64) -> Self {
        Self {
            depthwise: random.glorot(84, 14, 6),
            pointwise: random.glorot(6 * 84, 84, 6),
            pointwise_bias: random.list(6, -0.05, 0.05),
            norm1: random.norm(6, 0.4, 0.6),
            conv2: random.glorot(16 * 6 * 9, 6 * 9, 16 * 9),
            conv2_bias: random.list(16, -0.05, 0.05),
            norm2: random.norm(16, 0.3, 0.4),
            conv3: random.glorot(16 * 16 * 9, 16 * 9, 16 * 9),
            conv3_bias: random.list(16, -0.05, 0.05),
            norm3: random.norm(16, 0.4, 0.5),
        }
    }

    /// Adds the params of the kernels.
    pub fn tensors(&self, graph: &mut Graph) {
        graph.tensor("depthwise", &[84, 1, 1, 1], &self.depthwise);
        graph.tensor("pointwise", &[6, 84, 1, 1], &self.pointwise);
        graph.tensor("pointwise_bias", &[6], &self.pointwise_bias);
        graph.tensor("conv2", &[16, 6, 3, 3], &self.conv2);
        graph.tensor("conv2_bias", &[16], &self.conv2_bias);
        graph.tensor("conv3", &[16, 16, 3, 3], &self.conv3);
        graph.tensor("conv3_bias", &[16], &self.conv3_bias);
    }

    /// Adds the nodes that make `norm3` of `input`.
    pub fn nodes(&self, graph: &mut Graph, input: &str) {
        graph.conv(&[input, "depthwise"], "channels84", 1, 1, 14);
        graph.conv(&["channels84", "pointwise", "pointwise_bias"], "stage1", 1, 1, 1);
        graph.node("Relu", &["stage1"], "relu1", &[]);
        graph.norm("relu1", "norm1", &self.norm1);
        graph.conv(&["norm1", "conv2", "conv2_bias"], "stage2", 3, 2, 1);
        graph.node("Relu", &["stage2"], "relu2", &[]);
        graph.norm("relu2", "norm2", &self.norm2);
        graph.conv(&["norm2", "conv3", "conv3_bias"], "stage3", 3, 2, 1);
        graph.node("Relu", &["stage3"], "relu3", &[]);
        graph.norm("relu3", "norm3", &self.norm3);
    }
}
