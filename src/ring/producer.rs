//! The writing end: loan a slot, fill it in place, commit or abandon it.
//!
//! Not here: checks of what is written ([`crate::stream`]).

use std::marker::PhantomData;
use std::sync::Arc;

use super::bell::{Wait, Waited};
use super::counts::Counts;
use super::layout::{Geometry, Header, KIND_ABANDONED};
use super::loan::{ENDED, Loan, OUT};
use super::memory::{Memory, Place, Private, Shared};
use super::region::Region;
use crate::error::{Error, Result, argument, corrupt, state};
use crate::sync::{AtomicU8, Ordering};

/// The writing end of a ring. One thread at a time; loans may be filled by any thread.
pub struct Producer<P: Place = Private> {
    memory: Arc<Memory>,
    /// State of each slot that was loaned: [`OUT`] until it is committed or abandoned.
    slots: Arc<[AtomicU8]>,
    /// Records published, what `head` says; `published <= loaned <= published + slots`.
    published: u64,
    /// Records loaned so far.
    loaned: u64,
    /// The reader's tail when it was last looked at; it can be stale, then it is too small.
    tail: u64,
    place: PhantomData<P>,
}

/// What to do with a record for which there is no room.
#[derive(Debug, Clone, Copy, Default)]
pub enum OnFull<'a> {
    /// Say so: [`Sent::Full`].
    #[default]
    Answer,
    /// Wait for room. Only where another process reads: in one process the reader may be the very thread that waits.
    Block(Wait<'a>),
    /// Drop this record, the newest: [`Sent::Dropped`].
    Drop,
}

/// What became of a record that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is in the ring.
    Committed,
    /// The ring is full, or stayed full for as long as was to be waited: nothing was taken.
    Full,
    /// The ring is full, and the record is lost and counted.
    Dropped,
    /// A stop or a signal ended the wait for room: nothing was taken.
    Stopped,
}

impl Producer<Shared> {
    /// The writing end of the ring that lies in a region. It goes on where the last one stopped: what was committed
    /// stays, and loans that died with their process were never seen.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if there is no ring yet,
    /// [`ErrorKind::Version`](crate::error::ErrorKind::Version) for one of another layout,
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if its description or its indices are not sound, and
    /// those of [`Backing::usable`](super::Backing::usable).
    pub fn attach(region: Region) -> Result<Self> {
        Self::new(Arc::new(Memory::attach(region)?))
    }
}

impl<P: Place> Producer<P> {
    pub(super) fn new(memory: Arc<Memory>) -> Result<Self> {
        let slots = (0..memory.geometry().slots()).map(|_| AtomicU8::new(ENDED)).collect();
        let control = memory.control();
        let head = control.producer.head.load(Ordering::Acquire);
        let tail = control.consumer.tail.load(Ordering::Acquire);
        if !are_possible(head, tail, memory.geometry()) {
            return Err(overwritten(head, tail, memory.geometry()));
        }
        control.producer.closed.store(0, Ordering::Relaxed);
        Ok(Self { memory, slots, published: head, loaned: head, tail, place: PhantomData })
    }

    /// How the ring is divided.
    pub fn geometry(&self) -> Geometry {
        self.memory.geometry()
    }

    /// The next slot, to be filled with a tensor of `len` float32 and committed; `None` while the ring is full.
    /// What the slot held before is still in it.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if `len` is over the ring's tensor length. In shared
    /// memory also [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if the reader's index cannot be true, and
    /// those of [`Backing::usable`](super::Backing::usable).
    pub fn loan(&mut self, len: usize) -> Result<Option<Loan<P>>> {
        if len > self.geometry().tensor_len() {
            return Err(argument(format!("a tensor of {len} numbers in slots for {}", self.geometry().tensor_len())));
        }
        self.memory.usable()?;
        self.publish();
        if !self.has_room()? {
            return Ok(None);
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
        let (memory, slots) = (self.memory.clone(), self.slots.clone());
        Ok(Some(Loan { memory, slots, index, tensor, place: PhantomData }))
    }

    /// Commits a loan as a record with the kind, id, step, content hash and time of `header`, whose other fields are
    /// set here. The reader sees it once every earlier loan has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a loan of another ring or more metadata than the
    /// slot has room for, and those of [`Backing::usable`](super::Backing::usable); the loan is abandoned.
    pub fn commit(&mut self, loan: Loan<P>, metadata_bytes: usize, header: Header) -> Result<()> {
        let tensor_bytes = loan.len() * 4;
        if !Arc::ptr_eq(&loan.memory, &self.memory) {
            return Err(argument("a loan of another ring: commit it to the producer that lent it"));
        }
        if !self.geometry().fits(tensor_bytes, metadata_bytes) {
            return Err(argument(format!("metadata of {metadata_bytes} bytes do not fit into the slot")));
        }
        self.memory.usable()?;
        let mut header = Header {
            sequence: loan.index + 1,
            tensor_bytes: tensor_bytes as u32,
            metadata_bytes: metadata_bytes as u32,
            payload_crc: 0,
            ..header
        };
        if self.geometry().payload_crc() {
            // SAFETY: both parts fit.
            header.payload_crc = unsafe { self.memory.payload_crc(loan.index, tensor_bytes, metadata_bytes) };
        }
        header.crc = header.checksum();
        // SAFETY: the loan owns the slot.
        unsafe { self.memory.write_header(loan.index, header) };
        drop(loan);
        self.publish();
        Ok(())
    }

    /// Gives a loan up. The newest one's slot is free again at once; another's passes by the reader as a gap.
    pub fn abandon(&mut self, loan: Loan<P>) {
        let newest = Arc::ptr_eq(&loan.memory, &self.memory) && loan.index + 1 == self.loaned;
        drop(loan);
        if newest {
            self.loaned -= 1;
        }
        self.publish();
    }

    /// Copies a record in and commits it; `full` says what happens if there is no room.
    ///
    /// # Errors
    /// Those of [`loan`](Self::loan) and [`commit`](Self::commit);
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) for [`OnFull::Block`] in this process's own memory.
    pub fn send(&mut self, header: Header, tensor: &[f32], metadata: &[u8], full: &OnFull<'_>) -> Result<Sent> {
        if !self.geometry().fits(tensor.len() * 4, metadata.len()) {
            let (numbers, bytes) = (tensor.len(), metadata.len());
            return Err(argument(format!("{numbers} numbers and {bytes} bytes of metadata do not fit into a slot")));
        }
        let mut loan = self.loan(tensor.len())?;
        if let (None, OnFull::Block(wait)) = (&loan, full) {
            if !P::FOREIGN {
                return Err(state("a ring within one process cannot be waited for: poll the stream, then send again"));
            }
            if matches!(self.wait(wait)?, Waited::Stopped | Waited::Interrupted) {
                return Ok(Sent::Stopped);
            }
            loan = self.loan(tensor.len())?;
        }
        let Some(mut loan) = loan else { return Ok(self.without_room(full)) };
        loan.write_tensor(tensor)?;
        loan.write_metadata(metadata)?;
        self.commit(loan, metadata.len(), header)?;
        Ok(Sent::Committed)
    }

    /// Waits until there is room for a loan, or the reader has closed.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if the reader's index cannot be true, and those of
    /// [`Backing::pulse`](super::Backing::pulse).
    pub fn wait(&mut self, wait: &Wait<'_>) -> Result<Waited> {
        self.memory.usable()?;
        self.publish();
        let memory = self.memory.clone();
        let control = memory.control();
        // An index that cannot be true ends the wait too; it is told below.
        let ready = || control.consumer.closed.load(Ordering::Relaxed) != 0 || self.has_room().unwrap_or(true);
        let waited = control.room.wait(wait, ready, || memory.pulse())?;
        self.has_room()?;
        Ok(waited)
    }

    /// Says that nothing more comes for steps up to `step`.
    pub fn end_step(&mut self, step: i64) {
        if self.memory.usable().is_err() {
            return;
        }
        self.publish();
        // SYNC(ended_step): Release pairs with Acquire in Consumer::ended_step: the step's records are seen first.
        self.memory.control().producer.ended_step.store(step, Ordering::Release);
        self.memory.control().records.ring();
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
        if self.published != before && self.memory.usable().is_ok() {
            // SYNC(head): Release pairs with Acquire in Consumer::refresh. This store is the commit.
            self.memory.control().producer.head.store(self.published, Ordering::Release);
            self.memory.control().records.ring();
        }
    }

    /// Whether the reader has closed its end, so that nothing more will be taken.
    pub fn is_closed(&self) -> bool {
        self.memory.control().consumer.closed.load(Ordering::Acquire) != 0
    }

    /// What the ring has counted.
    pub fn counts(&self) -> Counts {
        Counts::read(self.memory.control())
    }

    /// Ends the producer: what was committed stays, loans that are out are given up. Closing again does nothing.
    pub(crate) fn close(&mut self) {
        // In the child of a fork the ring is the parent's.
        if self.memory.usable().is_err() {
            return;
        }
        // Slots whose loans are still out carry the header of an abandoned one, which is all that the reader looks at,
        // and no loan is made any more, so nothing writes a header again.
        self.published = self.loaned;
        // SYNC(head): Release pairs with Acquire in Consumer::refresh.
        self.memory.control().producer.head.store(self.loaned, Ordering::Release);
        // SYNC(closed): Release pairs with Acquire in Consumer::is_closed: the last records are seen first.
        self.memory.control().producer.closed.store(1, Ordering::Release);
        self.memory.control().records.ring();
    }

    /// Counts a record for which there is no room, as [`send`](Self::send) does.
    pub(crate) fn without_room(&self, full: &OnFull<'_>) -> Sent {
        let counts = &self.memory.control().producer_counts;
        let (count, answer) = match full {
            OnFull::Answer | OnFull::Block(_) => (&counts.full, Sent::Full),
            OnFull::Drop => (&counts.dropped, Sent::Dropped),
        };
        // The producer is the only writer of its counts.
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        answer
    }

    /// Whether one more slot can be loaned.
    fn has_room(&mut self) -> Result<bool> {
        let slots = self.geometry().slots() as u64;
        if self.loaned - self.tail < slots {
            return Ok(true);
        }
        // SYNC(tail): Acquire pairs with Release in Consumer::advance: the reader is done with those slots.
        let tail = self.memory.control().consumer.tail.load(Ordering::Acquire);
        if tail < self.tail || tail > self.published {
            return Err(overwritten(self.published, tail, self.geometry()));
        }
        self.tail = tail;
        Ok(self.loaned - self.tail < slots)
    }

    fn state(&self, index: u64) -> &AtomicU8 {
        &self.slots[index as usize & (self.slots.len() - 1)]
    }
}

impl<P: Place> Drop for Producer<P> {
    fn drop(&mut self) {
        self.close();
    }
}

/// The header of a slot that nobody has committed: the reader steps over it.
fn abandoned(index: u64) -> Header {
    let mut header = Header { sequence: index + 1, kind: KIND_ABANDONED, ..Header::default() };
    header.crc = header.checksum();
    header
}

/// Whether the two ends of a ring can have these indices. None comes to 2^63, so that counting on never overflows.
pub(super) fn are_possible(head: u64, tail: u64, geometry: Geometry) -> bool {
    head < 1 << 63 && head.checked_sub(tail).is_some_and(|fill| fill <= geometry.slots() as u64)
}

/// Indices that no two ends of a ring can have.
pub(super) fn overwritten(head: u64, tail: u64, geometry: Geometry) -> Error {
    corrupt(format!(
        "a ring of {} slots says that {head} records were written and {tail} taken: something else wrote into it, make it anew",
        geometry.slots()
    ))
}
