//! Encoders: from a patch to a latent point, float32, on the CPU.
//!
//! A [`Model`] is a built-in encoder (`mean`, `radial`, `metric`) or a network in `NAME.onnx` with its [`Card`] in
//! `NAME.toml` beside it. Patches come as `densities[(y * nx + x) * channels + c]`, nm^-2.
//!
//! | file | what it is |
//! |---|---|
//! | `model` | opening, checking and running a model: the one type that others use |
//! | `card` | what the card says, and the checks of each of its fields |
//! | `normalise` | densities to a network's input, in one pass |
//! | `network` | tract: loading, checking and running an ONNX graph (cargo feature `tract`) |
//! | `mean`, `radial` | the encoders that need no network |
//!
//! Not here: ranking points ([`crate::dynim`]), training, or graph surgery.

mod card;
mod mean;
mod model;
#[cfg(feature = "tract")]
mod network;
#[cfg(feature = "tract")]
mod normalise;
mod radial;
#[cfg(test)]
mod tests;

pub use card::{Card, Input, Layout, Normalise, Points, Turn};
pub use model::Model;
