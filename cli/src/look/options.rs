//! The options of `ls`, `inspect` and `gc`, and their help.
//!
//! Not here: what is done with them ([`super::list`], [`super::inspect`], [`super::sweep`]).

use clap::Args;

use super::target::Target;

/// What to list.
#[derive(Args, Debug, Clone)]
pub struct ListOptions {
    /// shm:NAME, a segment and its lanes, or dir:PATH, a folder of jobs; without any, all segments of yours
    #[arg(value_name = "NAME")]
    pub targets: Vec<Target>,
}

/// What to look at.
#[derive(Args, Debug, Clone)]
pub struct InspectOptions {
    /// shm:NAME or NAME, a segment; dir:PATH, a folder of jobs
    #[arg(value_name = "NAME")]
    pub target: Target,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// What to clear up.
#[derive(Args, Debug, Clone)]
pub struct SweepOptions {
    /// shm:NAME, a segment and its lanes, or dir:PATH, a folder of jobs; without any, all segments of yours
    #[arg(value_name = "NAME")]
    pub targets: Vec<Target>,

    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}
