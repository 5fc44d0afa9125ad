//! How one end sleeps until the other has done something: spin, then a futex, always with a time-out.
//!
//! The protocol, which loom accepts (`.ci/loom`; two more obvious ones lose a wake-up, and it says so):
//!
//! ```text
//! sleeper  s = sequence; sleeping = 1; fence(SeqCst); look again; sleep while sequence == s     never clears the flag
//! ringer   store what the sleeper waits for (Release); fence(SeqCst);
//!          if sleeping != 0 and swap(sleeping, 0) != 0 { sequence += 1; wake }
//! ```
//! A ring costs a fence and a load while nobody sleeps. Another process may write anything into a bell: the worst that
//! comes of it is a sleep of [`SLICE`], or a system call a ring.
//! Not here: what is waited for ([`super::Consumer::wait`], [`super::Producer::wait`]).

use std::time::Duration;
#[cfg(not(loom))]
use std::time::Instant;

use super::futex::{self, Slept};
use crate::error::Result;
use crate::sync::{AtomicU32, Ordering, fence};

/// The longest sleep before stop flag and owner are looked at again: the time in which a stop is seen that no signal of
/// this thread announces. Twenty looks a second are about a ten-thousandth of a processor.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// How long to wait, and what ends the wait early.
#[derive(Debug, Clone, Copy)]
pub struct Wait<'a> {
    /// The most time to wait. Zero looks once.
    pub timeout: Duration,
    /// How much of it to spin before sleeping. A sleeper takes 20 to 40 us to wake.
    pub spin: Duration,
    /// Ends the wait when it is set, by a signal handler for example.
    pub stop: Option<&'a std::sync::atomic::AtomicBool>,
}

impl Wait<'_> {
    /// Up to `timeout`, of which 20 us are spun.
    pub fn up_to(timeout: Duration) -> Self {
        Self { timeout, spin: Duration::from_micros(20), stop: None }
    }

    /// Whether a stop was requested.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(std::sync::atomic::Ordering::Relaxed))
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// There is something to do, or the other end has closed.
    Ready,
    /// The time is over.
    TimedOut,
    /// A signal handler ran on this thread: look at what it has set, then wait again.
    Interrupted,
    /// The stop flag was set.
    Stopped,
}

/// What one end sleeps on and the other rings.
#[repr(C, align(128))]
#[derive(Default)]
pub(super) struct Bell {
    /// The futex: one more with each ring that woke somebody.
    sequence: AtomicU32,
    /// Not 0: somebody sleeps, or is about to.
    sleeping: AtomicU32,
}

impl Bell {
    /// After a store that a sleeper may wait for: wakes it.
    pub(super) fn ring(&self) {
        // SYNC(bell): pairs with the fence in `wait`: either the sleeper sees the store, or we see the flag.
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) != 0 && self.sleeping.swap(0, Ordering::AcqRel) != 0 {
            self.sequence.fetch_add(1, Ordering::Release);
            futex::wake(&self.sequence);
        }
    }

    /// Waits until `ready`. `pulse` is called before each sleep and ends the wait with its error.
    pub(super) fn wait(
        &self,
        wait: &Wait<'_>,
        mut ready: impl FnMut() -> bool,
        mut pulse: impl FnMut() -> Result<()>,
    ) -> Result<Waited> {
        let clock = Clock::start();
        if let Some(answer) = clock.spin(wait, &mut ready) {
            return Ok(answer);
        }
        loop {
            let sequence = self.sequence.load(Ordering::Acquire);
            self.sleeping.store(1, Ordering::Relaxed);
            // SYNC(bell): pairs with the fence in `ring`.
            fence(Ordering::SeqCst);
            if ready() {
                return Ok(Waited::Ready);
            }
            if wait.stopped() {
                return Ok(Waited::Stopped);
            }
            pulse()?;
            let left = wait.timeout.saturating_sub(clock.elapsed());
            if left.is_zero() {
                return Ok(Waited::TimedOut);
            }
            if futex::wait(&self.sequence, sequence, left.min(SLICE)) == Slept::Interrupted {
                return Ok(match (ready(), wait.stopped()) {
                    (true, _) => Waited::Ready,
                    (false, true) => Waited::Stopped,
                    (false, false) => Waited::Interrupted,
                });
            }
        }
    }
}

/// The time since a wait began. A model checker has no time, and does not spin.
struct Clock {
    #[cfg(not(loom))]
    started: Instant,
}

impl Clock {
    fn start() -> Self {
        Self {
            #[cfg(not(loom))]
            started: Instant::now(),
        }
    }

    #[cfg(not(loom))]
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    #[cfg(loom)]
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    #[cfg(not(loom))]
    fn spin(&self, wait: &Wait<'_>, ready: &mut impl FnMut() -> bool) -> Option<Waited> {
        let until = wait.spin.min(wait.timeout);
        loop {
            // Looking at the clock takes as long as a dozen looks at the ring.
            for _ in 0..16 {
                if ready() {
                    return Some(Waited::Ready);
                }
                std::hint::spin_loop();
            }
            if wait.stopped() {
                return Some(Waited::Stopped);
            }
            if self.elapsed() >= until {
                return None;
            }
        }
    }

    #[cfg(loom)]
    fn spin(&self, _: &Wait<'_>, _: &mut impl FnMut() -> bool) -> Option<Waited> {
        None
    }
}
