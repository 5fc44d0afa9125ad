//! A stream's run: what it writes down so that nothing is lost, and how its host goes on with it.
//!
//! With a [`run_dir`](super::Config::run_dir) every patch that is taken in, every event, state, withdrawal and mark goes
//! into the log of a run before it is acknowledged or told. A run that is opened again has the same sampler, bit for bit;
//! its host says with [`Stream::resume`](super::Stream::resume) where it is.
//!
//! Not here: files ([`crate::store`]), the sampler's memory ([`crate::dynim::Snapshot`]).

mod abandoned;
mod behind;
mod checkpoint;
pub mod feedback;
mod history;
mod jobs;
pub mod layout;
mod options;
pub mod patches;
mod point;
pub mod records;
pub(super) mod recover;
mod resume;
#[cfg(test)]
mod tests;
mod write;
mod writer;

pub(super) use jobs::{JobsFound, Samples};
pub use options::{OnFailure, StoreConfig, StoreStats, imported, is_imported, is_open};
pub(super) use options::{place, told};
pub(super) use resume::Replay;
pub use resume::Resumed;
pub(super) use writer::{Journal, check_entry};
