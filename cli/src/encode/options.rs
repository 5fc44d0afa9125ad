//! The options of `encode`, and their help. They are a contract that scripts rely on.
//!
//! Not here: what is done with them ([`super::run`]).

use std::path::PathBuf;

use clap::Args;

use crate::model::Backend;

/// The options of `encode`.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// The model: a NAME.onnx, a folder that holds exactly one, or metric, mean, radial or fingerprint. With a card
    /// NAME.toml beside it the network gets densities normalised as the card says; without one it gets the values as they
    /// are
    #[arg(long, value_name = "DIR_OR_ONNX")]
    pub model: String,

    /// The patches: a .npy file of float32, C order, shape (n, c, y, x) or (n, y, x, c), as the model's own input has it
    /// (mean and radial take the latter)
    #[arg(long, value_name = "X.npy")]
    pub patches: PathBuf,

    /// The file of points to write: .npy, float32, shape (n, d), in the order of the patches. It is replaced once all of
    /// it is there
    #[arg(long, value_name = "Z.npy")]
    pub out: PathBuf,

    /// What runs the network
    #[arg(long, value_name = "BACKEND", value_enum, default_value_t = Backend::Auto)]
    pub backend: Backend,

    /// Threads that encode; the points do not depend on their number
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,

    /// Patches in one call of the encoder, fewer where they would be more than 64 MiB; the points do not depend on it, and
    /// dense networks are faster with more
    #[arg(long, value_name = "B", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub batch: u32,

    /// Also write what was done as JSON into this file
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
}
