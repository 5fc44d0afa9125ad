//! A page of numbers that the owner fills and anybody may watch without disturbing it.
//!
//! Not here: what each number means, which who fills them says.

use crate::sync::{AtomicU64, Ordering};

/// How many numbers there are.
pub const STATS: usize = 32;

/// One number, alone on its pair of cache lines.
#[repr(C, align(128))]
pub(super) struct Line(AtomicU64);

const _: () = assert!(size_of::<[Line; STATS]>() == super::control::CONTROL_BYTES);

/// The numbers of a segment. Over memory that another process may write these are for a person, no more.
#[derive(Clone, Copy)]
pub struct Stats<'a>(pub(super) &'a [Line; STATS]);

impl Stats<'_> {
    /// Number `index`; 0 for one that there is not.
    pub fn get(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |line| line.0.load(Ordering::Acquire))
    }

    /// Sets number `index`; one that there is not is left alone.
    pub fn set(&self, index: usize, value: u64) {
        if let Some(line) = self.0.get(index) {
            line.0.store(value, Ordering::Release);
        }
    }

    /// Adds to number `index`, from any process.
    pub fn add(&self, index: usize, more: u64) {
        if let Some(line) = self.0.get(index) {
            line.0.fetch_add(more, Ordering::Release);
        }
    }
}
