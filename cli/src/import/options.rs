//! The options of `import-dynim`, and their help.
//!
//! Not here: what is done with them ([`super::run()`]).

use std::path::PathBuf;

use clap::Args;

/// What to make a run of.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// Folder with dynim's NAME.history.csv, or that file
    #[arg(value_name = "WORKSPACE")]
    pub workspace: PathBuf,

    /// Points, a row each: a .npy file of shape (n, d), float32 or float64
    #[arg(long, value_name = "FILE")]
    pub points: PathBuf,

    /// What the history calls each row: a .npy file of shape (n,), integers or text
    #[arg(long, value_name = "FILE")]
    pub ids: PathBuf,

    /// Options of the stream that is to go on with the run, in a TOML file as a stream reads it; its encoder has to be what
    /// made the points. Without it any encoder of as many coordinates goes on, with ten neighbours, picks from one ranking
    /// and the capacity that the history shows
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Folder of the run that is made; it must not be there, or be empty
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}
