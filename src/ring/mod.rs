//! The ring that carries records from one writer to one reader: no lock, and no copy in between where both ends trust
//! each other. The same code runs in one process's memory ([`heap`]) and in a segment that two processes share.
//!
//! Indices are 64 bit and only grow; a power of two of slots; the writer *loans* a slot, fills it in place and *commits*
//! it. Several loans may be out and end in any order; the reader sees records in the order in which they were loaned.
//! `head` is stored last, with Release: a writer that dies leaves no torn record. Either end may sleep until the other
//! has done something, always with a time-out.
//!
//! Whether the other end is believed is a type: [`Private`] memory is this process's own, and a record is read in place;
//! [`Shared`] memory may be written by another process at any moment, so no reference into it is ever made. There,
//! indices and headers are copied, checked, then used, and a record is copied out before it is looked at.
//!
//! Small messages of one type go through [`TypedRing`], which has the traits of the `ringbuf` crate; where no segment is
//! wanted, its `HeapRb` (re-exported as [`ringbuf`]) does the same. Not here: what the bytes mean ([`crate::wire`],
//! [`crate::stream`]), and where a segment comes from (`crate::shm`).

mod bell;
mod consumer;
mod copy;
mod counts;
#[cfg(not(loom))]
mod doorbell;
mod futex;
mod layout;
mod loan;
mod memory;
#[cfg(all(test, loom))]
mod model;
mod producer;
mod region;
#[cfg(all(test, not(loom)))]
mod tests;
#[cfg(not(loom))]
mod typed;
#[cfg(not(loom))]
mod words;

pub use bell::{Wait, Waited};
pub use consumer::{Consumer, RawRecord, Record, bytes_of};
pub use counts::Counts;
#[cfg(not(loom))]
pub use doorbell::Doorbell;
pub use layout::{Geometry, Header, KIND_PATCH, LAYOUT_HASH};
pub use loan::Loan;
pub use memory::{Place, Private, Shared};
pub use producer::{OnFull, Producer, Sent};
pub use region::{Backing, Region, format};
#[cfg(not(loom))]
pub use ringbuf;
#[cfg(not(loom))]
pub use typed::{Plain, TypedRing};
#[cfg(not(loom))]
pub use words::Words;

/// Makes a ring in this process's memory, all its pages touched, and returns its two ends.
///
/// # Errors
/// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) if that much memory cannot be had.
pub fn heap(geometry: Geometry) -> crate::error::Result<(Producer, Consumer)> {
    let memory = std::sync::Arc::new(memory::Memory::heap(geometry)?);
    Ok((Producer::new(memory.clone())?, Consumer::new(memory)?))
}
