//! The options of `log` and `verify`, and their help.
//!
//! Not here: what is done with them ([`super::log`], [`super::verify`]).

use std::path::PathBuf;

use clap::Args;

/// What to print.
#[derive(Args, Debug, Clone)]
pub struct LogOptions {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Print one JSON object a line instead of text
    #[arg(long)]
    pub json: bool,
}

/// What to verify.
#[derive(Args, Debug, Clone)]
pub struct VerifyOptions {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
}
