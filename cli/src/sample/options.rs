//! The options of `sample`, and their help. They are a contract that scripts rely on.
//!
//! Not here: what is done with them ([`super::run`]).

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use patchstream::dynim::{Binning, Bins, K_MAX, Kind, Layout, Mode, QueueConfig, Within};
use patchstream::error::{Result, argument};

/// The most that a count can be: far beyond any file, and no sum of a few of them overflows.
const MOST: u64 = 1 << 40;

/// The options of `sample`.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// The points: a .npy file of float32 or float64, C order, shape (n, d)
    #[arg(long, value_name = "P.npy")]
    pub points: PathBuf,

    /// Their ids: a .npy file of int64 or uint64, shape (n,), each in 0 ..= 2^48 - 2 and no two the same [default: the
    /// row numbers, from 0]
    #[arg(long, value_name = "IDS.npy")]
    pub ids: Option<PathBuf>,

    /// Select the first so many rows outright, in order and without a rank, before the first event
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub first: u64,

    /// Rows that arrive before each event; 0 lets all arrive at once
    #[arg(long, value_name = "B", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub batch: u64,

    /// Points to select at each event; where there are fewer, all of them
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub select: u64,

    /// Go on without arrivals until so many events are done; those with arrivals are done in any case
    #[arg(long, value_name = "E", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub events: u64,

    /// Candidates that an event keeps before it selects; the lowest ranked beyond it are discarded
    #[arg(long, value_name = "C", default_value_t = 35_000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    pub capacity: u64,

    /// Nearest selected points that a rank is the mean distance to
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=K_MAX as i64))]
    pub k: u16,

    /// How the picks of one event see each other: each is selected before the next is chosen (sequential), or all come
    /// from one ranking (batch)
    #[arg(long, default_value_t = Mode::Sequential, value_parser = modes())]
    pub mode: Mode,

    /// What chooses among the candidates
    #[arg(long, value_enum, default_value_t = Sampler::Importance)]
    pub sampler: Sampler,

    /// Of a binned sampler: 1 makes what is selected flat over the bins, 0 makes it like the candidates
    #[arg(long, value_name = "F", required_if_eq("sampler", "binned"))]
    pub novelty: Option<f64>,

    /// Of a binned sampler: where its bins lie, 1d:dim=0,min=-5,max=7,bins=20 for example; with `,periodic` it wraps.
    /// Others are spherical2:theta=0,phi=1,bins=6x12, spherical3:theta=0,phi=1,r=2,bins=6x12,min=0,max=4,shells=4 and
    /// cartesian3:x=0,y=1,z=2,min=0/0/-1,max=4/4/1,bins=4x4x2
    #[arg(long, value_name = "SPEC", required_if_eq("sampler", "binned"))]
    pub bins: Option<Bins>,

    /// Start of the random numbers of a sampler that draws some; importance draws none
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,

    /// Threads that may work on it; they change the time it takes and nothing else
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: u8,

    /// Folder for the files; it is made, and files of an earlier run are replaced
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// The samplers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sampler {
    /// The candidate farthest from what is selected comes first
    Importance,
    /// Every candidate is as likely as the others
    Random,
    /// Bins take turns, inside a bin the farthest comes first
    Binned,
}

impl Options {
    /// What the sampler is told, for points of `dim` coordinates.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for bins or novelty without the binned sampler.
    pub fn layout(&self, dim: usize) -> Result<Layout> {
        let kind = match (self.sampler, &self.bins, self.novelty) {
            (Sampler::Binned, Some(bins), Some(novelty)) => {
                Kind::Binned(Binning { bins: bins.clone(), novelty, within: Within::Rank })
            }
            (Sampler::Importance, None, None) => Kind::Importance,
            (Sampler::Random, None, None) => Kind::Random,
            _ => return Err(argument("--bins and --novelty go with --sampler binned, and it needs both")),
        };
        let capacity = usize::try_from(self.capacity).unwrap_or(usize::MAX);
        let queue = QueueConfig { kind, capacity, ..QueueConfig::new("all") };
        let (k, mode, seed) = (self.k.into(), self.mode, self.seed);
        // The rows are drained into a file several times an event.
        Ok(Layout { k, mode, seed, history: usize::MAX, queues: vec![queue], ..Layout::new(dim) })
    }
}

fn modes() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(["sequential", "batch"]).try_map(|name| name.parse::<Mode>())
}
