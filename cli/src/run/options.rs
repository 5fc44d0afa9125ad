//! The options of `log`, `verify`, `replay` and `export`, and their help.
//!
//! Not here: what is done with them ([`super::log`], [`super::verify`], [`super::replay`],
//! [`super::export`]).

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

/// What to decide again.
#[derive(Args, Debug, Clone)]
pub struct ReplayOptions {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Stop before the first event of a later step
    #[arg(long, value_name = "STEP", allow_negative_numbers = true)]
    pub until: Option<i64>,

    /// Decide from points that the run's encoder makes again of the densities that the run keeps, where it keeps them
    #[arg(long)]
    pub reencode: bool,

    /// The run's encoder, if it is none of the built-in ones: a file or a folder; implies --reencode
    #[arg(long, value_name = "NAME_OR_PATH")]
    pub model: Option<String>,
}

/// What to write out.
#[derive(Args, Debug, Clone)]
pub struct ExportOptions {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Folder for the files; it is made, and files of an earlier export are replaced
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
}
