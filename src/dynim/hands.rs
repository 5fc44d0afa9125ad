//! Work that a caller may share among threads of its own. The sampler has none, and answers the same with any number.
//!
//! Not here: which work that is ([`super::Sampler::arrive`]).

/// Arrivals that one hand takes at a time.
pub(super) const PART: usize = 64;

/// Threads of the caller's, among which the arrivals of an event can be shared: the sampler has none of its own.
pub trait Hands {
    /// Calls `work` once for each of `0 .. parts`, in any order and on any threads, and returns when all are done.
    fn share(&self, parts: usize, work: &(dyn Fn(usize) + Sync));
}

/// The caller's own thread alone.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Hands for Alone {
    fn share(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..parts).for_each(work);
    }
}
