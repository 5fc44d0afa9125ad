//! `dir:PATH`: jobs through a folder that all machines see, for workers that a scheduler starts anywhere.
//!
//! No lock, no socket, no process that has to live for a job to be taken: tickets and claims are files, a claim is made
//! by a link, which exactly one gets, and it is a lease. Files come to their names whole, under checksums, and are looked
//! for at a stated interval ([`Options`]). `desk.rs` is the worker's side, `office.rs` the owner's.
//!
//! What is relied upon: that a link to a name that exists fails, that a rename is seen whole or not at all, and that a
//! file that was closed can be opened elsewhere with all of its bytes, if after a while. A client that is told late of
//! new names (NFS caches folders for up to a minute) may do a job's window twice, never count it twice.
//! Not here: jobs as such ([`super`]), whose rules both sides share (`src/job/transport.rs`).

mod claim;
mod desk;
mod files;
mod folder;
mod frame;
mod inbox;
mod look;
mod names;
mod office;
mod recall;
#[cfg(test)]
mod tests;
mod tickets;
mod who;
mod words;

pub(super) use desk::DirDesk;
pub use folder::Options;
pub use look::{Claimed, Cleaned, JobLook, Look, clean, look};
pub use names::Word;
pub(crate) use office::DirOffice;
pub use who::Who;
