//! `patchstream sample`: DynIm on points from a file, for those who have points and no simulation.
//!
//! Files: `options` (what it can be told), `run` (the events), `points` (points and ids in files that NumPy saves),
//! `files` (what it writes), `hands` (threads), `summary` (what it says).
//! Not here: the sampler ([`patchstream::dynim`]).

mod files;
mod hands;
mod options;
mod points;
mod run;
mod summary;

pub use options::Options;
pub use points::Points;
pub use run::run;
