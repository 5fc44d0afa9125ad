//! Patches: local windows of the macro model, as many channels of densities plus the proteins in them.
//!
//! Layout everywhere: `densities[(y * nx + x) * channels + c]`, float32, in nm^-2. Positions in nm, times in us.
//! Hosts make patches with [`window_around`], [`cut`] and [`proteins_near`], or by means of their own; whatever comes in
//! passes [`check_meta`] and [`check_densities`] before anything else looks at it.
//! Not here: the bytes of a patch in a ring or a message ([`crate::wire`]), what a network makes of it ([`crate::encode`]).

mod check;
mod coarsen;
mod cut;
mod field;
mod orient;
mod shape;
mod species;
mod states;
mod types;
mod window;

#[cfg(test)]
mod tests;

pub use check::{MAX_LABEL_BYTES, MAX_PROTEINS, check_densities, check_meta};
pub use coarsen::{coarsen, coarsen_37_to_5, coarsen_73_to_37};
pub use cut::cut;
pub use field::{Field, Samples};
pub use orient::{Orientation, canonical};
pub use shape::Shape;
pub use species::Species;
pub use states::{Constellation, ProteinKind, ProteinStates};
pub use types::{Meta, Patch, PatchView, Protein};
pub use window::{Window, proteins_near, window_around, window_size};
