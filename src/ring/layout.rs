//! Where each byte of a ring lies: a control block, then the slots. Native byte order; the same bytes will lie in a
//! shared segment.
//!
//! ```text
//! control   128 bytes  head, ended_step, closed   written by the producer
//!           128 bytes  tail                       written by the consumer
//! slot i    at CONTROL_BYTES + i * slot_bytes:
//!            64 bytes  header
//!           tensor     float32, at 64-byte alignment
//!           metadata   flatbuffers, at the next multiple of 64
//! ```
//! Not here: who owns the memory ([`super::memory`]).

use crate::error::{Result, argument};
use crate::sync::{AtomicBool, AtomicI64, AtomicU64};

/// Bytes of the control block, a multiple of the page so that slots are page aligned.
pub(super) const CONTROL_BYTES: usize = 4096;
/// Bytes of a slot's header; the tensor follows.
pub(super) const HEADER_BYTES: usize = 64;
/// Room for metadata that a slot has at least: about a hundred proteins.
const METADATA_BYTES_MIN: usize = 4096;

/// A record that holds a patch: the tensor is its densities, the metadata a `PatchMeta`.
pub const KIND_PATCH: u32 = 1;
/// A slot whose loan was given up: the reader steps over it.
pub(super) const KIND_ABANDONED: u32 = 2;

/// How a ring is divided into slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    slots: usize,
    slot_bytes: usize,
    tensor_len: usize,
}

impl Geometry {
    /// `slots` (a power of two, 2 to 65,536) slots, each for a tensor of up to `tensor_len` float32 and its metadata.
    /// 37 x 37 x 14 gives slots of 80 KiB.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for another number of slots, an empty tensor, one
    /// over 256 MiB, or a ring over 64 GiB.
    pub fn new(slots: usize, tensor_len: usize) -> Result<Self> {
        if !slots.is_power_of_two() || !(2..=65_536).contains(&slots) {
            return Err(argument(format!(
                "a ring of {slots} slots: give a power of two from 2 to 65536 (64 is usual)"
            )));
        }
        if tensor_len == 0 || tensor_len > 1 << 26 {
            return Err(argument(format!("a ring for tensors of {tensor_len} numbers: give 1 to {}", 1 << 26)));
        }
        let slot_bytes = (HEADER_BYTES + aligned(tensor_len * 4) + METADATA_BYTES_MIN).next_multiple_of(4096);
        if slots * slot_bytes > 64 << 30 {
            return Err(argument(format!("a ring of {slots} slots of {slot_bytes} bytes is over 64 GiB: take fewer")));
        }
        Ok(Self { slots, slot_bytes, tensor_len })
    }

    /// Number of slots, a power of two.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Bytes from one slot to the next.
    pub fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// The most float32 that a record's tensor may have.
    pub fn tensor_len(&self) -> usize {
        self.tensor_len
    }

    /// The most bytes that a record's metadata may have beside a full tensor.
    pub fn metadata_bytes(&self) -> usize {
        self.slot_bytes - HEADER_BYTES - aligned(self.tensor_len * 4)
    }

    /// Bytes of the whole ring.
    pub(super) fn bytes(&self) -> usize {
        CONTROL_BYTES + self.slots * self.slot_bytes
    }

    /// Offset of the slot that record number `index` lies in.
    pub(super) fn slot_offset(&self, index: u64) -> usize {
        CONTROL_BYTES + (index as usize & (self.slots - 1)) * self.slot_bytes
    }
}

/// `bytes` rounded up to the alignment of a slot's parts.
pub(super) fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(64)
}

/// What both ends share beside the slots. Head and tail are on lines of their own (128 bytes: processors fetch pairs).
#[repr(C)]
pub(super) struct Control {
    pub(super) producer: ProducerLine,
    pub(super) consumer: ConsumerLine,
}

/// Written by the producer alone.
#[repr(C, align(128))]
pub(super) struct ProducerLine {
    /// Records committed so far; record `i` lies in slot `i mod slots`.
    pub(super) head: AtomicU64,
    /// The last step that the producer said it has ended; `i64::MIN` before the first.
    pub(super) ended_step: AtomicI64,
    /// The producer will commit nothing more.
    pub(super) closed: AtomicBool,
}

/// Written by the consumer alone.
#[repr(C, align(128))]
pub(super) struct ConsumerLine {
    /// Records taken so far, at most `head`.
    pub(super) tail: AtomicU64,
}

/// A record's header: 64 bytes at the start of its slot.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The record's number plus one, so that zeroed memory is never a record.
    pub sequence: u64,
    /// Bytes of the tensor, a multiple of 4.
    pub tensor_bytes: u32,
    /// Bytes of the metadata.
    pub metadata_bytes: u32,
    /// What the record is: [`KIND_PATCH`].
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
    /// The patch's id.
    pub id: u64,
    /// The macro model's step.
    pub step: i64,
    /// When it was committed, in nanoseconds of a clock that only grows; for latencies, never for decisions.
    pub committed_ns: u64,
    /// Hash of tensor and metadata.
    pub content: u64,
    /// Zero.
    pub reserved2: u32,
    /// CRC32C of the 60 bytes before.
    pub crc: u32,
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES && size_of::<Control>() <= CONTROL_BYTES);

impl Header {
    /// The CRC32C that `crc` should be.
    pub(super) fn checksum(&self) -> u32 {
        let mut bytes = [0; HEADER_BYTES - 4];
        let words = [
            self.sequence,
            u64::from(self.tensor_bytes) | u64::from(self.metadata_bytes) << 32,
            u64::from(self.kind) | u64::from(self.reserved) << 32,
            self.id,
            self.step as u64,
            self.committed_ns,
            self.content,
        ];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes[56..].copy_from_slice(&self.reserved2.to_le_bytes());
        crc32c::crc32c(&bytes)
    }
}
