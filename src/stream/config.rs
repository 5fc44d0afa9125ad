//! What a stream can be told: the options, their defaults, and a TOML file of them.
//!
//! Not here: setting them one by one ([`super::Builder`]), the keys of a queue ([`super::queues`]), what the options do
//! ([`super::Stream`] and the modules it joins).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::feedback::FeedbackConfig;
use super::jobs::JobsConfig;
use super::journal::StoreConfig;
use super::queues::QueueConfig;
use super::retention::RetentionConfig;
use crate::dynim::{self, Layout};
use crate::error::{Result, argument, io};
use crate::patch::{ProteinKind, ProteinStates, Shape, Species};

/// How serious a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something to know once.
    Info,
    /// Something was refused or will surprise.
    Warning,
}

/// Where the log goes: called by the thread that has something to say, which may be the worker, and while it holds no
/// lock of the stream.
pub type Log = Arc<dyn Fn(LogLevel, &str) + Send + Sync>;

/// All options of a stream. [`Config::default`] is a 30 nm patch of 37 x 37 points and 14 lipids, ten neighbours,
/// 35,000 candidates, inline.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Grid points of a patch along x.
    pub nx: usize,
    /// Grid points of a patch along y.
    pub ny: usize,
    /// Edge length of a patch in nm: the first and the last grid point are this far apart.
    pub size_nm: f64,
    /// The encoder: a built-in's name (`metric`, `mean`, `radial`), a path to NAME.onnx, or a folder that holds one.
    pub model: String,
    /// A classifier beside it, whose card has `[classes]`: a built-in's name (`fingerprint`), a path or a folder as above.
    /// It tells of each selected patch what class its lipids speak for, and decides nothing. None without it.
    pub classifier: Option<String>,
    /// Nearest selected points that a rank is the mean distance to, 1 or more.
    pub k: usize,
    /// Candidates kept after an event, 1 or more: the lowest ranked beyond it are discarded. 35,000 without it; where there
    /// are `queues` each has a capacity of its own, and this is left out.
    pub capacity: Option<usize>,
    /// `sequential`: ranks are updated after each pick. `batch`: all picks of an event come from one ranking.
    pub mode: dynim::Mode,
    /// What random draws follow from; importance queues draw none, but for their first `min_random` picks.
    pub seed: u64,
    /// `joint`: a pick of one queue makes its neighbours in all queues less novel. `separate`: in its own alone.
    pub spaces: dynim::Spaces,
    /// The most rows of history that are kept until they are drained, 40 bytes each, the oldest going first; 0 keeps none.
    pub history: usize,
    /// The queues. Empty: one importance queue, which takes every patch.
    pub queues: Vec<QueueConfig>,
    /// Slots of each producer's ring, a power of two from 2.
    pub slots: usize,
    /// One worker thread encodes as patches come. Otherwise the host's calls do, and there is no thread of ours.
    pub background: bool,
    /// The processor that the worker is bound to; not bound without it.
    pub worker_cpu: Option<usize>,
    /// Keeps the densities of patches that may be selected and of those that were; without it they are kept only
    /// if there is a transport.
    pub retention: Option<RetentionConfig>,
    /// Where other processes find the stream: `shm:NAME`, 1 to 59 of `A-Z a-z 0-9 . _ -`, or `dir:PATH`. Every pick is
    /// a job then, and densities are retained. Without it there is no way in but this process's own.
    pub transport: Option<String>,
    /// How many producers there will be, of this process and others, by their names: an event that the run's log does not
    /// answer waits until so many have come since the stream was opened, and where that is more than one, until each that
    /// is open has ended the step. One that closes has come for good; one that ends without is awaited again behind the last
    /// step that it ended. More may come. Without it an event waits for nobody who never came: several producers are known
    /// to be several once the second one is there.
    pub producers: Option<usize>,
    /// Options of jobs.
    pub jobs: JobsConfig,
    /// How what simulations measure comes back as tables; it does not without. Densities are retained then, unless it names
    /// what g(r) = 1 stands for.
    pub feedback: Option<FeedbackConfig>,
    /// The folder of a run, new or used, in which everything that is acknowledged or told is written down before it is:
    /// nothing of that is lost with the process. Nothing is written without it.
    pub run_dir: Option<PathBuf>,
    /// How a run is written.
    pub store: StoreConfig,
    /// What producers of other processes say of a patch's content is computed again. Everything else is checked anyway.
    pub untrusted: bool,
    /// The channels. Without it the 14 lipids.
    pub species: Option<SpeciesConfig>,
    /// The protein states, in the order of their numbers. Empty: the 18 of RAS and RAF.
    pub states: Vec<StateConfig>,
}

/// `[species]`: the channels' names, inner leaflet first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeciesConfig {
    /// One name a channel.
    pub names: Vec<String>,
    /// How many of them are of the inner leaflet.
    pub inner: usize,
}

/// `[[states]]`: a protein state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// Its name.
    pub name: String,
    /// `ras` or `raf`.
    pub kind: ProteinKind,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nx: 37,
            ny: 37,
            size_nm: 30.0,
            model: if cfg!(feature = "fused") { "metric" } else { "mean" }.into(),
            classifier: None,
            k: 10,
            capacity: None,
            mode: dynim::Mode::Sequential,
            seed: 0,
            spaces: dynim::Spaces::Joint,
            history: 0,
            queues: Vec::new(),
            slots: 64,
            background: false,
            worker_cpu: None,
            retention: None,
            transport: None,
            producers: None,
            jobs: JobsConfig::default(),
            feedback: None,
            run_dir: None,
            store: StoreConfig::default(),
            untrusted: false,
            species: None,
            states: Vec::new(),
        }
    }
}

impl Config {
    /// Reads a TOML file whose keys are this struct's fields; what it does not name keeps its default.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if it cannot be read,
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for an unknown key or a value of another type.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| io(format!("cannot read the configuration {}: {error}", path.display())))?;
        toml::from_str(&text)
            .map_err(|error| argument(format!("the configuration {}: {}", path.display(), error.to_string().trim())))
    }

    /// What the sampler is told, for points of `dim` coordinates.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a capacity beside those of the queues. The sampler
    /// checks the rest.
    pub(super) fn layout(&self, dim: usize) -> Result<Layout> {
        let queues = match (self.capacity, &self.queues[..]) {
            (Some(capacity), []) => vec![dynim::QueueConfig { capacity, ..dynim::QueueConfig::new("all") }],
            (None, []) => vec![dynim::QueueConfig::new("all")],
            (Some(capacity), [first, ..]) => {
                return Err(argument(format!(
                    "capacity {capacity} of the stream, and queues, which have their own ({:?} has {}): set it in each \
                     queue",
                    first.queue.name, first.queue.capacity
                )));
            }
            (None, queues) => queues.iter().map(|queue| queue.queue.clone()).collect(),
        };
        let (k, mode, seed) = (self.k, self.mode, self.seed);
        Ok(Layout { k, mode, seed, spaces: self.spaces, history: self.history, queues, ..Layout::new(dim) })
    }

    /// The shape of a patch.
    pub(super) fn shape(&self) -> Result<Shape> {
        Shape::new(self.nx, self.ny, self.species()?.len())
    }

    /// The channels.
    pub(super) fn species(&self) -> Result<Species> {
        match &self.species {
            None => Ok(Species::default()),
            Some(species) => Species::new(species.names.clone(), species.inner),
        }
    }

    /// The protein states.
    pub(super) fn states(&self) -> Result<ProteinStates> {
        if self.states.is_empty() {
            return Ok(ProteinStates::default());
        }
        ProteinStates::new(self.states.iter().map(|state| (state.name.clone(), state.kind)).collect())
    }
}
