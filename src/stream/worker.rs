//! The worker thread of a background stream, and the doorbell that wakes it.
//!
//! Not here: what it does with a record ([`super::operator`]).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::config::LogLevel;
use super::operator::Operator;
use super::stream::Shared;
use crate::error::Result;
use crate::guest;
use crate::sync::{AtomicBool, Ordering, fence};

/// Wakes the worker if, and only if, it sleeps: a ring costs a fence and a load otherwise.
#[derive(Default)]
pub(super) struct Doorbell {
    sleeping: AtomicBool,
    sleeper: OnceLock<Thread>,
}

impl Doorbell {
    /// After a commit: wakes the sleeper.
    pub(super) fn ring(&self) {
        let Some(sleeper) = self.sleeper.get() else { return };
        // SYNC(sleeping): pairs with the fence in `sleep`: either the sleeper sees the commit, or we see the flag.
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel) {
            sleeper.unpark();
        }
    }

    /// Sleeps until the next ring, unless `awake` finds something to do after the flag is up.
    fn sleep(&self, awake: impl FnOnce() -> bool) {
        self.sleeping.store(true, Ordering::Relaxed);
        // SYNC(sleeping): pairs with the fence in `ring`.
        fence(Ordering::SeqCst);
        if !awake() {
            // A ring between here and parking leaves a token, so that parking returns at once.
            std::thread::park();
        }
    }
}

/// The running thread.
pub(super) struct Worker(JoinHandle<()>);

impl Worker {
    /// Starts the thread, bound to `cpu` if one is given.
    pub(super) fn start(shared: Arc<Shared>, cpu: Option<usize>) -> Result<Self> {
        let main = {
            let shared = shared.clone();
            move || {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&shared))) {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a text");
                    let line = format!("the worker met a bug of its own and stopped, please report it: {text}");
                    shared.log(LogLevel::Warning, &line);
                }
            }
        };
        let thread = guest::spawn("patchstream", cpu, main)?;
        // Set before the stream has a producer, so that no commit can miss it.
        let _ = shared.doorbell.sleeper.set(thread.thread().clone());
        Ok(Self(thread))
    }

    /// Waits up to `timeout` for the end of a thread whose stream has been closed; gives it back if it has not ended.
    pub(super) fn join_within(self, timeout: Duration, shared: &Shared) -> Result<(), Self> {
        shared.ring_doorbell();
        let started = Instant::now();
        while !self.0.is_finished() {
            if started.elapsed() >= timeout {
                return Err(self);
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        // A panic was caught inside.
        let _ = self.0.join();
        Ok(())
    }
}

fn run(shared: &Shared) {
    let closed = || shared.closed.load(Ordering::Acquire);
    while !closed() {
        if !shared.operate(|operator| operator.take_in_some(shared)) {
            shared.doorbell.sleep(|| closed() || shared.operate(Operator::has_work));
        }
    }
}
