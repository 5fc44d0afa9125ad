//! The graph of the metric network for 37 x 37 x 14 patches, as an exporter leaves it, with seeded, untrained params.
//!
//! Source: the metric paper, appendix A.2. In: `patch`, float32 (1, 14, 37, 37), standardised, axes batch, channel, y, x.
//! Out: `point`, float32 (1, 9). The last convolution's output is flattened in the order y, x, channel, as Keras does.
//! Not here: the convolutions ([`super::convolutions`]).

use super::Files;
use super::card::{Card, Kind};
use super::convolutions::Convolutions;
use super::graph::{Attribute, Graph};
use super::params::{Norm, SplitMix64};

/// The seed of the committed params.
pub const SEED: u64 = 1;

/// What the files are called.
const NAME: &str = "metric-37x37x14";

/// All params of the network.
pub struct Params {
    pub convolutions: Convolutions,
    /// (9, 1024), and a bias; input `(y * 8 + x) * 16 + channel`.
    pub dense: Vec<f32>,
    pub dense_bias: Vec<f32>,
    pub norm4: Norm,
}

impl Params {
    /// The params that `seed` gives.
    pub fn seeded(seed: u64) -> Self {
        let mut random = SplitMix64(seed);
        Self {
            convolutions: Convolutions::seeded(&mut random),
            dense: random.glorot(9 * 1024, 1024, 9),
            dense_bias: random.list(9, -0.05, 0.05),
            norm4: random.norm(9, 0.0, 1.0),
        }
    }
}

/// The files that are committed.
pub fn files() -> Files {
    let onnx = onnx(&Params::seeded(SEED));
    Files { name: NAME.into(), card: card(&super::card::sha256(&onnx)), onnx }
}

/// The bytes of the `.onnx` file.
pub fn onnx(params: &Params) -> Vec<u8> {
    let mut graph = Graph::default();
    let g = &mut graph;
    g.end(false, "patch", &[1, 14, 37, 37]);
    g.end(true, "point", &[1, 9]);
    params.convolutions.tensors(g);
    g.tensor("dense", &[9, 1024], &params.dense);
    g.tensor("dense_bias", &[9], &params.dense_bias);

    params.convolutions.nodes(g, "patch");
    g.node("Transpose", &["norm3"], "pixels", &[Attribute::Ints("perm", &[0, 2, 3, 1])]);
    g.node("Flatten", &["pixels"], "flat", &[Attribute::Int("axis", 1)]);
    g.node("Gemm", &["flat", "dense", "dense_bias"], "linear", &[Attribute::Int("transB", 1)]);
    g.norm("linear", "point", &params.norm4);
    graph.onnx("metric", "The metric network with seeded, untrained params.")
}

/// The text of the card that goes with an `.onnx` of `sha256`.
pub fn card(sha256: &str) -> String {
    let card = Card {
        what: "The metric network (metric paper, A.2) for patches of 37 x 37 points and 14 lipid densities.",
        name: NAME,
        sha256,
        meaning: "distances between its points mean nothing",
        latent_dimension: 9,
        side: 37,
        layout: "chw",
        kind: Kind::Standardise,
        classes: &[],
    };
    card.text()
}
