//! The options of `model`, and their help.
//!
//! Not here: what is done with them ([`super::check`]).

use clap::{Args, Subcommand};

/// What to do with a model.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// What to do with it.
    #[command(subcommand)]
    pub action: Action,
}

/// The subcommands of `model`.
#[derive(Subcommand, Debug, Clone)]
pub enum Action {
    /// Open a model, say what it is, and compare the back-ends that can run it
    ///
    /// Prints its card, its input and output, what was folded, which back-end runs it and why, what a patch costs on one
    /// thread in each back-end, and how far their points differ on random patches. Fails if the model cannot be opened,
    /// or if back-ends differ by more than rounding explains.
    Check {
        /// A NAME.onnx, with its card NAME.toml beside it or without one, a folder that holds exactly one .onnx,
        /// metric or fingerprint
        #[arg(value_name = "MODEL.onnx")]
        model: String,
    },
}
