//! What a run keeps on disk: a log, checkpoints, and what is needed to go on after any end.
//!
//! Not here: what records and sections mean ([`crate::stream`]).

pub mod bytes;
