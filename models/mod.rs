//! The networks of the papers as seeded, untrained models: an exporter's graph, and the card that goes with it.
//!
//! | file | what it is |
//! |---|---|
//! | `metric` | the metric network, 37 x 37 x 14 to 9 coordinates, as a channels-first exporter leaves it |
//! | `fingerprint` | the classifier of protein states, 37 x 37 x 14 or 72 x 72 x 14, as Keras leaves it: channels last |
//! | `vae` | the encoder of the variational autoencoder, 5 x 5 x 14 to 15 coordinates, with its dropout left in |
//! | `convolutions` | the three convolutions that the first two share |
//! | `params` | seeded params, and the species that they are made for |
//! | `graph`, `card` | the writers of `.onnx` and `.toml` |
//!
//! `metric` and the small classifier are committed beside this file; the others are large, and made where they are
//! needed. `examples/make_models.rs`, `tests/encode/` and the benches include this folder.
//! Not here: training. Distances between points of these models mean nothing.

pub mod card;
pub mod convolutions;
pub mod fingerprint;
pub mod graph;
pub mod metric;
pub mod params;
pub mod vae;

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A model's two files.
pub struct Files {
    /// What the files are called, without an ending.
    pub name: String,
    /// The bytes of `NAME.onnx`.
    pub onnx: Vec<u8>,
    /// The text of `NAME.toml`.
    pub card: String,
}

impl Files {
    /// Writes both into `folder` and gives the path of the `.onnx`.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let network = folder.join(format!("{}.onnx", self.name));
        fs::write(&network, &self.onnx)?;
        fs::write(network.with_extension("toml"), &self.card)?;
        Ok(network)
    }
}

/// The models that are committed.
pub fn committed() -> [Files; 2] {
    [metric::files(), fingerprint::SMALL.files()]
}
