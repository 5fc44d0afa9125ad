//! Threads that share the arrivals of an event. They live as long as the event.
//!
//! Not here: which work that is (`patchstream::dynim::Sampler::arrive`).

use std::sync::atomic::{AtomicUsize, Ordering};

use patchstream::dynim::{Alone, Hands};

/// So many threads, the caller's among them.
pub struct Threads(pub usize);

impl Hands for Threads {
    fn share(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        let hands = self.0.min(parts);
        if hands < 2 {
            return Alone.share(parts, work);
        }
        let next = AtomicUsize::new(0);
        let hand = || {
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts {
                    break;
                }
                work(part);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..hands {
                scope.spawn(hand);
            }
            hand();
        });
    }
}
