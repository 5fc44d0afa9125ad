//! Encoders: from a patch to a latent point, float32, on the CPU.
//!
//! A [`Model`] is a built-in encoder (`mean`, `radial`, `metric`, `fingerprint`) or a network in `NAME.onnx` with its [`Card`] in
//! `NAME.toml` beside it. Patches come as `densities[(y * nx + x) * channels + c]`, nm^-2.
//!
//! | file or folder | what it is |
//! |---|---|
//! | `model` | a model and running it: the one type that others use |
//! | `open` | finding, reading and checking a model's files |
//! | `card` | what the card says, and the checks of each of its fields |
//! | `prepare` | turning a patch and making it coarser, if the model asks for it |
//! | `mean`, `radial` | the encoders that need no network |
//! | `network` | a network: which back-end runs it, and which densities it may see (cargo feature `fused`) |
//! | `onnx/` | reading and writing ONNX files |
//! | `fold/` | the same network with fewer operations |
//! | `chain` | a folded network as a list of layers |
//! | `plan/` | the fused plan: kernels for such a list |
//! | `tract` | the general back-end (cargo feature `tract`) |
//! | `normalise` | the constants of a card, ready for networks |
//! | `pool` | scratch that calls leave for the next ones |
//!
//! Not here: ranking points ([`crate::dynim`]), training.

mod card;
#[cfg(feature = "fused")]
mod chain;
#[cfg(feature = "fused")]
mod fold;
mod mean;
mod model;
#[cfg(feature = "fused")]
mod network;
#[cfg(feature = "fused")]
mod normalise;
#[cfg(feature = "fused")]
mod onnx;
mod open;
#[cfg(feature = "fused")]
mod plan;
mod pool;
mod prepare;
mod radial;
#[cfg(test)]
mod tests;
#[cfg(feature = "tract")]
mod tract;

pub use card::{Card, Classes, Input, Layout, Normalise, Points, Turn};
pub use model::Model;
pub use open::{BackendChoice, OpenOptions, Report};
#[cfg(feature = "fused")]
pub use plan::Isa;
