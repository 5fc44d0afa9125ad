//! What a stream, its producers and its worker share: the operator under its lock, and what may be asked without it.
//!
//! Not here: what a host calls ([`super::stream`]), the operator's steps ([`super::operator`]).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};

use super::config::{Log, LogLevel};
use super::operator::Operator;
use super::registry::Registry;
use super::route::check_not_asking;
use super::stats::Recorder;
use crate::encode::Model;
use crate::error::{Error, Result, panic, state};
use crate::guest::FpGuard;
use crate::patch::{ProteinStates, Shape};
use crate::ring::Doorbell;
use crate::sync::{AtomicBool, Ordering};

/// What the stream, its producers and its worker share.
pub(super) struct Shared {
    pub(super) shape: Shape,
    pub(super) size_nm: f64,
    pub(super) states: ProteinStates,
    pub(super) registry: Registry,
    pub(super) recorder: Recorder,
    pub(super) operator: Mutex<Operator>,
    /// What the worker sleeps on; with a transport other processes ring it too.
    pub(super) bell: Doorbell,
    /// The content of other processes' patches is hashed again.
    pub(super) untrusted: bool,
    /// The stream takes nothing more.
    pub(super) closed: AtomicBool,
    /// The host said where it goes on; a run that was used answers nothing before.
    pub(super) resumed: AtomicBool,
    /// The run was used.
    pub(super) used: bool,
    /// There is a run.
    pub(super) writes: bool,
    /// Why nothing is answered any more: the run cannot be written.
    pub(super) failed: OnceLock<Error>,
    /// A panic of ours passed through the operator: it cannot be trusted any more.
    pub(super) broken: AtomicBool,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) log: Option<Log>,
}

impl Shared {
    /// Refuses work on a stream that is closed or broken, and from inside the function that routes patches.
    pub(super) fn check_open(&self) -> Result<()> {
        self.check_usable()?;
        if self.used && !self.resumed.load(Ordering::Acquire) {
            return Err(state(
                "the run was used before, and its host has not said where it goes on: resume at a mark, or at the start",
            ));
        }
        Ok(())
    }

    /// As [`check_open`](Self::check_open), also before the host said where it goes on.
    pub(super) fn check_usable(&self) -> Result<()> {
        check_not_asking()?;
        if let Some(error) = self.failed.get() {
            return Err(Error::new(error.kind(), format!("the stream has stopped: {}", error.message())));
        }
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

    /// Runs one step of the operator under its lock. Afterwards its counts are published and, with the lock free again,
    /// its lines go to the log. A step that panics breaks the stream for good, and its peers are told: nobody knows what it
    /// left undone.
    pub(super) fn operate<T>(&self, step: impl FnOnce(&mut Operator) -> T) -> T {
        let _environment = FpGuard::enter();
        let mut operator = self.operator.lock();
        let result = catch_unwind(AssertUnwindSafe(|| step(&mut operator))).unwrap_or_else(|panic| {
            self.broken.store(true, Ordering::Release);
            // Peers would wait for ever. Whatever the first panic left undone, a second one must not hide it.
            let _ = catch_unwind(AssertUnwindSafe(|| operator.close_door()));
            resume_unwind(panic)
        });
        operator.publish(&self.recorder);
        if let Some(error) = operator.write_failure() {
            self.failed.get_or_init(|| error);
        }
        let lines = std::mem::take(&mut operator.lines);
        // Fair, or a host that wants to select might wait for many patches of the worker's.
        MutexGuard::unlock_fair(operator);
        for (level, line) in lines {
            self.log(level, &line);
        }
        result
    }

    /// Says once which back-end runs a model, and whether what it makes of patches means something.
    pub(super) fn introduce(&self, model: &Model, what: &str, who: &str, made: &str) {
        // What is built in without params is as its definition says.
        if model.backend() == "builtin" {
            return;
        }
        let (card, report) = (model.card(), model.report());
        let steps = [report.prepared, vec![format!("run by {}", report.chosen)]].concat();
        self.log(LogLevel::Info, &format!("{what} {}: patches are {}", card.name, steps.join(", ")));
        if !card.trained {
            self.log(LogLevel::Info, &format!("{who} {} is not trained: its {made} mean little", card.name));
        }
    }

    /// Calls the host's log. No lock of the stream is held.
    pub(super) fn log(&self, level: LogLevel, message: &str) {
        if let Some(log) = &self.log {
            log(level, message);
        }
    }

    pub(super) fn ring_bell(&self) {
        self.bell.ring();
    }
}
