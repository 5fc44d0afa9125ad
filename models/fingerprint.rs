//! The fingerprint classifier, as Keras and its converter leave it, with seeded, untrained params.
//!
//! Source: the fingerprint paper, section 2.2 and table 1. In: `patch`, float32 (batch, y, x, channel), standardised.
//! Out: `classes`, float32 (batch, k), the probabilities of k protein states. The paper names no activation between the
//! two dense layers; ours is relu, since without one they would be one linear map.
//! Not here: the convolutions ([`super::convolutions`]).

use super::Files;
use super::card::{Card, Kind};
use super::convolutions::Convolutions;
use super::graph::{Attribute, Graph};
use super::params::SplitMix64;

/// One of the two sizes that the paper has.
pub struct Fingerprint {
    /// Grid points a side.
    pub side: usize,
    /// Number of classes, k.
    pub classes: usize,
}

/// 37 x 37 points, the six classes of RAS4B: committed.
pub const SMALL: Fingerprint = Fingerprint { side: 37, classes: 6 };
/// 72 x 72 points, the twelve classes of RAS4B and RAS4A.
pub const LARGE: Fingerprint = Fingerprint { side: 72, classes: 12 };

/// The seed of the params.
pub const SEED: u64 = 2;

/// Label and state, of RAS4B, of the first six classes; the next six are the same of RAS4A.
const CLASSES: [(&str, &str); 6] =
    [("alpha", "RASa"), ("beta", "RASb"), ("beta'", "RASc"), ("ma", "mRASa"), ("mb", "mRASb"), ("za", "zRASa")];

/// All params of the network.
pub struct Params {
    pub convolutions: Convolutions,
    /// (flat, 4 k), and a bias; input `(y * side + x) * 16 + channel`.
    pub dense1: Vec<f32>,
    pub dense1_bias: Vec<f32>,
    /// (4 k, k), and a bias.
    pub dense2: Vec<f32>,
    pub dense2_bias: Vec<f32>,
}

impl Fingerprint {
    /// Values that the convolutions leave.
    pub fn flat(&self) -> usize {
        16 * Convolutions::side_left(self.side).pow(2)
    }

    /// The params that `seed` gives.
    pub fn seeded(&self, seed: u64) -> Params {
        let (flat, k) = (self.flat(), self.classes);
        let mut random = SplitMix64(seed);
        Params {
            convolutions: Convolutions::seeded(&mut random),
            dense1: random.glorot(flat * 4 * k, flat, 4 * k),
            dense1_bias: random.list(4 * k, -0.05, 0.05),
            dense2: random.glorot(4 * k * k, 4 * k, k),
            dense2_bias: random.list(k, -0.05, 0.05),
        }
    }

    /// The model's files.
    pub fn files(&self) -> Files {
        let onnx = self.onnx(&self.seeded(SEED));
        let name = format!("fingerprint-{0}x{0}x14", self.side);
        Files { card: self.card(&name, &super::card::sha256(&onnx)), name, onnx }
    }

    /// The bytes of the `.onnx` file.
    pub fn onnx(&self, params: &Params) -> Vec<u8> {
        let [side, flat, k] = [self.side, self.flat(), self.classes].map(|n| n as i64);
        let mut graph = Graph::default();
        let g = &mut graph;
        g.end(false, "patch", &[0, side, side, 14]);
        g.end(true, "classes", &[0, k]);
        params.convolutions.tensors(g);
        g.numbers("flat_shape", &[-1, flat]);
        g.tensor("dense1", &[flat, 4 * k], &params.dense1);
        g.tensor("dense1_bias", &[4 * k], &params.dense1_bias);
        g.tensor("dense2", &[4 * k, k], &params.dense2);
        g.tensor("dense2_bias", &[k], &params.dense2_bias);

        g.node("Transpose", &["patch"], "planes", &[Attribute::Ints("perm", &[0, 3, 1, 2])]);
        params.convolutions.nodes(g, "planes");
        g.node("Transpose", &["norm3"], "pixels", &[Attribute::Ints("perm", &[0, 2, 3, 1])]);
        g.node("Reshape", &["pixels", "flat_shape"], "flat", &[]);
        g.node("MatMul", &["flat", "dense1"], "product1", &[]);
        g.node("Add", &["product1", "dense1_bias"], "linear1", &[]);
        g.node("Relu", &["linear1"], "relu4", &[]);
        g.node("MatMul", &["relu4", "dense2"], "product2", &[]);
        g.node("Add", &["product2", "dense2_bias"], "logits", &[]);
        g.node("Softmax", &["logits"], "classes", &[Attribute::Int("axis", -1)]);
        graph.onnx("fingerprint", "The fingerprint classifier with seeded, untrained params.")
    }

    /// The text of the card that goes with an `.onnx` of `sha256`.
    fn card(&self, name: &str, sha256: &str) -> String {
        let of = |isoform: &str, suffix: &str| {
            CLASSES.map(|(label, state)| {
                let raf = if label.len() == 2 { "-RAF" } else { "" };
                (format!("{isoform}{raf} {label}"), format!("{state}{suffix}"))
            })
        };
        let classes = [of("RAS4b", ""), of("RAS4a", "_4A")].concat();
        let card = Card {
            what: &format!(
                "The fingerprint classifier (fingerprint paper, 2.2) for patches of {0} x {0} points and 14 lipid densities.",
                self.side
            ),
            name,
            sha256,
            meaning: "its classes mean nothing",
            latent_dimension: self.classes,
            side: self.side,
            layout: "hwc",
            kind: Kind::Standardise,
            classes: &classes[..self.classes],
        };
        card.text()
    }
}
