//! Jobs: selected patches that micro hosts take, simulate, and bring results of, wherever they run.
//!
//! Each pick of a stream that has a transport becomes a job at the end of a line. A worker asks for the oldest one or
//! for the one that its ticket names; the attempt, one more each time that a job is given out, keeps out whoever had it
//! before. A worker that dies or is interrupted puts its job back to the front, one that fails puts it to the end, and
//! after three failures the job is set aside. The first accepted (job, observable, window) wins.
//!
//! One of two transports carries them: `shm:NAME`, lanes through shared memory of one machine, or `dir:PATH`, files in a
//! folder that all machines see ([`dir`]).
//! Not here: who is picked ([`crate::dynim`]), what the results are for, and the owner's densities ([`crate::stream`]).

mod desk;
pub mod dir;
#[allow(clippy::module_inception, reason = "the noun that the folder is about")]
mod job;
mod line;
#[cfg(test)]
mod naive;
mod office;
mod parcel;
mod past;
mod status;
#[cfg(test)]
mod tests;
mod ticket;
mod transport;
mod windows;

pub(crate) use dir::DirOffice;
pub use job::{Job, Submitted};
pub(crate) use line::Line;
pub(crate) use office::{ShmOffice, hash};
pub use past::JobCounts;
pub(crate) use past::Moved;
pub use ticket::{Ticket, Transport};
pub(crate) use transport::{Deliver, Office};

/// The most sums of a sample.
const SUMS_MAX: usize = 1 << 22;
