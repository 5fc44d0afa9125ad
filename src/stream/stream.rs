//! What a host holds: open, add producers, poll, select, weigh, close.
//!
//! Not here: the steps themselves ([`super::operator`]).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::about::About;
use super::awaited::Awaited;
use super::builder::Builder;
use super::classify::Classifier;
use super::config::LogLevel;
use super::feedback::{FeedbackConfig, Measured};
use super::journal;
use super::local::Local;
use super::operator::Operator;
use super::producer::Producer;
use super::recall::Moved;
use super::registry::Registry;
use super::route::{Router, check_not_asking};
pub(super) use super::shared::Shared;
use super::stats::{Recorder, Stage, Stats, now_ns};
use super::worker::Worker;
use crate::dynim::{QueueConfig, Sampler};
use crate::encode::Model;
use crate::error::{Result, argument};
use crate::job::Transport;
use crate::ring;
use crate::store::PAYLOAD_MAX;
use crate::sync::{AtomicBool, Ordering};
use crate::wire;

/// A stream of patches into a sampler of one queue or several. Its calls may come from any thread; [`stats`](Self::stats) and
/// [`request_stop`](Self::request_stop) also while another is under way, and wait for nothing. The others take turns with
/// each other and with the worker, which takes its turns patch by patch.
pub struct Stream {
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Option<Transport>,
    slots: usize,
    model: Model,
    classifier: Option<Arc<Classifier>>,
    queues: Vec<QueueConfig>,
    worker: Mutex<Option<Worker>>,
    /// Held by whoever writes a checkpoint.
    pub(super) checkpoints: Mutex<()>,
}

/// Whether a poll left work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// Everything that was committed has been taken in.
    Idle,
    /// The budget is used up and work is left.
    Again,
    /// A stop was requested: the call returned early.
    Stopped,
}

/// What one event selected.
#[derive(Debug, Clone, PartialEq)]
pub struct Selections {
    /// The message.
    pub batch: wire::SelectionBatch,
    /// Whether the run's log answered, since the host went back to a mark.
    pub replayed: bool,
    bytes: Vec<u8>,
}

/// How many patches each selected one stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The message.
    pub weights: wire::Weights,
    bytes: Vec<u8>,
}

impl Selections {
    /// The message as a size-prefixed flatbuffer.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Weights {
    /// The message as a size-prefixed flatbuffer.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Stream {
    /// Starts to make one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn open(Builder { config, log, route, stop, run_text }: Builder) -> Result<Self> {
        if !(config.size_nm.is_finite() && config.size_nm > 0.0) {
            return Err(argument(format!("a patch of {} nm: give a positive size", config.size_nm)));
        }
        if config.worker_cpu.is_some() && !config.background {
            return Err(argument("a processor for the worker, and no worker: ask for the background too"));
        }
        if config.producers == Some(0) {
            return Err(argument("0 producers to wait for: say how many there will be, or leave it out"));
        }
        let shape = config.shape()?;
        ring::Geometry::new(config.slots, shape.len())?;
        let (species, states) = (config.species()?, config.states()?);
        let model = Model::open_with_states(&config.model, shape, states.clone())?;
        model.card().check_channels(species.names())?;
        let classifier = match &config.classifier {
            None => None,
            Some(name) => Some(Arc::new(Classifier::open(name, shape, species.names(), &states)?)),
        };
        let (layout, registry) = (config.layout(model.dim())?, Registry::default());
        let router = Router::new(&config, route)?;
        let queues = layout.queues.clone();
        let feedback = config.feedback.as_ref();
        let measured = feedback.map(|feedback| Measured::new(feedback, shape, &species, &states).map(Box::new));
        let mut measured = measured.transpose()?;
        let (mut contents, mut found) = (HashMap::new(), journal::JobsFound::default());
        let kept_in = super::retention::place_of_run(&config);
        let mut moved = Moved { then: None, now: kept_in, told: String::new() };
        let mut operator = match &config.run_dir {
            None => Operator::new(model.clone(), classifier.clone(), Sampler::with_layout(layout)?, router),
            Some(path) => {
                let second = classifier.as_ref().map(|classifier| classifier.model());
                let told = journal::told(shape, config.size_nm, &model, second, &layout, &species, &states);
                let told = told + &feedback.map_or_else(String::new, FeedbackConfig::told) + &journal::place(kept_in);
                let text = run_text.as_deref().unwrap_or(&told);
                let metadata = ring::Geometry::new(config.slots, shape.len())?.metadata_bytes();
                let table = measured.as_ref().map_or(0, |measured| measured.table_bytes());
                for (what, bytes, advice) in [
                    ("what it is opened with", told.len(), "give shorter names"),
                    ("a patch", metadata + 4 * (model.dim() + second.map_or(0, Model::dim)), "take a smaller model"),
                    ("a feedback table", table, "take fewer bins, lipids or protein states"),
                ] {
                    journal::check_entry(bytes, PAYLOAD_MAX, || what.into(), advice)?;
                }
                let keeps = super::retention::keeps_densities(&config);
                let open = journal::recover::Open { told: &told, text, layout, keeps };
                let run = journal::recover::open(path, &config.store, open, &registry, measured.as_deref_mut())?;
                let mut operator = Operator::new(model.clone(), classifier.clone(), run.sampler, router);
                (operator.journal, operator.left_out) = (Some(Box::new(run.journal)), run.left_out);
                (operator.lines, operator.last_step, found) = (run.lines, run.last_step, run.jobs);
                contents = run.contents;
                moved = Moved { then: run.place, now: kept_in, told };
                operator
            }
        };
        operator.measured = measured;
        operator.awaited = Awaited::new(config.producers.unwrap_or(0));
        let writes = operator.journal.is_some();
        let used = operator.journal.as_ref().is_some_and(|journal| journal.found.is_some());
        operator.awaits_host = used;
        let mut transport: Option<Transport> = config.transport.as_deref().map(str::parse).transpose()?;
        operator.open_retention(&config, shape.len(), &queues)?;
        operator.recall_densities(&registry, &contents, &moved)?;
        if let Some(transport) = &mut transport {
            operator.open_transport(transport, &config, shape, found)?;
        }
        let about = About::new(shape, config.size_nm, config.slots, &species, &states);
        // Last of what may fail: from here on peers come.
        let bell = operator.open_door(transport.as_ref(), &about)?;
        let shared = Arc::new(Shared {
            shape,
            size_nm: config.size_nm,
            states,
            registry,
            recorder: Recorder::new(),
            operator: Mutex::new(operator),
            bell,
            untrusted: config.untrusted,
            closed: AtomicBool::new(false),
            resumed: AtomicBool::new(false),
            used,
            writes,
            failed: OnceLock::new(),
            broken: AtomicBool::new(false),
            stop: stop.unwrap_or_default(),
            log,
        });
        shared.introduce(&model, "model", "the encoder", "points");
        if let Some(classifier) = &classifier {
            shared.introduce(classifier.model(), "classifier", "the classifier", "classes");
            if let Some(warning) = classifier.warning() {
                shared.log(LogLevel::Warning, &warning);
            }
        }
        // So that there are counts before the first call.
        shared.operate(|_| ());
        let worker = match config.background {
            true => Some(Worker::start(shared.clone(), config.worker_cpu)?),
            false => None,
        };
        Ok(Self {
            shared,
            transport,
            slots: config.slots,
            model,
            classifier,
            queues,
            worker: Mutex::new(worker),
            checkpoints: Mutex::new(()),
        })
    }

    /// A new producer called `name`: a label, the same after a restart.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if one of this name is open or the stream is closed,
    /// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) if there is none for its ring.
    pub fn producer(&self, name: &str) -> Result<Producer> {
        self.shared.check_usable()?;
        let (writer, reader) = ring::heap(ring::Geometry::new(self.slots, self.shared.shape.len())?)?;
        self.shared.operate(|operator| operator.add_lane(name, reader))?;
        Ok(Producer::local(Local::new(self.shared.clone(), writer)))
    }

    /// Takes in what was committed, for about `budget`, one patch at least. Inline this is where encoding happens; with
    /// a worker it helps it.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if the stream is closed.
    pub fn poll(&self, budget: Duration) -> Result<Polled> {
        self.shared.check_open()?;
        let end = Instant::now().checked_add(budget);
        loop {
            let (any, more) = self.shared.operate(|operator| {
                let any = operator.take_in_some(&self.shared);
                (any, operator.has_work())
            });
            // After a round, so that a host which waits for room in a ring gets it.
            let polled = if self.shared.stop.load(Ordering::Relaxed) {
                Polled::Stopped
            } else if !any || !more {
                Polled::Idle
            } else if end.is_some_and(|end| Instant::now() >= end) {
                Polled::Again
            } else {
                continue;
            };
            if self.shared.writes {
                self.shared.operate(Operator::committed)?;
            }
            return Ok(polled);
        }
    }

    /// One event: takes in everything committed for steps up to `step`, ranks it, discards what is over the capacity
    /// and selects up to `n`. A patch that was committed after a loan which is still out waits for that loan. Once
    /// several producers have been open at the same time, `None` as long as one that is open has not ended the step; told
    /// how many [`producers`](super::Config::producers) there will be, `None` from the start until all have come and ended
    /// it, of which the log says how many have. Behind a mark also `None` as long as producers of other processes have not sent again what the log has, or ended the step.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) for a step before that of an earlier event, or if the stream
    /// is closed.
    pub fn select(&self, step: i64, n: usize) -> Result<Option<Selections>> {
        self.shared.check_open()?;
        let started = now_ns();
        let selected = self.shared.operate(|operator| {
            let told = operator.select(&self.shared, step, n)?;
            Ok(told.map(|(batch, replayed)| {
                let bytes = operator.packer().selection_batch(&batch).to_vec();
                Selections { bytes, batch, replayed }
            }))
        })?;
        self.checkpoint_if_due();
        self.shared.recorder.time(Stage::Select, now_ns() - started);
        Ok(selected)
    }

    /// The weights of all selected, over everything committed that is not selected.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if the stream is closed.
    pub fn weights(&self) -> Result<Weights> {
        self.weigh(None)
    }

    /// The weights of what was selected from one queue, over that queue's patches alone: they compare with those of other
    /// queues, each being a number of patches. `normalised` has the mean 1 over the queue.
    ///
    /// # Errors
    /// Those of [`weights`](Self::weights), and [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if there is no
    /// such queue.
    pub fn weights_of(&self, queue: usize) -> Result<Weights> {
        self.weigh(Some(queue))
    }

    fn weigh(&self, queue: Option<usize>) -> Result<Weights> {
        self.shared.check_usable()?;
        let started = now_ns();
        let weights = self.shared.operate(|operator| {
            let weights = operator.weights(&self.shared, queue)?;
            Ok(Weights { bytes: operator.packer().weights(&weights).to_vec(), weights })
        })?;
        self.shared.recorder.time(Stage::Weights, now_ns() - started);
        Ok(weights)
    }

    /// The weight of each of `ids`, all of them selected: every unselected patch counts at its nearest among these.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) for an id that is not selected,
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for one that is there twice.
    pub fn weights_among(&self, ids: &[u64]) -> Result<Vec<f64>> {
        self.shared.check_open()?;
        self.shared.operate(|operator| {
            operator.take_in_all(&self.shared);
            Ok(operator.sampler.weights_among(ids)?.iter().map(|weight| weight.weight).collect())
        })
    }

    /// What was done so far, as it was after the operator's last step: it waits for none.
    pub fn stats(&self) -> Stats {
        let classifier_backend = self.classifier().map_or("", Model::backend);
        Stats { backend: self.model.backend(), classifier_backend, ..self.shared.recorder.snapshot() }
    }

    /// The encoder.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The classifier, if there is one; its card names the classes.
    pub fn classifier(&self) -> Option<&Model> {
        self.classifier.as_ref().map(|classifier| classifier.model())
    }

    /// The queues, by their numbers.
    pub fn queues(&self) -> &[QueueConfig] {
        &self.queues
    }

    /// Makes a poll that is under way, and every later one, return [`Polled::Stopped`] after the next patch. Selecting
    /// goes on to work.
    pub fn request_stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn shared_for_tests(&self) -> &Shared {
        &self.shared
    }

    /// Ends the stream and its worker: later calls on it and its producers are errors. Closing again does nothing.
    pub fn close(&self) {
        if self.close_within(Duration::MAX).is_err() {
            self.shared.closed.store(true, Ordering::Release);
            self.shared.ring_bell();
        }
    }

    /// As [`close`](Self::close), but waits for the worker, which may be encoding a patch, no longer than `timeout`.
    /// `false`: it is still at work; the stream takes nothing more, close it again.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) from inside the function that routes patches: the worker may
    /// be this very thread, which cannot wait for itself.
    pub fn close_within(&self, timeout: Duration) -> Result<bool> {
        check_not_asking()?;
        self.shared.closed.store(true, Ordering::Release);
        let mut worker = self.worker.lock();
        if let Some(running) = worker.take() {
            *worker = running.join_within(timeout, &self.shared).err();
        }
        if worker.is_none() {
            self.shared.operate(|operator| {
                operator.close_door();
                operator.close_run();
            });
        }
        Ok(worker.is_none())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}
