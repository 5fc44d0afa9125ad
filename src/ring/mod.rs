//! The ring that carries records from a producer to the operator: one writer, one reader, no lock, no copy in between.
//!
//! Indices are 64 bit and only grow; a power of two of slots; the writer *loans* a slot, fills it in place and *commits*
//! it. Several loans may be out and end in any order; the reader sees records in the order in which they were loaned.
//! `head` is stored last, with Release: a writer that dies leaves no torn record.
//!
//! Not here: what the bytes mean ([`crate::wire`], [`crate::stream`]), and waiting (a full ring answers at once).

mod consumer;
mod layout;
mod memory;
mod producer;
#[cfg(test)]
mod tests;

pub use consumer::{Consumer, Record};
pub use layout::{Geometry, Header, KIND_PATCH};
pub use producer::{Loan, Producer};

/// Makes a ring in this process's memory, all its pages touched, and returns its two ends.
///
/// # Errors
/// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) if that much memory cannot be had.
pub fn heap(geometry: Geometry) -> crate::error::Result<(Producer, Consumer)> {
    let memory = memory::Memory::heap(geometry)?;
    Ok((Producer::new(memory.clone()), Consumer::new(memory)))
}
