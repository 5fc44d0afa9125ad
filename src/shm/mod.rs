//! Named segments of memory that processes share: made, opened, owned by one process at a time, taken over when it died.
//!
//! `run7` of user 1000 is `/dev/shm/ps-1000-run7`, mode 0600, and beside it the empty file `ps-1000-run7.lock`. Who holds
//! the record lock on its first byte owns the segment and lives: the kernel lets go of it when the process ends, however
//! it ends. Process id, start time and boot id stand in the segment for messages only, since containers hide them.
//!
//! ```text
//! page 0   magic (last), version, layout hash, epoch, size, nonce, owner, table of parts, CRC; the state on its own line
//! page 1   32 numbers for watchers, each on a line of its own
//! then     the parts, each at a multiple of the page: rings, or plain bytes
//! ```
//! A successor makes a new object under the old name, with a higher epoch, and marks the old one: whoever still has that
//! mapped writes where nobody reads, and its calls answer `FENCED`. All pages are reserved when a segment is made, so a
//! full `/dev/shm` is an error and not a signal. One hazard is left: a process of the same user that truncates a segment
//! which is in use ends those who touch it (SIGBUS); none of ours does.
//!
//! Not here: what travels through a ring ([`crate::ring`]), an owner with many peers ([`crate::lane`]).

mod control;
mod files;
mod fork;
mod lock;
mod mapping;
mod name;
mod owner;
mod reserve;
mod segment;
mod stats;
#[cfg(test)]
mod tests;

pub use control::{Part, PartSpec};
pub use owner::Owner;
pub use segment::Segment;
pub use stats::{STATS, Stats};
