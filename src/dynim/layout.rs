//! The settings of a sampler with several queues: what each queue samples by, when it may be picked from, and its share.
//!
//! Not here: one queue with the published settings ([`super::Config`]), which point goes to which queue
//! ([`super::Routes`], or any function of the host), where bins lie ([`super::Bins`]).

use super::bins::Bins;
use super::config::{Config, Mode};
use crate::error::{Result, argument};

/// The largest number of queues.
pub const QUEUES_MAX: usize = 1024;

/// The settings of a sampler, fixed for its life.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Coordinates of a point that distances are taken over, in `1 ..= DIM_MAX`. They come first.
    pub dim: usize,
    /// Coordinates after those, which only bins see; 0 is usual, `dim + extra` is at most `DIM_MAX`.
    pub extra: usize,
    /// Nearest selected points that a rank is the mean over, in `1 ..= K_MAX`.
    pub k: usize,
    /// How the picks of one event see each other.
    pub mode: Mode,
    /// Whether the queues share S.
    pub spaces: Spaces,
    /// What every random draw follows from. Each queue draws from a generator of its own.
    pub seed: u64,
    /// The most history rows that are kept until they are drained; 0 keeps none. A row takes 40 bytes.
    pub history: usize,
    /// The queues, 1 to `QUEUES_MAX`; their order breaks ties.
    pub queues: Vec<QueueConfig>,
}

/// Whether a rank is a distance to what any queue selected, or to what its own did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spaces {
    /// One S: a pick of one queue makes its neighbours in all queues less novel.
    #[default]
    Joint,
    /// An S for each queue, as when different encoders made their points: distances across queues mean nothing.
    Separate,
}

/// The settings of one queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueConfig {
    /// A label for people; it need not be unique.
    pub name: String,
    /// How the next candidate is chosen.
    pub kind: Kind,
    /// Candidates that an event keeps before it picks, at least 1.
    pub capacity: usize,
    /// Its share of the selected, relative to the targets of the other queues: finite, at least 0, not 0 in all. A
    /// queue of target 0 has its turn only if the others that could be picked from are ahead of their shares.
    pub target: f64,
    /// Candidates below which nothing is picked from it, at most `capacity`. What an event has after its discards
    /// counts for all its picks.
    pub min_candidates: usize,
    /// Which events `min_candidates` binds.
    pub gate: Gate,
    /// How many picks, from the first, are drawn at random, whatever its kind. A returned pick is not drawn again; what
    /// was selected outright is no pick.
    pub min_random: usize,
    /// What the ranks of its candidates are multiplied by, unless one brings a factor of its own: positive, finite.
    pub factor: f32,
}

/// Which events a queue's `min_candidates` binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// Those up to its first pick.
    #[default]
    First,
    /// All.
    Each,
}

/// How a queue chooses the next candidate, and what it discards.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Kind {
    /// Picks the highest rank, discards the lowest.
    #[default]
    Importance,
    /// Every candidate is as likely as the others. The place among the ascending ids is drawn (SplitMix64). Discards
    /// are those with the largest hash of seed and id, so that the candidates stay a uniform sample of all arrivals.
    Random,
    /// Steers how the selected are spread over bins.
    Binned(Binning),
}

/// The settings of binned sampling.
#[derive(Debug, Clone, PartialEq)]
pub struct Binning {
    /// Where the bins lie.
    pub bins: Bins,
    /// In `0 ..= 1`: 1 makes the selected flat over the bins, 0 like the candidates.
    pub novelty: f64,
    /// How a candidate is chosen inside its bin, and what the queue discards.
    pub within: Within,
}

/// How a candidate is chosen inside a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// The highest rank is picked, and the lowest of the queue is discarded.
    #[default]
    Rank,
    /// As [`Kind::Random`]: for points that have bins and no latent space.
    Random,
}

impl QueueConfig {
    /// An importance queue of capacity 35,000, target 1, no gates, and factor 1.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: Kind::default(),
            capacity: 35_000,
            target: 1.0,
            min_candidates: 0,
            gate: Gate::default(),
            min_random: 0,
            factor: 1.0,
        }
    }

    fn check(&self, coordinates: usize) -> Result<()> {
        let fail = |what: String| Err(argument(format!("queue {:?}: {what}", self.name)));
        if self.capacity == 0 {
            return fail("capacity 0 keeps no candidate: give at least 1 (35000 is usual)".into());
        }
        if self.min_candidates > self.capacity {
            let (min, capacity) = (self.min_candidates, self.capacity);
            return fail(format!("min_candidates {min} is above its capacity {capacity}, so it would never open"));
        }
        if !(self.target.is_finite() && self.target >= 0.0) {
            return fail(format!("target {} is not a share: give a finite number from 0 up", self.target));
        }
        check_factor(self.factor).or_else(|error| fail(error.to_string()))?;
        if let Kind::Binned(binning) = &self.kind {
            if !(0.0..=1.0).contains(&binning.novelty) {
                return fail(format!("novelty {} is not in 0 ..= 1: give a number in that range", binning.novelty));
            }
            binning.bins.check(coordinates).or_else(|error| fail(error.to_string()))?;
        }
        Ok(())
    }
}

/// Checks what a rank is multiplied by.
pub(super) fn check_factor(factor: f32) -> Result<()> {
    if factor.is_finite() && factor > 0.0 {
        return Ok(());
    }
    Err(crate::error::value(format!(
        "rank factor {factor} is not positive and finite: give 1 to leave ranks as they are"
    )))
}

impl Layout {
    /// One importance queue with the published settings for points of `dim` coordinates, seed 0, and no history.
    pub fn new(dim: usize) -> Self {
        Config::new(dim).into()
    }

    /// Coordinates of a point: `dim + extra`.
    pub fn coordinates(&self) -> usize {
        self.dim.saturating_add(self.extra)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument), naming the queue, the field and its range.
    pub fn check(&self) -> Result<()> {
        Config { dim: self.dim, k: self.k, capacity: 1, mode: self.mode }.check()?;
        if self.coordinates() > super::DIM_MAX {
            return Err(argument(format!(
                "sampler dim {} and extra {} are more than {} coordinates: leave some out",
                self.dim,
                self.extra,
                super::DIM_MAX
            )));
        }
        if !(1..=QUEUES_MAX).contains(&self.queues.len()) {
            return Err(argument(format!("{} queues: give 1 to {QUEUES_MAX}", self.queues.len())));
        }
        self.queues.iter().try_for_each(|queue| queue.check(self.coordinates()))?;
        let sum: f64 = self.queues.iter().map(|queue| queue.target).sum();
        if !(sum.is_finite() && sum > 0.0) {
            return Err(argument(format!("the queues' targets add up to {sum}: give one at least a share above 0")));
        }
        Ok(())
    }
}

impl From<Config> for Layout {
    fn from(config: Config) -> Self {
        Self {
            dim: config.dim,
            extra: 0,
            k: config.k,
            mode: config.mode,
            spaces: Spaces::default(),
            seed: 0,
            history: 0,
            queues: vec![QueueConfig { capacity: config.capacity, ..QueueConfig::new("all") }],
        }
    }
}
