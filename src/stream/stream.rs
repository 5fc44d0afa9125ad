//! What a host holds: open, add producers, poll, select, weigh, close.
//!
//! Not here: the steps themselves ([`super::operator`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::config::{Builder, Log, LogLevel};
use super::operator::{Lane, Operator};
use super::producer::Producer;
use super::registry::Registry;
use super::stats::{Recorder, Stage, Stats, now_ns};
use super::worker::{Doorbell, Worker};
use crate::dynim::{self, Sampler};
use crate::encode::Model;
use crate::error::{Result, argument, panic, state};
use crate::patch::{ProteinStates, Shape};
use crate::ring;
use crate::sync::{AtomicBool, Ordering};
use crate::wire;

/// A stream of patches into one sampler. Its calls may come from any thread; [`stats`](Self::stats) and
/// [`request_stop`](Self::request_stop) also while another is under way. None waits for the host or for another thread,
/// but for a patch that is being encoded at this moment.
pub struct Stream {
    shared: Arc<Shared>,
    slots: usize,
    model: Model,
    worker: Mutex<Option<Worker>>,
}

/// What the stream, its producers and its worker share.
pub(super) struct Shared {
    pub(super) shape: Shape,
    pub(super) size_nm: f64,
    pub(super) states: ProteinStates,
    pub(super) registry: Registry,
    pub(super) recorder: Recorder,
    pub(super) operator: Mutex<Operator>,
    pub(super) doorbell: Doorbell,
    /// The stream takes nothing more.
    pub(super) closed: AtomicBool,
    /// A panic of ours was caught and the operator cannot be trusted any more.
    pub(super) broken: AtomicBool,
    stop: Arc<AtomicBool>,
    log: Option<Log>,
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

    pub(super) fn open(Builder { config, log, stop }: Builder) -> Result<Self> {
        if !(config.size_nm.is_finite() && config.size_nm > 0.0) {
            return Err(argument(format!("a patch of {} nm: give a positive size", config.size_nm)));
        }
        let shape = config.shape()?;
        ring::Geometry::new(config.slots, shape.len())?;
        let model = Model::open_with_states(&config.model, shape, config.states()?)?;
        model.card().check_channels(config.species()?.names())?;
        let sampler = Sampler::new(dynim::Config {
            dim: model.dim(),
            k: config.k,
            capacity: config.capacity,
            mode: config.mode,
        })?;
        let shared = Arc::new(Shared {
            shape,
            size_nm: config.size_nm,
            states: config.states()?,
            registry: Registry::default(),
            recorder: Recorder::new(),
            operator: Mutex::new(Operator::new(model.clone(), sampler)),
            doorbell: Doorbell::default(),
            closed: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            stop: stop.unwrap_or_default(),
            log,
        });
        if !model.card().trained && model.backend() != "builtin" {
            let name = &model.card().name;
            shared.log(LogLevel::Info, &format!("the encoder {name} is not trained: its points mean little"));
        }
        let worker = match config.background {
            true => Some(Worker::start(shared.clone(), config.worker_cpu)?),
            false => None,
        };
        Ok(Self { shared, slots: config.slots, model, worker: Mutex::new(worker) })
    }

    /// A new producer called `name`: a label, the same after a restart.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if one of this name is open or the stream is closed,
    /// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) if there is none for its ring.
    pub fn producer(&self, name: &str) -> Result<Producer> {
        self.shared.check_open()?;
        let mut operator = self.shared.operator.lock();
        if operator.lanes.iter().any(|lane| lane.name == name && !lane.consumer.is_closed()) {
            return Err(state(format!("a producer called {name} is open already: close it or take another name")));
        }
        let (writer, consumer) = ring::heap(ring::Geometry::new(self.slots, self.shared.shape.len())?)?;
        operator.lanes.push(Lane { name: name.into(), consumer });
        Ok(Producer::new(self.shared.clone(), writer))
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
            if self.shared.stop.load(Ordering::Relaxed) {
                return Ok(Polled::Stopped);
            }
            let mut operator = self.shared.operator.lock();
            if !operator.take_in_some(&self.shared) {
                return Ok(Polled::Idle);
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(if operator.has_work() { Polled::Again } else { Polled::Idle });
            }
        }
    }

    /// One event: takes in everything committed for steps up to `step`, ranks it, discards what is over the capacity
    /// and selects up to `n`. `None` as long as one of several producers has not ended the step.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) for a step before that of an earlier event, or if the stream
    /// is closed.
    pub fn select(&self, step: i64, n: usize) -> Result<Option<Selections>> {
        self.shared.check_open()?;
        let started = now_ns();
        let mut operator = self.shared.operator.lock();
        let Some(batch) = operator.select(&self.shared, step, n)? else { return Ok(None) };
        let bytes = operator.packer().selection_batch(&batch).to_vec();
        drop(operator);
        self.shared.recorder.time(Stage::Select, now_ns() - started);
        Ok(Some(Selections { batch, bytes }))
    }

    /// The weights of all selected, over everything committed that is not selected.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if the stream is closed.
    pub fn weights(&self) -> Result<Weights> {
        self.shared.check_open()?;
        let started = now_ns();
        let mut operator = self.shared.operator.lock();
        let weights = operator.weights(&self.shared);
        let bytes = operator.packer().weights(&weights).to_vec();
        drop(operator);
        self.shared.recorder.time(Stage::Weights, now_ns() - started);
        Ok(Weights { weights, bytes })
    }

    /// The weight of each of `ids`, all of them selected: every unselected patch counts at its nearest among these.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) for an id that is not selected,
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for one that is there twice.
    pub fn weights_among(&self, ids: &[u64]) -> Result<Vec<f64>> {
        self.shared.check_open()?;
        let mut operator = self.shared.operator.lock();
        operator.take_in_all(&self.shared);
        Ok(operator.sampler.weights_among(ids)?.iter().map(|weight| weight.weight).collect())
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        let operator = self.shared.operator.lock();
        let sampler = &operator.sampler;
        Stats {
            events: sampler.events(),
            waiting: sampler.waiting() as u64,
            candidates: sampler.candidates() as u64,
            selected: sampler.selected() as u64,
            discarded: sampler.discarded() as u64,
            ..self.shared.recorder.snapshot()
        }
    }

    /// The encoder.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Makes a poll that is under way, and every later one, return [`Polled::Stopped`]. Selecting goes on to work.
    pub fn request_stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn shared_for_tests(&self) -> &Shared {
        &self.shared
    }

    /// Ends the stream and its worker: later calls on it and its producers are errors. Closing again does nothing.
    pub fn close(&self) {
        self.close_within(Duration::MAX);
    }

    /// As [`close`](Self::close), but waits for the worker, which may be encoding a patch, no longer than `timeout`.
    /// `false`: it is still at work; the stream takes nothing more, close it again.
    pub fn close_within(&self, timeout: Duration) -> bool {
        self.shared.closed.store(true, Ordering::Release);
        let mut worker = self.worker.lock();
        if let Some(running) = worker.take() {
            *worker = running.join_within(timeout, &self.shared).err();
        }
        worker.is_none()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Refuses work on a stream that is closed or broken.
    pub(super) fn check_open(&self) -> Result<()> {
        if self.broken.load(Ordering::Acquire) {
            return Err(panic(
                "the stream met a bug of its own and takes nothing more: see the log, and please report it",
            ));
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(state("the stream is closed: open another"));
        }
        Ok(())
    }

    pub(super) fn log(&self, level: LogLevel, message: &str) {
        if let Some(log) = &self.log {
            log(level, message);
        }
    }

    pub(super) fn ring_doorbell(&self) {
        self.doorbell.ring();
    }
}
