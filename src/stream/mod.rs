//! The operator: what producers push goes through the encoder to the sampler, and comes back as selections and weights.
//!
//! ```text
//! Producer --ring--> take_in: encode, classify, add to the sampler --> select: one event --> Selections
//! ```
//! Inline, the host's own calls do the work ([`Stream::poll`], [`Stream::select`]); with
//! [`background`](Config::background) one worker thread takes in as patches come. Both decide the same: an event first
//! takes in all that was committed before it, and no decision reads a clock.
//! With a [`transport`](Config::transport) producers of other processes come in too ([`Producer::attach`]). With
//! [`feedback`](Config::feedback) what the picks' simulations measure comes back as tables.
//! Not here: how the steps work ([`crate::ring`], [`crate::encode`], [`crate::dynim`], [`crate::retain`], [`crate::wire`]).

mod about;
mod awaited;
mod builder;
mod classify;
mod config;
mod door;
mod event;
mod feedback;
mod jobs;
pub mod journal;
mod lanes;
mod local;
mod office;
mod operator;
mod picks;
mod producer;
mod queues;
mod recall;
mod registry;
mod remote;
mod retention;
mod route;
mod shared;
mod stats;
#[allow(clippy::module_inception, reason = "the noun that the folder is about")]
mod stream;
#[cfg(test)]
mod tests;
mod watch;
mod worker;

pub use builder::Builder;
pub use config::{Config, Log, LogLevel, SpeciesConfig, StateConfig};
pub use feedback::{FeedbackConfig, FeedbackStats, InversionConfig, PriorConfig};
pub use jobs::{JobReport, JobStats, JobsConfig};
pub use journal::{OnFailure, Resumed, StoreConfig, StoreStats};
pub use producer::{Answers, Loan, OnFull, Producer, Pushed};
pub use queues::QueueConfig;
pub use retention::{BETWEEN_EVENTS, RetentionConfig, RetentionPlace, RetentionStats, WhenFull, WhenMoved};
pub use route::Route;
pub use stats::{Latency, QueueStats, Rejected, Stage, Stats};
pub use stream::{Polled, Selections, Stream, Weights};
pub use watch::{WATCHED, WATCHED_OF_PRODUCER};
