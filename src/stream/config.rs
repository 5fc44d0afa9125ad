//! What a stream can be told: the options, their defaults, and a TOML file of them.
//!
//! Not here: what the options do ([`super::Stream`] and the modules it joins).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::Stream;
use crate::dynim;
use crate::error::{Result, argument, io};
use crate::patch::{ProteinKind, ProteinStates, Shape, Species};
use crate::sync::AtomicBool;

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
    /// Nearest selected points that a rank is the mean distance to, 1 or more.
    pub k: usize,
    /// Candidates kept after an event, 1 or more; the lowest ranked beyond it are discarded.
    pub capacity: usize,
    /// `sequential`: ranks are updated after each pick. `batch`: all picks of an event come from one ranking.
    pub mode: dynim::Mode,
    /// Slots of each producer's ring, a power of two from 2.
    pub slots: usize,
    /// One worker thread encodes as patches come. Otherwise the host's calls do, and there is no thread of ours.
    pub background: bool,
    /// The processor that the worker is bound to; not bound without it.
    pub worker_cpu: Option<usize>,
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
            model: if cfg!(feature = "tract") { "metric" } else { "mean" }.into(),
            k: 10,
            capacity: 35_000,
            mode: dynim::Mode::Sequential,
            slots: 64,
            background: false,
            worker_cpu: None,
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

/// Makes a [`Stream`]: `Stream::builder().capacity(10_000).open()`.
#[derive(Clone, Default)]
pub struct Builder {
    pub(super) config: Config,
    pub(super) log: Option<Log>,
    pub(super) stop: Option<Arc<AtomicBool>>,
}

impl Builder {
    /// Starts from these options.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Grid points of a patch along x and y.
    #[must_use]
    pub fn grid(mut self, nx: usize, ny: usize) -> Self {
        (self.config.nx, self.config.ny) = (nx, ny);
        self
    }

    /// The encoder, as [`Config::model`] says.
    #[must_use]
    pub fn model(mut self, name_or_path: impl Into<String>) -> Self {
        self.config.model = name_or_path.into();
        self
    }

    /// Candidates kept after an event.
    #[must_use]
    pub fn capacity(mut self, candidates: usize) -> Self {
        self.config.capacity = candidates;
        self
    }

    /// Nearest selected points that make a rank.
    #[must_use]
    pub fn k(mut self, k: usize) -> Self {
        self.config.k = k;
        self
    }

    /// Sequential or batch picks.
    #[must_use]
    pub fn mode(mut self, mode: dynim::Mode) -> Self {
        self.config.mode = mode;
        self
    }

    /// Slots of each producer's ring.
    #[must_use]
    pub fn slots(mut self, slots: usize) -> Self {
        self.config.slots = slots;
        self
    }

    /// Whether a worker thread encodes as patches come.
    #[must_use]
    pub fn background(mut self, yes: bool) -> Self {
        self.config.background = yes;
        self
    }

    /// Binds the worker to a processor.
    #[must_use]
    pub fn worker_cpu(mut self, cpu: usize) -> Self {
        self.config.worker_cpu = Some(cpu);
        self
    }

    /// Where the log goes. Without it there is none: the library never prints.
    #[must_use]
    pub fn log(mut self, log: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(log));
        self
    }

    /// A flag that the host may set, in a signal handler too, to the same effect as [`Stream::request_stop`].
    #[must_use]
    pub fn stop_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Opens the stream.
    ///
    /// # Errors
    /// Those of an option out of its range ([`ErrorKind::Argument`](crate::error::ErrorKind::Argument),
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape)) and those of [`Model::open`](crate::encode::Model::open).
    pub fn open(self) -> Result<Stream> {
        Stream::open(self)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
