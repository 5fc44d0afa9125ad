//! What a ring has counted, for whoever watches it.
//!
//! Not here: what a stream counts (`crate::stream`).

use super::layout::Control;
use crate::sync::Ordering;

/// What a ring has counted so far. Over memory that another process may write these are numbers for a person, no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records committed, abandoned slots included.
    pub committed: u64,
    /// Records taken, abandoned slots included.
    pub taken: u64,
    /// How often the producer found no room and was told so.
    pub full: u64,
    /// Records that were dropped since there was no room.
    pub dropped: u64,
    /// Records or indices that the consumer refused.
    pub corrupt: u64,
    /// The producer has closed its end.
    pub producer_closed: bool,
    /// The consumer has closed its end.
    pub consumer_closed: bool,
}

impl Counts {
    pub(super) fn read(control: &Control) -> Self {
        Self {
            committed: control.producer.head.load(Ordering::Relaxed),
            taken: control.consumer.tail.load(Ordering::Relaxed),
            full: control.producer_counts.full.load(Ordering::Relaxed),
            dropped: control.producer_counts.dropped.load(Ordering::Relaxed),
            corrupt: control.consumer_counts.corrupt.load(Ordering::Relaxed),
            producer_closed: control.producer.closed.load(Ordering::Relaxed) != 0,
            consumer_closed: control.consumer.closed.load(Ordering::Relaxed) != 0,
        }
    }
}
