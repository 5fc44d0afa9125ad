//! What a sampler is told once: dimension, neighbours, capacity, mode.
//!
//! Not here: the sampler itself ([`super::Sampler`]).

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result, argument};

/// The largest dimension of a latent point.
pub const DIM_MAX: usize = 1024;

/// The largest number of neighbours in a rank.
pub const K_MAX: usize = 1024;

/// How the picks of one event see each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Each pick is in S before the next one is chosen: the true farthest-point rule.
    #[default]
    Sequential,
    /// All picks of an event come from the one ranking at its start, as in LLNL's `dynim`.
    Batch,
}

/// The settings of a sampler, fixed for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Coordinates of a point, in `1 ..= DIM_MAX`.
    pub dim: usize,
    /// Nearest selected points that a rank is the mean over, in `1 ..= K_MAX`.
    pub k: usize,
    /// Candidates that an event keeps before it picks, at least 1.
    pub capacity: usize,
    /// How the picks of one event see each other.
    pub mode: Mode,
}

impl Config {
    /// The published settings for points of `dim` coordinates: k = 10, 35,000 candidates, and sequential mode.
    pub fn new(dim: usize) -> Self {
        Self { dim, k: 10, capacity: 35_000, mode: Mode::default() }
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument), naming the field and its range.
    pub fn check(&self) -> Result<()> {
        for (name, given, max) in [("dim", self.dim, DIM_MAX), ("k", self.k, K_MAX)] {
            if !(1..=max).contains(&given) {
                return Err(argument(format!(
                    "sampler {name} {given} is not in 1 ..= {max}: give {name} a value in that range"
                )));
            }
        }
        if self.capacity == 0 {
            return Err(argument("sampler capacity 0 keeps no candidate: give at least 1 (35000 is usual)"));
        }
        Ok(())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Sequential => "sequential",
            Mode::Batch => "batch",
        })
    }
}

impl FromStr for Mode {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "sequential" => Ok(Mode::Sequential),
            "batch" => Ok(Mode::Batch),
            _ => Err(argument(format!("sampler mode {name:?} is unknown: write \"sequential\" or \"batch\""))),
        }
    }
}
