//! The one door for atomics, so that a model checker can stand in for them: under `cfg(loom)`, which `.ci/loom` sets.
//!
//! Not here: locks (`parking_lot`, on control paths only), sleeping (`ring::futex`).

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
