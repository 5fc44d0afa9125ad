//! Retention: the densities of patches that may still be selected, and of those that were, until a micro simulation asks.
//!
//! ```text
//! Arena: id -> place --+-- memory: chunks of places, touched as they are made
//!                      +-- file:   [page: magic, place bytes][id, CRC32C, densities][id, CRC32C, densities]..
//! ```
//! Places are of one size and used again. In a file each has a checksum, and it is read and written by calls, never
//! mapped: a lost disk is an error, not a signal. Layout of densities: `value[(y * nx + x) * channels + c]`, in nm^-2.
//! Not here: which patches are kept, and which gives way ([`crate::stream`]).

mod arena;
mod file;
mod format;
mod memory;
#[cfg(test)]
mod tests;

pub use arena::{Arena, Holding, Kept, Options};
pub use format::Format;
