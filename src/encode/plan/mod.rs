//! The fused plan: a [`Chain`](super::chain::Chain) of convolutions, dense layers and a softmax, run by kernels of our own.
//!
//! Compiled once for one instruction set (AVX-512, AVX2 with FMA, or plain code), run without an allocation. Rows of all
//! convolutions are made in turn, each just before it is needed, and only those that reach the output.
//!
//! | file | what it is |
//! |---|---|
//! | `plan` | [`Plan`] and its [`Scratch`]: compiling and running |
//! | `compile` | a chain's checks, and what of it is needed |
//! | `conv`, `dense` | one layer, packed for its kernel |
//! | `schedule` | the order in which rows are made |
//! | `sound` | which densities a network may see |
//! | `lanes`, `isa` | sixteen values side by side; the instruction sets |
//! | `kernels`, `kernels_conv`, `kernels_dense` | the loops, for any instruction set |
//! | `kernels_vector` | the operations of each instruction set |
//!
//! Not here: reading and folding networks, or which back-end runs one ([`super::network`]).

mod compile;
mod conv;
mod dense;
mod isa;
#[allow(unsafe_code, reason = "one version of each loop for each instruction set")]
mod kernels;
#[allow(unsafe_code, reason = "inner loops without bounds checks")]
mod kernels_conv;
#[allow(unsafe_code, reason = "inner loops without bounds checks")]
mod kernels_dense;
#[allow(unsafe_code, reason = "intrinsics")]
mod kernels_vector;
mod lanes;
#[expect(clippy::module_inception, reason = "the file of the type of that name")]
mod plan;
mod schedule;
mod sound;
#[cfg(test)]
mod tests;

pub use isa::Isa;
pub(super) use plan::{Plan, Scratch};
