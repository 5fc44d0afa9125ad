//! Feedback through a stream: what its picks' simulations measure comes back as tables for the macro model.
//!
//! With `[feedback]` each pick is announced as a simulation when it is issued, samples of workers (or of the host, by
//! [`Stream::submit_sample`](super::Stream::submit_sample)) are added to the raw sums, and tables are formed with the
//! weights of that moment: over the picks of a protein state that have results, and the patches of that state. When one
//! is formed is never up to a clock: the host says so ([`Stream::publish_feedback`](super::Stream::publish_feedback)), or
//! it is due at an event. A table is written down before it is told, and stands from then on.
//!
//! Files: `options` (the configuration), `calls` (what the host calls), `measured` (simulations and samples), `publish`
//! (tables). Units: nm, kT, nm^-2.
//! Not here: sums, means, potentials, versions ([`crate::feedback`]), which workers measure ([`super::office`]).

mod calls;
mod measured;
mod options;
mod publish;

pub use calls::FeedbackStats;
pub(in crate::stream) use measured::Measured;
pub use options::{FeedbackConfig, InversionConfig, PriorConfig};
