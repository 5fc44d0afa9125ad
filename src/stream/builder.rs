//! Making a stream, option by option.
//!
//! Not here: what the options are ([`super::Config`]).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Stream;
use super::config::{Config, Log, LogLevel};
use super::feedback::FeedbackConfig;
use super::jobs::JobsConfig;
use super::journal::StoreConfig;
use super::queues::QueueConfig;
use super::retention::RetentionConfig;
use super::route::Route;
use crate::dynim;
use crate::error::Result;
use crate::patch::{Constellation, Meta};
use crate::sync::AtomicBool;

/// Makes a [`Stream`]: `Stream::builder().capacity(10_000).open()`.
#[derive(Clone, Default)]
pub struct Builder {
    pub(super) config: Config,
    pub(super) log: Option<Log>,
    pub(super) route: Option<Route>,
    pub(super) stop: Option<Arc<AtomicBool>>,
    pub(super) run_text: Option<String>,
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

    /// A classifier beside the encoder, as [`Config::classifier`] says.
    #[must_use]
    pub fn classifier(mut self, name_or_path: impl Into<String>) -> Self {
        self.config.classifier = Some(name_or_path.into());
        self
    }

    /// Candidates kept after an event, where there are no [`queue`](Self::queue)s.
    #[must_use]
    pub fn capacity(mut self, candidates: usize) -> Self {
        self.config.capacity = Some(candidates);
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

    /// What random draws follow from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Rows of history that are kept until they are drained.
    #[must_use]
    pub fn history(mut self, rows: usize) -> Self {
        self.config.history = rows;
        self
    }

    /// Whether the queues share what was selected.
    #[must_use]
    pub fn spaces(mut self, spaces: dynim::Spaces) -> Self {
        self.config.spaces = spaces;
        self
    }

    /// Adds a queue, which these constellations go to: `RAS:RAF` each, or `"*"` for all that no queue names.
    #[must_use]
    pub fn queue(mut self, queue: dynim::QueueConfig, constellations: &[&str]) -> Self {
        let constellations = constellations.iter().map(|word| word.to_string()).collect();
        self.config.queues.push(QueueConfig { queue, constellations });
        self
    }

    /// Routes patches by a function: the number of the queue, from 0 in the order of the queues, for a patch and its
    /// constellation. A patch with a number that is no queue's is left out, counted and logged. The queues then name no
    /// constellations.
    ///
    /// The same patch has to get the same answer every time, or decisions are not reproducible. The function is called
    /// once a patch, before it is encoded, by the thread that takes it in: one in a call of the stream, or the worker.
    /// The stream is locked meanwhile: calls of the function on a stream or a producer are errors. A panic of it breaks
    /// the stream.
    #[must_use]
    pub fn route(mut self, route: impl Fn(&Meta<'_>, Constellation) -> usize + Send + Sync + 'static) -> Self {
        self.route = Some(Arc::new(route));
        self
    }

    /// Options of jobs.
    #[must_use]
    pub fn jobs(mut self, jobs: JobsConfig) -> Self {
        self.config.jobs = jobs;
        self
    }

    /// How what simulations measure comes back, as [`Config::feedback`] says.
    #[must_use]
    pub fn feedback(mut self, feedback: FeedbackConfig) -> Self {
        self.config.feedback = Some(feedback);
        self
    }

    /// Writes a run into this folder, or goes on with the one that is there, as [`Config::run_dir`] says.
    #[must_use]
    pub fn run_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.run_dir = Some(path.into());
        self
    }

    /// How the run is written.
    #[must_use]
    pub fn store(mut self, store: StoreConfig) -> Self {
        self.config.store = store;
        self
    }

    /// What a new run's `run.toml` says of how it was made, for whoever makes it: [`store::look`](crate::store::look)
    /// gives it back. Without it, what the stream was told.
    #[must_use]
    pub fn run_text(mut self, text: impl Into<String>) -> Self {
        self.run_text = Some(text.into());
        self
    }

    /// Keeps densities, as [`Config::retention`] says.
    #[must_use]
    pub fn retention(mut self, retention: RetentionConfig) -> Self {
        self.config.retention = Some(retention);
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

    /// Where other processes find the stream, as [`Config::transport`] says.
    #[must_use]
    pub fn transport(mut self, transport: impl Into<String>) -> Self {
        self.config.transport = Some(transport.into());
        self
    }

    /// How many producers there will be, as [`Config::producers`] says.
    #[must_use]
    pub fn producers(mut self, count: usize) -> Self {
        self.config.producers = Some(count);
        self
    }

    /// Whether the content of other processes' patches is hashed again, as [`Config::untrusted`] says.
    #[must_use]
    pub fn untrusted(mut self, yes: bool) -> Self {
        self.config.untrusted = yes;
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
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape)), those of [`Model::open`](crate::encode::Model::open), and
    /// those of [`Door::create`](crate::lane::Door::create) with a transport
    /// ([`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if another stream has it), and
    /// [`ErrorKind::Model`](crate::error::ErrorKind::Model) for a classifier whose card has no classes or whose outputs
    /// are no probabilities.
    pub fn open(self) -> Result<Stream> {
        Stream::open(self)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
