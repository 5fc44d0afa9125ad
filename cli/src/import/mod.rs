//! `patchstream import-dynim`: a run of the history that LLNL's `dynim` wrote, for those who change over.
//!
//! Files: `options` (what it can be told), `history` (the file's rows), `names` (what it calls each point), `events` (what
//! happened, in order), `write` (the run's log), `run` (all together, and what is said).
//! Not here: `dynim`'s checkpoints. They are pickles, which may run code as they are read, and nothing reads them.

mod events;
mod history;
mod names;
mod options;
mod run;
mod write;

pub use options::Options;
pub use run::run;
