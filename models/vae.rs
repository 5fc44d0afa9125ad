//! The encoder of the variational autoencoder for 5 x 5 x 14 patches, with seeded, untrained params, 2.3 MB.
//!
//! Source: the dynim paper, Methods: one convolution across channels, seven dense layers, batch normalisation and dropout
//! between them. Ours, where the paper is silent: 14 filters, and relu after all layers but the last. In: `patch`,
//! float32 (1, 14, 5, 5), axes batch, channel, y, x, mostly within 0 and 1. Out: `mean`, float32 (1, 15), of the latent
//! distribution. The image is flattened in the order channel, y, x, as PyTorch does; dropout is left in, which an
//! encoder passes over.
//! Not here: the other half of the last layer (the distribution's spread) and the decoder, which no encoder needs.

use super::Files;
use super::card::{Card, Kind};
use super::graph::{Attribute, Graph};
use super::params::{Norm, SplitMix64};

/// The seed of the params.
pub const SEED: u64 = 3;

/// Values before, between and after the dense layers.
pub const WIDTHS: [usize; 8] = [350, 700, 350, 175, 80, 40, 20, 15];

/// What the files are called.
const NAME: &str = "vae-5x5x14";

/// All params of the network.
pub struct Params {
    /// (14, 14, 1, 1), and a bias.
    pub conv: Vec<f32>,
    pub conv_bias: Vec<f32>,
    pub conv_norm: Norm,
    /// One for each pair of neighbours in [`WIDTHS`].
    pub dense: Vec<Dense>,
}

/// Params of a dense layer.
pub struct Dense {
    /// (outputs, inputs), and a bias.
    pub params: Vec<f32>,
    pub bias: Vec<f32>,
    /// After its relu; the last layer has neither.
    pub norm: Option<Norm>,
}

impl Params {
    /// The params that `seed` gives.
    pub fn seeded(seed: u64) -> Self {
        let mut random = SplitMix64(seed);
        let (conv, conv_bias) = (random.glorot(14 * 14, 14, 14), random.list(14, -0.05, 0.05));
        let conv_norm = random.norm(14, 0.3, 0.3);
        let last = WIDTHS.len() - 2;
        let dense = WIDTHS.windows(2).enumerate().map(|(i, pair)| Dense {
            params: random.glorot(pair[0] * pair[1], pair[0], pair[1]),
            bias: random.list(pair[1], -0.05, 0.05),
            norm: (i < last).then(|| random.norm(pair[1], 0.4, 0.6)),
        });
        Self { conv, conv_bias, conv_norm, dense: dense.collect() }
    }
}

/// The model's files.
pub fn files() -> Files {
    let onnx = onnx(&Params::seeded(SEED));
    let card = Card {
        what: "The encoder of the variational autoencoder (dynim paper, Methods) for patches of 5 x 5 points and 14 lipid densities.",
        name: NAME,
        sha256: &super::card::sha256(&onnx),
        meaning: "distances between its points mean nothing",
        latent_dimension: 15,
        side: 5,
        layout: "chw",
        kind: Kind::Range,
        classes: &[],
    };
    Files { name: NAME.into(), card: card.text(), onnx }
}

/// The bytes of the `.onnx` file.
pub fn onnx(params: &Params) -> Vec<u8> {
    let mut graph = Graph::default();
    let g = &mut graph;
    g.end(false, "patch", &[1, 14, 5, 5]);
    g.end(true, "mean", &[1, 15]);
    g.tensor("conv", &[14, 14, 1, 1], &params.conv);
    g.tensor("conv_bias", &[14], &params.conv_bias);
    g.conv(&["patch", "conv", "conv_bias"], "stage", 1, 1, 1);
    g.node("Relu", &["stage"], "relu", &[]);
    g.norm("relu", "norm", &params.conv_norm);
    g.node("Flatten", &["norm"], "flat", &[Attribute::Int("axis", 1)]);
    let mut input = "flat".to_owned();
    for (i, (layer, widths)) in params.dense.iter().zip(WIDTHS.windows(2)).enumerate() {
        let name = |what: &str| format!("{what}{}", i + 1);
        let (dense, bias) = (name("dense"), name("bias"));
        g.tensor(&dense, &[widths[1] as i64, widths[0] as i64], &layer.params);
        g.tensor(&bias, &[widths[1] as i64], &layer.bias);
        let output = if layer.norm.is_some() { name("linear") } else { "mean".into() };
        g.node("Gemm", &[&input, &dense, &bias], &output, &[Attribute::Int("transB", 1)]);
        if let Some(norm) = &layer.norm {
            let (relu, normalised, dropped) = (name("relu"), name("norm"), name("dropout"));
            g.node("Relu", &[&output], &relu, &[]);
            g.norm(&relu, &normalised, norm);
            g.node("Dropout", &[&normalised], &dropped, &[]);
            input = dropped;
        }
    }
    graph.onnx("vae", "The encoder of the variational autoencoder with seeded, untrained params.")
}
