//! The micro side of a campaign: processes that simulate what was selected, and what comes back from them.
//!
//! Files: `closed` (the loop), `options` (what a user says), `plan` (what workers are told of a simulation, and what becomes of it), `worker` (a process that takes
//! jobs), `crew` (the processes of a campaign), `rounds` (tables to potentials), `saved` (what of it outlives a kill), `cpu` (who took the processors), `told` (what a summary says).
//! Not here: jobs and how they travel (`patchstream::job`), the arithmetic of feedback (`patchstream::feedback`), the loop
//! ([`super::campaign`]).

mod closed;
mod cpu;
mod crew;
mod options;
mod plan;
mod rounds;
mod saved;
mod told;
mod worker;

pub use closed::{Closed, Ended};
pub use options::MicroOptions;
#[cfg(test)]
pub use plan::PlanOptions;
pub use plan::{feedback, note, transport};
pub use rounds::NAME;
pub use saved::SavedRounds;
pub use told::{say, tell};
pub use worker::{Held, Options as WorkerOptions, run as work};
