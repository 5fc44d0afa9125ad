//! DynIm sampling: which candidate is the most novel, and how many unselected points each selected one stands for.
//!
//! A pure state machine over latent points. The host [adds](Sampler::add) points, asks for an event with
//! [`Sampler::select`] and for [weights](Sampler::weights); the same calls give the same answers, bit for bit, on any
//! instruction set, and the order in which points are added does not matter.
//!
//! A point is `dim` float32 coordinates in the encoder's units. It goes one way through the stages: *waiting* (its
//! step's event has not come), *candidate*, then *selected* for good (it is in S), or *discarded* for good.
//!
//! - rank of a candidate = mean Euclidean distance (not squared) to its min(k, |S|) nearest points of S; +infinity
//!   while S is empty ("Machine-learning-based dynamic-importance sampling for adaptive multiscale simulations",
//!   Methods, "Sampling of macro configurations").
//! - total order = rank descending, then id ascending. Picks come off its top, discards off its end.
//! - weight of a selected point = 1 + the number of unselected points whose nearest selected point it is (the same
//!   paper, Methods, "Reconstruction of the true distribution"); a tie goes to the smaller id.
//! - arithmetic = float32. A squared distance is summed over the dimensions in order, multiply then add; a rank is
//!   the sum of the roots in ascending order, then one division.
//!
//! Files: `sampler` (the public object), `config`, `event` (what comes back), `known` (every point, by id),
//! `candidates` and `selected` (the two hot sets), `tree` (an exact index over S), `lanes` (their arithmetic), `kernels`
//! (their loops), `vector` (registers, for each instruction set), `weights`.
//!
//! Not here: encoding patches to points ([`crate::encode`]), threads and rings ([`crate::stream`]), files of any kind.

mod candidates;
mod config;
mod event;
#[allow(unsafe_code, reason = "versions of a loop for each instruction set")]
mod kernels;
mod known;
mod lanes;
mod sampler;
mod selected;
mod tree;
#[allow(unsafe_code, reason = "registers")]
mod vector;
mod weights;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use config::{Config, DIM_MAX, K_MAX, Mode};
pub use event::{Added, Discarded, Event, Pick, Weight};
pub use kernels::Isa;
pub use sampler::Sampler;
