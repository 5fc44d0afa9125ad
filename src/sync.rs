//! The one door for atomics, so that a model checker can stand in for them.
//!
//! Not here: locks (`parking_lot`, on control paths only).

pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering, fence};
