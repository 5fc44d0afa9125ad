//! The reading end: look at the oldest record, then let its slot go.
//!
//! Not here: what a record means ([`crate::stream`]).

use std::marker::PhantomData;
use std::sync::Arc;

use super::bell::{Wait, Waited};
use super::copy::copy;
use super::counts::Counts;
use super::layout::{Geometry, Header, KIND_ABANDONED, aligned};
use super::memory::{Memory, Place, Private, Shared};
use super::producer::{are_possible, overwritten};
use super::region::Region;
use crate::error::{Error, Result, corrupt};
use crate::sync::{Ordering, fence};

/// The reading end of a ring. One thread at a time.
pub struct Consumer<P: Place = Private> {
    memory: Arc<Memory>,
    /// Records taken.
    tail: u64,
    /// The writer's head when it was last looked at; it can be stale, then it is too small.
    head: u64,
    trust: Trust,
    /// Where a record of shared memory is copied to: tensor, then metadata at the next multiple of 64.
    copied: Box<[Line]>,
    place: PhantomData<P>,
}

/// Whether the writer's index has been possible so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Kept,
    /// It was this once.
    Lost(u64),
    /// And that has been told.
    Told,
}

/// 64 bytes at their alignment, as tensors have in a slot.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([u8; 64]);

/// A record. It lives until [`Consumer::advance`].
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// A copy of the header, checked.
    pub header: Header,
    /// The tensor.
    pub tensor: &'a [f32],
    /// The metadata.
    pub metadata: &'a [u8],
}

impl Record<'_> {
    /// The tensor as bytes, in native order.
    pub fn tensor_bytes(&self) -> &[u8] {
        bytes_of(self.tensor)
    }
}

/// Numbers as bytes, in native order.
pub fn bytes_of(numbers: &[f32]) -> &[u8] {
    // SAFETY: four bytes a float, all initialised, for as long as the numbers are lent.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

/// A record in shared memory whose tensor is read where it lies. It lives until [`Consumer::advance`].
pub struct RawRecord<'a> {
    /// A copy of the header, checked.
    pub header: Header,
    /// A copy of the metadata.
    pub metadata: &'a [u8],
    memory: &'a Memory,
    index: u64,
}

impl RawRecord<'_> {
    /// The first float32 of the tensor, at a multiple of 64 bytes, and how many there are. Another process may write
    /// them at any moment: make no reference of it, read each once.
    pub fn tensor(&self) -> (*const f32, usize) {
        let len = self.header.tensor_bytes as usize / 4;
        // SAFETY: the length was checked when the header was.
        (unsafe { self.memory.tensor(self.index, len) }.cast().as_ptr(), len)
    }

    /// After the last read: whether the record was whole all along, so that what was read of it counts.
    pub fn is_whole(&self) -> bool {
        // SYNC(sequence): the reads of the record are done before the header is looked at again.
        fence(Ordering::Acquire);
        self.memory.read_header(self.index) == self.header
    }
}

impl Consumer<Shared> {
    /// The reading end of the ring that lies in a region. It goes on at the first record that was not taken.
    ///
    /// # Errors
    /// Those of [`Producer::attach`](super::Producer::attach).
    pub fn attach(region: Region) -> Result<Self> {
        Self::new(Arc::new(Memory::attach(region)?))
    }

    /// Like [`peek`](Self::peek), but the tensor stays where it is. A payload CRC is not checked.
    ///
    /// # Errors
    /// Those of [`peek`](Self::peek).
    pub fn peek_raw(&mut self) -> Result<Option<RawRecord<'_>>> {
        let Some(header) = self.next_header()? else { return Ok(None) };
        let (index, metadata_bytes) = (self.tail, header.metadata_bytes as usize);
        self.copy_out(&header, 0);
        let metadata = &self.bytes()[aligned(header.tensor_bytes as usize)..][..metadata_bytes];
        Ok(Some(RawRecord { header, metadata, memory: &self.memory, index }))
    }
}

impl<P: Place> Consumer<P> {
    pub(super) fn new(memory: Arc<Memory>) -> Result<Self> {
        let geometry = memory.geometry();
        let control = memory.control();
        let tail = control.consumer.tail.load(Ordering::Acquire);
        let head = control.producer.head.load(Ordering::Acquire);
        if !are_possible(head, tail, geometry) {
            return Err(overwritten(head, tail, geometry));
        }
        control.consumer.closed.store(0, Ordering::Relaxed);
        let lines = if P::FOREIGN { geometry.slot_bytes() / 64 } else { 0 };
        let copied = vec![Line([0; 64]); lines].into();
        Ok(Self { memory, tail, head, trust: Trust::Kept, copied, place: PhantomData })
    }

    /// How the ring is divided.
    pub fn geometry(&self) -> Geometry {
        self.memory.geometry()
    }

    /// The oldest record that was not taken yet; `None` if there is none. Abandoned slots are stepped over. In this
    /// process's memory it is read in place; out of shared memory it is copied first, and looked at whether it was
    /// whole before and after.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if the record is not what a producer wrote (somebody
    /// wrote beyond a loan): [`advance`](Self::advance) steps over it. The same, once, if the writer's index cannot be
    /// true: nothing more comes then, and the ring counts as closed. In shared memory also those of
    /// [`Backing::usable`](super::Backing::usable).
    pub fn peek(&mut self) -> Result<Option<Record<'_>>> {
        let Some(header) = self.next_header()? else { return Ok(None) };
        let (tensor_bytes, metadata_bytes) = (header.tensor_bytes as usize, header.metadata_bytes as usize);
        if P::FOREIGN {
            self.copy_out(&header, tensor_bytes);
            // SYNC(sequence): the copy is done before the header is looked at again.
            fence(Ordering::Acquire);
            if self.memory.read_header(self.tail) != header {
                return Err(self.refuse());
            }
        }
        let (tensor, metadata) = if P::FOREIGN {
            let metadata = &self.bytes()[aligned(tensor_bytes)..][..metadata_bytes];
            // SAFETY: the copy is ours, 64-byte aligned, at least that long, and any bytes are floats.
            (unsafe { std::slice::from_raw_parts(self.copied.as_ptr().cast(), tensor_bytes / 4) }, metadata)
        } else {
            // SAFETY: tail <= record < head, so the producer has committed the slot and does not touch it until
            // SAFETY: `advance`, which needs `&mut self` and so ends the record's life.
            // SAFETY: both lengths were checked on the copy of the header.
            unsafe {
                let tensor = self.memory.tensor(self.tail, tensor_bytes / 4).as_ref();
                (tensor, self.memory.metadata(self.tail, tensor_bytes, metadata_bytes).as_ref())
            }
        };
        let crc = || crc32c::crc32c_append(crc32c::crc32c(bytes_of(tensor)), metadata);
        if self.geometry().payload_crc() && crc() != header.payload_crc {
            return Err(self.refuse());
        }
        Ok(Some(Record { header, tensor, metadata }))
    }

    /// Lets the oldest record's slot go. Does nothing on an empty ring.
    pub fn advance(&mut self) {
        if self.tail != self.head && self.memory.usable().is_ok() {
            self.tail += 1;
            // SYNC(tail): Release pairs with Acquire in Producer::has_room.
            self.memory.control().consumer.tail.store(self.tail, Ordering::Release);
            self.memory.control().room.ring();
        }
    }

    /// Waits until there is a record, or the writer has closed.
    ///
    /// # Errors
    /// Those of [`Backing::pulse`](super::Backing::pulse).
    pub fn wait(&mut self, wait: &Wait<'_>) -> Result<Waited> {
        self.memory.usable()?;
        let memory = self.memory.clone();
        let ready = || self.refresh() != self.tail || self.trust != Trust::Kept || self.is_closed();
        memory.control().records.wait(wait, ready, || memory.pulse())
    }

    /// The number of the next record to be taken.
    pub fn position(&self) -> u64 {
        self.tail
    }

    /// How many records have been committed so far; those with a smaller number can be taken.
    pub fn refresh(&mut self) -> u64 {
        if self.trust == Trust::Kept && self.memory.usable().is_ok() {
            // SYNC(head): Acquire pairs with Release in Producer::publish.
            let head = self.memory.control().producer.head.load(Ordering::Acquire);
            if head < self.head || head - self.tail > self.memory.geometry().slots() as u64 {
                self.trust = Trust::Lost(head);
                self.head = self.tail;
                self.count_corrupt();
            } else {
                self.head = head;
            }
        }
        self.head
    }

    /// The last step that the producer has ended, `i64::MIN` before the first.
    pub fn ended_step(&self) -> i64 {
        // SYNC(ended_step): Acquire pairs with Release in Producer::end_step.
        self.memory.control().producer.ended_step.load(Ordering::Acquire)
    }

    /// Whether the producer is gone; what it committed can still be taken.
    pub fn is_closed(&self) -> bool {
        // SYNC(closed): Acquire pairs with Release in Producer::close.
        self.trust == Trust::Told || self.memory.control().producer.closed.load(Ordering::Acquire) != 0
    }

    /// Whether the writer's index cannot be true, which [`peek`](Self::peek) has still to tell.
    pub fn has_lost_trust(&self) -> bool {
        matches!(self.trust, Trust::Lost(_))
    }

    /// What the ring has counted.
    pub fn counts(&self) -> Counts {
        Counts::read(self.memory.control())
    }

    /// Breaks the header of the oldest record, as a host does that writes beyond a loan.
    #[cfg(test)]
    pub(crate) fn overwrite_header_for_tests(&mut self) {
        let header = self.memory.read_header(self.tail);
        // SAFETY: the record is committed, and this end is the only one that may read it.
        unsafe { self.memory.write_header(self.tail, Header { metadata_bytes: u32::MAX, ..header }) };
    }

    /// A checked copy of the oldest record's header; `None` if there is no record. Abandoned slots are stepped over, as many
    /// as the ring has: a writer that goes on to make such cannot hold its reader up.
    fn next_header(&mut self) -> Result<Option<Header>> {
        self.memory.usable()?;
        let mut abandoned = 0;
        while self.tail != self.head || self.refresh() != self.tail {
            let header = self.memory.read_header(self.tail);
            let (tensor_bytes, metadata_bytes) = (header.tensor_bytes as usize, header.metadata_bytes as usize);
            if header.crc != header.checksum()
                || header.sequence != self.tail + 1
                || !self.geometry().fits(tensor_bytes, metadata_bytes)
                || tensor_bytes % 4 != 0
            {
                return Err(self.refuse());
            }
            if header.kind != KIND_ABANDONED {
                return Ok(Some(header));
            }
            if abandoned == self.geometry().slots() {
                return Ok(None);
            }
            abandoned += 1;
            // Otherwise `advance` would do nothing, for ever.
            self.memory.usable()?;
            self.advance();
        }
        if let Trust::Lost(head) = self.trust {
            self.trust = Trust::Told;
            return Err(overwritten(head, self.tail, self.geometry()));
        }
        Ok(None)
    }

    /// Copies `tensor_bytes` of the tensor and all of the metadata out of the oldest record, whose header is checked.
    fn copy_out(&mut self, header: &Header, tensor_bytes: usize) {
        let (tensor_room, metadata_bytes) = (header.tensor_bytes as usize, header.metadata_bytes as usize);
        let to = self.copied.as_mut_ptr().cast::<u8>();
        // SAFETY: the header says that both parts fit into a slot, and the copy has the room of a slot.
        // SAFETY: the copy is ours alone.
        unsafe {
            copy(self.memory.tensor(self.tail, tensor_bytes / 4).cast().as_ptr(), to, tensor_bytes);
            let metadata = self.memory.metadata(self.tail, tensor_room, metadata_bytes);
            copy(metadata.cast().as_ptr(), to.add(aligned(tensor_room)), metadata_bytes);
        }
    }

    /// What was copied out, as bytes.
    fn bytes(&self) -> &[u8] {
        // SAFETY: 64 bytes a line, all initialised, and only `copy_out` writes them.
        unsafe { std::slice::from_raw_parts(self.copied.as_ptr().cast(), self.copied.len() * 64) }
    }

    /// Counts a record that is not what a producer wrote.
    fn refuse(&self) -> Error {
        self.count_corrupt();
        corrupt(format!(
            "record {} of a ring was overwritten: something wrote beyond the patch that it was lent",
            self.tail
        ))
    }

    fn count_corrupt(&self) {
        // The consumer is the only writer of its counts.
        let count = &self.memory.control().consumer_counts.corrupt;
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

impl<P: Place> Drop for Consumer<P> {
    fn drop(&mut self) {
        // In the child of a fork the ring is the parent's.
        if self.memory.usable().is_ok() {
            // SYNC(closed): Release pairs with Acquire in Producer::is_closed.
            self.memory.control().consumer.closed.store(1, Ordering::Release);
            self.memory.control().room.ring();
        }
    }
}
