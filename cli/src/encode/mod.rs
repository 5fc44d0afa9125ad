//! `patchstream encode`: the points of patches that are in a file, for those who have no simulation at hand.
//!
//! Files: `options` (what it can be told), `run` (threads, and the file of points), `patches` (patches as the file has
//! them, and as an encoder takes them), `summary` (what it says).
//! Not here: the encoders ([`patchstream::encode`]), opening one by its name ([`crate::model`]).

mod options;
mod patches;
mod run;
mod summary;

pub use options::Options;
pub use run::run;
