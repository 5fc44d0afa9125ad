//! DynIm sampling: which candidate is the most novel, and how many unselected points each selected one stands for.
//!
//! A pure state machine over latent points. The host [adds](Sampler::add) points, asks for an event with
//! [`Sampler::select`] and for [weights](Sampler::weights); the same calls give the same answers, bit for bit, on any
//! instruction set, and the order in which points are added does not matter.
//!
//! A point is `dim` float32 coordinates in the encoder's units. Its [`Stage`]: *waiting* (its step's event has not
//! come), *candidate*, then *selected* (it is in S) or *discarded* for good. A pick that was never started can be
//! returned, which makes it a candidate again; what is not selected can be withdrawn, as if it had never been there.
//!
//! - rank of a candidate = mean Euclidean distance (not squared) to its min(k, |S|) nearest points of S; +infinity
//!   while S is empty ("Machine-learning-based dynamic-importance sampling for adaptive multiscale simulations",
//!   Methods, "Sampling of macro configurations"); times the candidate's factor, which is 1 unless one was given.
//! - total order = that product descending, then id ascending. Picks come off its top, discards off its end, unless a
//!   queue samples by another rule ([`Kind`]).
//! - weight of a selected point = 1 + the number of unselected points whose nearest selected point it is (the same
//!   paper, Methods, "Reconstruction of the true distribution"); a tie goes to the smaller id.
//! - queues: the next pick goes to the open, non-empty queue with the largest target * (N + 1) - count, the first of
//!   several. N points are in S, `count` of them of that queue.
//! - arithmetic = float32. A squared distance is summed over the dimensions in order, multiply then add; a rank is
//!   the sum of the roots in ascending order, then one division, then one multiplication by the factor. Whose turn it
//!   is among queues and bins is worked out in float64. Random draws are SplitMix64's, from the seed of the [`Layout`].
//!
//! Files: `sampler` (the public object: points in, events out), `arrivals` (merging what waits), `picks` (states, returns, withdrawals), `weighing` (its
//! weights); `config`, `layout`, `bins` and `spec`, `route` (what it is told); `event`, `state`, `history` (what comes
//! back); `queue`, `pool`, `binned`, `random` (the rules of samplers); `hands` (threads of the caller's); `known` and `index` (every point, by id);
//! `candidates` and `selected` (the two hot sets), `tree` (an exact index over S) and `descent` (queries of it), `lanes`
//! and `vector` (points side by side), `kernels` (the inner loops, for each instruction set), `weights`.
//!
//! Not here: encoding patches to points ([`crate::encode`]), threads and rings ([`crate::stream`]), files of any kind.

mod arrivals;
mod binned;
mod bins;
mod candidates;
mod config;
#[allow(unsafe_code, reason = "versions of a loop for each instruction set")]
mod descent;
mod event;
mod fields;
mod hands;
mod history;
mod index;
mod issued;
#[allow(unsafe_code, reason = "versions of a loop for each instruction set")]
mod kernels;
mod known;
mod lanes;
mod layout;
mod pack;
mod picks;
mod pool;
mod queue;
mod random;
mod recovery;
mod remember;
mod route;
mod sampler;
mod selected;
mod snapshot;
mod spec;
mod state;
mod tree;
#[allow(unsafe_code, reason = "registers")]
mod vector;
mod weighing;
mod weights;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use bins::{BINS_MAX, Bins};
pub use config::{Config, DIM_MAX, K_MAX, Mode};
pub use event::{Added, Discarded, Event, Member, Pick, Stage, Weight};
pub use hands::{Alone, Hands};
pub use history::{HISTORY_HEAD, HistoryRow, What};
pub use kernels::Isa;
pub use layout::{Binning, Gate, Kind, Layout, QUEUES_MAX, QueueConfig, Spaces, Within};
pub use pack::Packed;
pub(crate) use random::Mixed;
pub use recovery::{Outcome, PointRow, Recovery};
pub use route::{Constellation, Routes};
pub use sampler::Sampler;
pub use snapshot::Snapshot;
pub use state::{FAILURES_MAX, Selection, State};
