//! The writing end: loan a slot, fill it in place, commit or abandon it.
//!
//! Not here: checks of what is written ([`crate::stream`]).

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use super::layout::{Geometry, Header, KIND_ABANDONED};
use super::memory::Memory;
use crate::error::{Result, argument};
use crate::sync::{AtomicU8, Ordering};

/// What became of a loaned slot. A slot that is not out is [`ENDED`].
const OUT: u8 = 1;
const ENDED: u8 = 0;

/// The writing end of a ring. One thread at a time; loans may be filled by any thread.
pub struct Producer {
    memory: Arc<Memory>,
    /// State of each slot that was loaned: [`OUT`] until it is committed or abandoned.
    slots: Arc<[AtomicU8]>,
    /// Records published, what `head` says; `published <= loaned <= published + slots`.
    published: u64,
    /// Records loaned so far.
    loaned: u64,
    /// The reader's tail when it was last looked at; it can be stale, then it is too small.
    tail: u64,
}

impl Producer {
    pub(super) fn new(memory: Arc<Memory>) -> Self {
        let slots = (0..memory.geometry().slots()).map(|_| AtomicU8::new(ENDED)).collect();
        Self { memory, slots, published: 0, loaned: 0, tail: 0 }
    }

    /// How the ring is divided.
    pub fn geometry(&self) -> Geometry {
        self.memory.geometry()
    }

    /// The next slot, to be filled with a tensor of `len` float32 and committed; `None` while the ring is full.
    /// What the slot held before is still in it.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if `len` is over the ring's tensor length.
    pub fn loan(&mut self, len: usize) -> Result<Option<Loan>> {
        if len > self.geometry().tensor_len() {
            return Err(argument(format!("a tensor of {len} numbers in slots for {}", self.geometry().tensor_len())));
        }
        self.publish();
        let slots = self.geometry().slots() as u64;
        if self.loaned - self.tail == slots {
            // SYNC(tail): Acquire pairs with Release in Consumer::advance: the reader is done with those slots.
            self.tail = self.memory.control().consumer.tail.load(Ordering::Acquire);
            if self.loaned - self.tail == slots {
                return Ok(None);
            }
        }
        let index = self.loaned;
        self.loaned += 1;
        self.state(index).store(OUT, Ordering::Relaxed);
        // SAFETY: record `index` is at or past head and less than a lap past tail, so the reader does not touch its slot.
        // SAFETY: the slot is out, so no other loan of it exists until this one ends.
        // SAFETY: `len` was checked.
        let tensor = unsafe { self.memory.tensor(index, len) };
        // SAFETY: as above.
        unsafe { self.memory.write_header(index, abandoned(index)) };
        Ok(Some(Loan { memory: self.memory.clone(), slots: self.slots.clone(), index, tensor }))
    }

    /// Commits a loan as a record with the kind, id, step, content hash and time of `header`, whose other fields are
    /// set here. The reader sees it once every earlier loan has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a loan of another ring or more metadata than the
    /// slot has room for; the loan is abandoned.
    pub fn commit(&mut self, loan: Loan, metadata_bytes: usize, header: Header) -> Result<()> {
        let tensor_bytes = loan.len() * 4;
        if !Arc::ptr_eq(&loan.memory, &self.memory) {
            return Err(argument("a loan of another ring: commit it to the producer that lent it"));
        }
        if !self.memory.fits(tensor_bytes, metadata_bytes) {
            return Err(argument(format!("metadata of {metadata_bytes} bytes do not fit into the slot")));
        }
        let mut header = Header {
            sequence: loan.index + 1,
            tensor_bytes: tensor_bytes as u32,
            metadata_bytes: metadata_bytes as u32,
            ..header
        };
        header.crc = header.checksum();
        // SAFETY: the loan owns the slot.
        unsafe { self.memory.write_header(loan.index, header) };
        drop(loan);
        self.publish();
        Ok(())
    }

    /// Gives a loan up. The newest one's slot is free again at once; another's passes by the reader as a gap.
    pub fn abandon(&mut self, loan: Loan) {
        let newest = Arc::ptr_eq(&loan.memory, &self.memory) && loan.index + 1 == self.loaned;
        drop(loan);
        if newest {
            self.loaned -= 1;
        }
        self.publish();
    }

    /// Says that nothing more comes for steps up to `step`.
    pub fn end_step(&mut self, step: i64) {
        self.publish();
        // SYNC(ended_step): Release pairs with Acquire in Consumer::ended_step: the step's records are seen first.
        self.memory.control().producer.ended_step.store(step, Ordering::Release);
    }

    /// The last step ended, `i64::MIN` before the first.
    pub fn ended_step(&self) -> i64 {
        self.memory.control().producer.ended_step.load(Ordering::Relaxed)
    }

    /// Whether a loan is out, so that what was committed after it waits for it.
    pub fn has_loans(&mut self) -> bool {
        self.publish();
        self.published != self.loaned
    }

    /// Moves head over all slots whose loans have ended, up to the first that is still out.
    pub fn publish(&mut self) {
        let before = self.published;
        // SYNC(slot): Acquire pairs with Release in Loan::drop: what was written into the slot is seen first.
        while self.published < self.loaned && self.state(self.published).load(Ordering::Acquire) == ENDED {
            self.published += 1;
        }
        if self.published != before {
            // SYNC(head): Release pairs with Acquire in Consumer::peek. This store is the commit.
            self.memory.control().producer.head.store(self.published, Ordering::Release);
        }
    }

    /// Ends the producer: what was committed stays, loans that are out are given up. Closing again does nothing.
    pub(crate) fn close(&mut self) {
        // Slots whose loans are still out carry the header of an abandoned one, which is all that the reader looks at,
        // and no loan is made any more, so nothing writes a header again.
        self.published = self.loaned;
        // SYNC(head): Release pairs with Acquire in Consumer::peek.
        self.memory.control().producer.head.store(self.loaned, Ordering::Release);
        // SYNC(closed): Release pairs with Acquire in Consumer::is_closed: the last records are seen first.
        self.memory.control().producer.closed.store(true, Ordering::Release);
    }

    fn state(&self, index: u64) -> &AtomicU8 {
        &self.slots[index as usize & (self.slots.len() - 1)]
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.close();
    }
}

/// A slot that is being filled: its tensor, as a slice. Any thread may fill it. Records of later loans wait for it;
/// dropped, it is abandoned, and the wait ends with the producer's next call.
pub struct Loan {
    memory: Arc<Memory>,
    slots: Arc<[AtomicU8]>,
    index: u64,
    tensor: NonNull<[f32]>,
}

// SAFETY: a loan is the only holder of its slot until it ends.
unsafe impl Send for Loan {}
// SAFETY: through a shared loan the slot can only be read.
unsafe impl Sync for Loan {}

impl Loan {
    /// The tensor as bytes, in native order.
    pub fn tensor_bytes(&self) -> &[u8] {
        // SAFETY: the loan owns its slot; four bytes a float, all initialised.
        unsafe { std::slice::from_raw_parts(self.tensor.cast().as_ptr(), self.tensor.len() * 4) }
    }

    /// The bytes that metadata may take behind the tensor.
    pub fn metadata_mut(&mut self) -> &mut [u8] {
        let geometry = self.memory.geometry();
        let tensor_bytes = self.tensor.len() * 4;
        // SAFETY: the loan owns its slot, and `metadata_bytes` fit beside the longest tensor.
        unsafe { self.memory.metadata(self.index, tensor_bytes, geometry.metadata_bytes()).as_mut() }
    }
}

impl Deref for Loan {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: the loan owns its slot; any bytes are floats.
        unsafe { self.tensor.as_ref() }
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: the loan owns its slot.
        unsafe { self.tensor.as_mut() }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let slot = self.index as usize & (self.slots.len() - 1);
        // SYNC(slot): Release pairs with Acquire in Producer::publish.
        self.slots[slot].store(ENDED, Ordering::Release);
    }
}

/// The header of a slot that nobody has committed: the reader steps over it.
fn abandoned(index: u64) -> Header {
    let mut header = Header { sequence: index + 1, kind: KIND_ABANDONED, ..Header::default() };
    header.crc = header.checksum();
    header
}
