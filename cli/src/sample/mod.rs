//! `patchstream sample`: DynIm on points from a file, for those who have points and no simulation.
//!
//! Files: `options` (what it can be told), `run` (the events), `npy` (the format that NumPy saves), `points` (points and
//! ids in it), `files` (what it writes), `hands` (threads), `clock` (what it costs), `summary` (what it says).
//! Not here: the sampler ([`patchstream::dynim`]).

mod clock;
mod files;
mod hands;
mod npy;
mod options;
mod points;
mod run;
mod summary;

pub use options::Options;
pub use run::run;
