//! Retention: the densities of patches that may still be selected, and of those that were, until a micro simulation asks.
//!
//! ```text
//! Arena: id -> place --+-- memory:  chunks of places, touched as they are made
//!                      +-- scratch: a file that goes with its stream
//!                      +-- run:     a file in the folder of a run, which stays
//!                          [page: what it is][CRC32C, id, content, step, densities][CRC32C, ..]..
//! ```
//! Places are of one size and used again. In a file each has a checksum, and it is read and written by calls, never
//! mapped: a lost disk is an error, not a signal. In a run a place that was given up is used again once the log says so
//! ([`Arena::settle`]). Layout of densities: `value[(y * nx + x) * channels + c]`, in nm^-2.
//! Not here: which patches are kept, and which gives way ([`crate::stream`]).

mod arena;
mod disk;
mod file;
mod format;
mod layout;
mod memory;
mod run;
mod scratch;
#[cfg(test)]
mod tests;

pub use arena::{Arena, Holding, Home, Kept, Options, Wanted};
pub use disk::Flush;
pub use format::Format;
pub use layout::Tag;
pub use run::RunDensities;
