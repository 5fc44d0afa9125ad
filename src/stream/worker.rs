//! The worker thread of a background stream.
//!
//! Not here: what it does with a record ([`super::operator`]), the bell that wakes it ([`crate::ring::Doorbell`]).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::config::LogLevel;
use super::operator::Operator;
use super::stream::Shared;
use crate::error::Result;
use crate::guest;
use crate::ring::Wait;
use crate::sync::Ordering;

/// The longest sleep: who came to the door without ringing, and who died, is looked for then.
const SLEEP: Duration = Duration::from_millis(50);

/// The running thread.
pub(super) struct Worker(JoinHandle<()>);

impl Worker {
    /// Starts the thread, bound to `cpu` if one is given.
    pub(super) fn start(shared: Arc<Shared>, cpu: Option<usize>) -> Result<Self> {
        let main = {
            let shared = shared.clone();
            move || {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&shared))) {
                    // Nobody would take in what other processes send.
                    shared.operate(Operator::close_door);
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a text");
                    let line = format!("the worker met a bug of its own and stopped, please report it: {text}");
                    shared.log(LogLevel::Warning, &line);
                }
            }
        };
        let thread = guest::spawn("patchstream", cpu, main)?;
        Ok(Self(thread))
    }

    /// Waits up to `timeout` for the end of a thread whose stream has been closed; gives it back if it has not ended.
    pub(super) fn join_within(self, timeout: Duration, shared: &Shared) -> Result<(), Self> {
        shared.ring_bell();
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
    let mut said = false;
    while !closed() {
        if !shared.operate(|operator| operator.take_in_some(shared)) {
            let wait = Wait { timeout: SLEEP, spin: Duration::ZERO, stop: None };
            let ready = || closed() || shared.operate(Operator::has_work);
            // Somebody wrote over the door: producers of this process must not suffer from it.
            if let Err(error) = shared.bell.wait(&wait, ready, || Ok(())) {
                if !std::mem::replace(&mut said, true) {
                    let line = format!("no other process can come any more: {error}; open the stream anew for them");
                    shared.log(LogLevel::Warning, &line);
                }
                std::thread::sleep(SLEEP);
            }
        }
    }
}
