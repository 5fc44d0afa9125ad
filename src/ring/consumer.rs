//! The reading end: look at the oldest record in place, then let its slot go.
//!
//! Not here: what a record means ([`crate::stream`]).

use std::sync::Arc;

use super::layout::{Header, KIND_ABANDONED};
use super::memory::Memory;
use crate::error::{Result, corrupt};
use crate::sync::Ordering;

/// The reading end of a ring. One thread at a time.
pub struct Consumer {
    memory: Arc<Memory>,
    /// Records taken.
    tail: u64,
    /// The writer's head when it was last looked at; it can be stale, then it is too small.
    head: u64,
}

/// A record, read in place. It lives until [`Consumer::advance`].
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// A copy of the header, checked.
    pub header: Header,
    /// The tensor.
    pub tensor: &'a [f32],
    /// The metadata.
    pub metadata: &'a [u8],
}

impl Consumer {
    pub(super) fn new(memory: Arc<Memory>) -> Self {
        Self { memory, tail: 0, head: 0 }
    }

    /// The oldest record that was not taken yet; `None` if there is none. Abandoned slots are stepped over.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if the header is not what a producer wrote (somebody
    /// wrote beyond a loan): [`advance`](Self::advance) steps over the record.
    pub fn peek(&mut self) -> Result<Option<Record<'_>>> {
        while self.tail != self.head || self.refresh() != self.tail {
            // SAFETY: tail <= record < head, so the producer has committed the slot and does not touch it.
            let header = unsafe { self.memory.read_header(self.tail) };
            let (tensor_bytes, metadata_bytes) = (header.tensor_bytes as usize, header.metadata_bytes as usize);
            if header.crc != header.checksum()
                || header.sequence != self.tail + 1
                || !self.memory.fits(tensor_bytes, metadata_bytes)
                || tensor_bytes % 4 != 0
            {
                return Err(corrupt(format!(
                    "record {} of a ring was overwritten: something wrote beyond the patch that it was lent",
                    self.tail
                )));
            }
            if header.kind == KIND_ABANDONED {
                self.advance();
                continue;
            }
            // SAFETY: as above, until `advance`, which needs `&mut self` and so ends the record's life.
            // SAFETY: both lengths were checked on the copy.
            let tensor = unsafe { self.memory.tensor(self.tail, tensor_bytes / 4).as_ref() };
            // SAFETY: as above; metadata are bytes.
            let metadata = unsafe { self.memory.metadata(self.tail, tensor_bytes, metadata_bytes).as_ref() };
            return Ok(Some(Record { header, tensor, metadata }));
        }
        Ok(None)
    }

    /// Lets the oldest record's slot go. Does nothing on an empty ring.
    pub fn advance(&mut self) {
        if self.tail != self.head {
            self.tail += 1;
            // SYNC(tail): Release pairs with Acquire in Producer::loan.
            self.memory.control().consumer.tail.store(self.tail, Ordering::Release);
        }
    }

    /// The number of the next record to be taken.
    pub fn position(&self) -> u64 {
        self.tail
    }

    /// How many records have been committed so far; those with a smaller number can be taken.
    pub fn refresh(&mut self) -> u64 {
        // SYNC(head): Acquire pairs with Release in Producer::publish.
        self.head = self.memory.control().producer.head.load(Ordering::Acquire);
        self.head
    }

    /// The last step that the producer has ended, `i64::MIN` before the first.
    pub fn ended_step(&self) -> i64 {
        // SYNC(ended_step): Acquire pairs with Release in Producer::end_step.
        self.memory.control().producer.ended_step.load(Ordering::Acquire)
    }

    /// Breaks the header of the oldest record, as a host does that writes beyond a loan.
    #[cfg(test)]
    pub(crate) fn overwrite_header_for_tests(&mut self) {
        // SAFETY: the record is committed, and this end is the only one that may read it.
        let header = unsafe { self.memory.read_header(self.tail) };
        // SAFETY: as above.
        unsafe { self.memory.write_header(self.tail, Header { metadata_bytes: u32::MAX, ..header }) };
    }

    /// Whether the producer is gone; what it committed can still be taken.
    pub fn is_closed(&self) -> bool {
        // SYNC(closed): Acquire pairs with Release in Producer::drop.
        self.memory.control().producer.closed.load(Ordering::Acquire)
    }
}
