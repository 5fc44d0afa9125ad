//! `patchstream log`, `verify`, `replay` and `export`: what is in the folder of a run.
//!
//! Files: `options` (what they can be told), `entry` (an entry of the log, as what it is), `reading` (all of them in order),
//! `log` (events, a line each), `verify` (every record), `replay` (the decisions, made again), `reencode` (points, made
//! again), `seen` (where every patch is), `weighing` (weights), `kept` (densities, as an array) and `export` (all that, as files).
//! Not here: the folder and its files ([`patchstream::store`]), what a stream writes there ([`patchstream::stream::journal`]).

mod entry;
mod export;
mod kept;
mod log;
mod options;
mod reading;
mod reencode;
mod replay;
mod seen;
mod verify;
mod weighing;

pub use export::export;
pub use log::log;
pub use options::{ExportOptions, LogOptions, ReplayOptions, VerifyOptions};
pub use replay::replay;
pub use verify::verify;
