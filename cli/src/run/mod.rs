//! `patchstream log` and `verify`: what is in the folder of a run.
//!
//! Files: `options` (what they can be told), `entry` (an entry of the log, as what it is), `log` (events, a line each),
//! `verify` (every record).
//! Not here: the folder and its files ([`patchstream::store`]), what a stream writes there ([`patchstream::stream::journal`]).

mod entry;
mod log;
mod options;
mod verify;

pub use log::log;
pub use options::{LogOptions, VerifyOptions};
pub use verify::verify;
